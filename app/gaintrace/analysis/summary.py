"""results.json: everything that the numbers of a sweep say, from its plan and its results."""

import io
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pandas as pd
from pydantic import Field

from gaintrace.analysis.comparison import Comparison, compare_configurations
from gaintrace.analysis.effects import EFFECT_METRICS, Effects, effects
from gaintrace.analysis.epoch_rules import RuleOutcome, compare_rules
from gaintrace.analysis.findings import Evidence, Finding, find
from gaintrace.analysis.importance import Importance, importance
from gaintrace.analysis.pareto import pareto_front
from gaintrace.analysis.provenance import Cost, cost
from gaintrace.analysis.ranking import REPETITIONS
from gaintrace.analysis.search import SearchSummary, summarise_search
from gaintrace.analysis.selection import MasteryAlone, RuleOrder, mastery_alone, rule_orders
from gaintrace.analysis.statistics import Criterion, Statistics, check_success, correlations, summarise
from gaintrace.analysis.table import plain_value, run_table, short_names
from gaintrace.config import Objective, Strict
from gaintrace.runs.files import read_file
from gaintrace.runs.result import GainStatistics, Interpretability, PyktScores, RunResult
from gaintrace.store import MissingObjectError, Store, layout
from gaintrace.sweeps.plan import DataReference, Plan
from gaintrace.sweeps.results import READ_AT_A_TIME, read_results

EPOCHS_READ = 200
"""Runs whose epochs are read, from the best down: enough for every finding, few enough for a sweep of thousands."""


class Coverage(Strict):
    """How many of the planned runs ended how. `stopped`: by a search, which wanted no more of them."""

    planned: int
    succeeded: int
    failed: int
    missing: int
    stopped: int = Field(0, exclude_if=lambda count: count == 0)
    required: float

    @property
    def wanted(self) -> int:
        """Runs that were to be trained to their end."""
        return self.planned - self.stopped

    @property
    def ratio(self) -> float:
        """Share of the runs wanted that succeeded."""
        return self.succeeded / self.wanted if self.wanted else 0.0

    @property
    def enough(self) -> bool:
        """Whether the sweep counts as done."""
        return self.succeeded >= math.ceil(self.required * self.wanted) and self.succeeded > 0


class Summary(Strict):
    """results.json."""

    sweep_id: str
    name: str
    description: str
    data: DataReference
    code_version: str
    objective: Objective
    parameters: list[str]
    coverage: Coverage
    best: dict[str, Any] | None
    success: dict[str, Criterion]
    comparison: Comparison
    findings: list[Finding]
    selection: list[RuleOutcome] = Field([], description="the runs on validation, by rule that picks epochs")
    selection_orders: list[RuleOrder] = Field([], description="the configurations on validation, by the same rules")
    mastery_alone: list[MasteryAlone] = Field([], description="what mastery alone is worth, by configuration")
    statistics: dict[str, Statistics]
    correlations: dict[str, dict[str, float | None]]
    interpretability: Interpretability | None
    gain: GainStatistics | None
    pykt: PyktScores | None = Field(None, description="of the best run, what compares with pyKT's tables")
    effects: list[Effects] = Field([], description="of a grid's parameters, by metric")
    search: SearchSummary | None = Field(
        None, description="how a search went", exclude_if=lambda search: search is None
    )
    importance: Importance | None = Field(None, description="of a grid's parameters for what ranks")
    mastery_recovery: float | None
    simulator: str | None = Field(None, description="what simulated the mastery that is recovered; of before: `curve`")
    mastery_shown: list[str] = Field([], description="what the report says of the mastery that it shows")
    cost: Cost
    seconds: float
    runs: list[dict[str, Any]]


class Analysis(NamedTuple):
    """A sweep's numbers, and what they were made of: a row a run; by run id, results and the best runs' epochs."""

    summary: Summary
    table: pd.DataFrame
    results: dict[str, RunResult]
    epochs: dict[str, pd.DataFrame]


