"""The last step of a sweep: reconcile the plan with the store and write tables, figures and the report.

Aggregating again gives the same files, and gives them at any time: a sweep half done is reported as half done.
"""

import io
import json
import math
from typing import Any

import pandas as pd
import yaml
from pydantic import Field

from gaintrace.config import Objective, Strict, SweepSpec
from gaintrace.store import MissingObjectError, Store
from gaintrace.sweep.comparison import REPETITIONS, Comparison, compare_configurations
from gaintrace.sweep.effects import EFFECT_METRICS, Effects, effects
from gaintrace.sweep.findings import Evidence, Finding, find
from gaintrace.sweep.plan import DataReference, Plan, read_plan
from gaintrace.sweep.provenance import Cost, cost, manifest
from gaintrace.sweep.results import GainStatistics, Interpretability, RunResult
from gaintrace.sweep.run_files import read_file
from gaintrace.sweep.selection import RuleOutcome, compare_rules
from gaintrace.sweep.statistics import Criterion, Statistics, check_success, correlations, summarise
from gaintrace.sweep.table import plain_value, read_results, run_table, short_names

EPOCHS_READ = 200
"""Runs whose epochs are read, from the best down: enough for every finding, few enough for a sweep of thousands."""


class Coverage(Strict):
    """How many of the planned runs ended how."""

    planned: int
    succeeded: int
    failed: int
    missing: int
    required: float

    @property
    def ratio(self) -> float:
        """Share of the planned runs that succeeded."""
        return self.succeeded / self.planned

    @property
    def enough(self) -> bool:
        """Whether the sweep counts as done."""
        return self.succeeded >= math.ceil(self.required * self.planned) and self.succeeded > 0


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
    statistics: dict[str, Statistics]
    correlations: dict[str, dict[str, float | None]]
    interpretability: Interpretability | None
    gain: GainStatistics | None
    effects: list[Effects] = Field([], description="of a grid's parameters, by metric")
    mastery_recovery: float | None
    cost: Cost
    seconds: float
    runs: list[dict[str, Any]]


def aggregate(store: Store, sweep_id: str) -> Summary:
    """Write everything that can be said of a sweep now, and return it."""
    from gaintrace.sweep.mastery_report import show_mastery
    from gaintrace.sweep.report import render_report

    plan = read_plan(store, sweep_id)
    results = read_results(store, plan)
    table = run_table(plan, results)
    epochs = read_epochs(store, table)
    comparison = compare_configurations(
        store, table, list(short_names(plan).values()), plan.spec.objective, plan.data.hash
    )
    table = with_intervals(table, comparison)
    summary = summarise_sweep(plan, table, results, epochs, comparison)
    provenance = manifest(plan, results)
    report = render_report(plan, summary, table, epochs, provenance, show_mastery(store, plan, summary))

    folder = store.child(f"sweeps/{sweep_id}")
    folder.write("results.csv", table.to_csv(index=False, lineterminator="\n").encode())
    for name, svg in report.figures.items():
        folder.write(f"figures/{name}.svg", svg.encode())
    if summary.best is not None:
        folder.write("best.yaml", best_spec(plan, summary.best["run_id"]).encode())
    folder.write("manifest.json", to_json(provenance).encode())
    folder.write("report.html", report.html.encode())
    folder.write("report.md", report.markdown.encode())
    folder.write("results.json", to_json(summary.model_dump(mode="json")).encode())
    return summary


def with_intervals(table: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """The run table with combined_low and combined_high: where combined may lie with other test students."""
    found = {
        side: [getattr(comparison.runs.get(run), side, None) for run in table["run_id"]] for side in ("low", "high")
    }
    at = table.columns.tolist().index("combined") + 1
    columns = {f"combined_{side}": pd.Series(values, table.index, "float64") for side, values in found.items()}
    return pd.concat([table.iloc[:, :at], pd.DataFrame(columns), table.iloc[:, at:]], axis=1)


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
            **{status: int(statuses.get(status, 0)) for status in ("succeeded", "failed", "missing")},
            required=plan.spec.min_coverage,
        ),
        best=best,
        success=check_success(plan.spec.success, best) if best else {},
        comparison=comparison,
        findings=find(evidence),
        selection=compare_rules(epochs, {run.run_id: run.config for run in plan.runs}, plan.spec.objective),
        statistics=summarise(table),
        correlations=correlations(table, [name for name in parameters if name not in REPETITIONS]),
        interpretability=results[best["run_id"]].interpretability if best else None,
        gain=results[best["run_id"]].gain if best else None,
        effects=[found for metric in EFFECT_METRICS if (found := effects(comparison, metric))],
        mastery_recovery=results[best["run_id"]].mastery_recovery if best else None,
        cost=cost(results),
        seconds=float(sum(result.seconds for result in results.values())),
        runs=rows,
    )


def read_epochs(store: Store, table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """epochs.csv of the best runs, by run id; one that is missing or damaged is left out."""
    found = {}
    for run in table.loc[table["rank"].notna(), "run_id"].head(EPOCHS_READ):
        try:
            found[run] = pd.read_csv(io.BytesIO(read_file(store.child(f"runs/{run}"), "epochs.csv")))
        except (MissingObjectError, ValueError):
            continue
    return found


def best_spec(plan: Plan, run_id: str) -> str:
    """A sweep of one run, the best one's configuration, as YAML."""
    config = next(run.config for run in plan.runs if run.run_id == run_id)
    spec = SweepSpec(
        name=f"{plan.spec.name[:35]}-best",
        description=f"Best run of {plan.sweep_id}",
        base=config,
        objective=plan.spec.objective,
        success=plan.spec.success,
    )
    return yaml.safe_dump(spec.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def to_json(value: Any) -> str:
    """Readable JSON that refuses NaN: a number that is not there is null."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