def analyse(store: Store, plan: Plan) -> Analysis:
    """Reconcile a plan with the store: all that can be said of the sweep now."""
    results = read_results(store, plan)
    table = run_table(plan, results)
    epochs = read_epochs(store, table, results)
    comparison = compare_configurations(
        store, table, list(short_names(plan).values()), plan.spec.objective, plan.data.hash, results
    )
    counts = comparison.counts | {"front": len(pareto_front(comparison))}
    comparison = comparison.model_copy(update={"counts": counts})
    table = with_intervals(table, comparison)
    return Analysis(summarise_sweep(plan, table, results, epochs, comparison), table, results, epochs)


def summarise_sweep(
    plan: Plan,
    table: pd.DataFrame,
    results: dict[str, RunResult],
    epochs: dict[str, pd.DataFrame],
    comparison: Comparison,
) -> Summary:
    """All numbers of a sweep."""
    statuses = table["status"].value_counts()
    rows: list[dict[str, Any]] = [
        {str(key): plain_value(value) for key, value in row.items()} for row in table.to_dict("records")
    ]
    best = rows[0] if rows[0]["rank"] == 1 else None
    columns = short_names(plan)
    parameters = list(columns.values())
    evidence = Evidence(plan.spec, columns, table, epochs, results, comparison)
    selection = compare_rules(epochs, {run.run_id: run.config for run in plan.runs}, plan.spec.objective)
    return Summary(
        sweep_id=plan.sweep_id,
        name=plan.spec.name,
        description=plan.spec.description,
        data=plan.data,
        code_version=plan.code_version,
        objective=plan.spec.objective,
        parameters=parameters,
        coverage=Coverage(
            planned=len(plan.runs),
            **{status: int(statuses.get(status, 0)) for status in ("succeeded", "stopped", "failed", "missing")},
            required=plan.spec.min_coverage,
        ),
        best=best,
        success=check_success(plan.spec.success, best) if best else {},
        comparison=comparison,
        findings=find(evidence),
        selection=selection,
        selection_orders=rule_orders(selection, comparison),
        mastery_alone=mastery_alone(rows, comparison),
        statistics=summarise(table),
        correlations=correlations(table, [name for name in parameters if name not in REPETITIONS]),
        interpretability=results[best["run_id"]].interpretability if best else None,
        gain=results[best["run_id"]].gain if best else None,
        pykt=results[best["run_id"]].pykt if best else None,
        effects=[] if plan.spec.search else [e for metric in EFFECT_METRICS if (e := effects(comparison, metric))],
        search=summarise_search(plan, results),
        importance=importance(comparison, plan.spec.objective),
        mastery_recovery=results[best["run_id"]].mastery_recovery if best else None,
        simulator=results[best["run_id"]].simulator if best else None,
        cost=cost(results),
        seconds=float(sum(result.seconds for result in results.values())),
        runs=rows,
    )


def with_intervals(table: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """The run table with combined_low and combined_high: where combined on test may lie with other test students."""
    found = {
        side: [getattr(comparison.runs.get(run), side, None) for run in table["run_id"]] for side in ("low", "high")
    }
    at = table.columns.tolist().index("combined") + 1
    columns = {f"combined_{side}": pd.Series(values, table.index, "float64") for side, values in found.items()}
    return pd.concat([table.iloc[:, :at], pd.DataFrame(columns), table.iloc[:, at:]], axis=1)


def read_epochs(store: Store, table: pd.DataFrame, results: dict[str, RunResult]) -> dict[str, pd.DataFrame]:
    """epochs.csv of the best runs, by run id; one that is missing or damaged is left out."""

    def read(run: str) -> pd.DataFrame | None:
        try:
            return pd.read_csv(io.BytesIO(read_file(store.child(layout.run(run)), "epochs.csv", results[run])))
        except (MissingObjectError, ValueError):
            return None

    runs = table.loc[table["rank"].notna(), "run_id"].head(EPOCHS_READ).tolist()
    with ThreadPoolExecutor(READ_AT_A_TIME) as pool:
        found = zip(runs, pool.map(read, runs), strict=True)
    return {run: epochs for run, epochs in found if epochs is not None}
