"""How a configuration of a sweep compares with the default in force, on the sweep's own data.

The two are compared where both were trained by the same code: on equal data, fold and seed. What the default does there
is known from the sweep, if it was among its configurations, from finished runs of the store, or from what a validation
recorded. Where none of these knows it, it has to be trained.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd
from pydantic import ValidationError

from gaintrace.analysis.comparison import Configuration, compare_configurations
from gaintrace.analysis.intervals import AUC_ROUNDING, LEVEL, Interval, mean_interval
from gaintrace.analysis.summary import Summary
from gaintrace.config import RunConfig, SweepSpec, load_spec
from gaintrace.defaults.history import FALLBACK, Default, configuration_hash
from gaintrace.defaults.records import read_record
from gaintrace.errors import ConfigError
from gaintrace.identity import IMPORTED, code_version, run_id
from gaintrace.runs.result import RunResult
from gaintrace.store import MissingObjectError, Store, layout
from gaintrace.sweeps.plan import Plan
from gaintrace.training.epoch_rules import SIDES

TEST_METRICS = {
    "test_e1_auc": "test E1 AUC",
    "test_e2_auc": "test E2 AUC",
    "test_e3_auc": "test E3 AUC",
    "combined": "combined test AUC",
}

Cell = tuple[int, int]
"""A fold and a seed."""


@dataclass(frozen=True)
class Scored:
    """A finished run. `run`: its id, if the store has it with its predictions."""

    run: str | None
    metrics: dict[str, float | None]


@dataclass(frozen=True)
class Challenge:
    """How a configuration compares with the default in force: in a sentence, and whether it is better beyond noise.

    `objection`: what of it speaks against a promotion; None where it is better, or where it is the default.
    """

    text: str
    beaten: bool
    objection: str | None


def challenge(store: Store, plan: Plan, summary: Summary, chosen: Configuration, before: Default | None) -> Challenge:
    """Compare a configuration of a sweep with the default in force."""
    which, spec = in_force(before)
    own = _chosen_runs(plan, summary, chosen)
    if configuration_hash(spec.base) == configuration_hash(_config(plan, chosen)):
        return Challenge(f"{which}, which is in force, is the same configuration", False, None)
    other = _default_runs(store, plan, summary, spec, set(own))
    shared = sorted(own.keys() & other.keys())
    if not shared or len(shared) < min(2, len(own)):
        unknown = _untrained(plan, spec, own.keys() - other.keys(), which)
        unknown = f"nothing compares it with {which}, which is in force: {unknown}"
        return Challenge(f"not compared: {unknown}", False, unknown)
    metric = plan.spec.objective.test_metric
    pairs = [(own[cell], other[cell]) for cell in shared]
    new, old = (_mean([_score(run, plan, metric) for run in runs]) for runs in zip(*pairs, strict=True))
    found = _interval(store, plan, pairs, metric)
    text = f"{which} has {TEST_METRICS[metric]} {old:.4f} on {summary.data.name}, {new:.4f} is new: {_gap(found)}"
    text += f", over {len(shared)} {'run' if len(shared) == 1 else 'runs'} of each"
    why = _objection(found, len(shared), which)
    if why is None and plan.spec.objective.rank_by == metric:
        many = len(summary.comparison.configurations)
        widened = mean_interval(_gaps(plan, pairs, metric), 1 - (1 - LEVEL) / many)
        if widened.touches_zero:
            why = f"picked as the best of {many} on the same test students, its lead over {which} may be luck"
    return Challenge(text, why is None, None if why is None else f"{why}: {text}")


def _objection(found: Interval, runs: int, which: str) -> str | None:
    """What a difference to the default speaks against making something the default; None where it is for it."""
    if runs == 1 or found.low is None or found.high is None:
        lack = "add seeds" if runs == 1 else "predictions of some of the runs cannot be read"
        return f"nothing says whether its difference to {which}, which is in force, is more than noise; {lack}"
    if found.high < 0:
        return f"it is worse than {which}, which is in force, by more than noise"
    lead = f"its lead over {which}, which is in force, is"
    if found.low <= 0:
        return f"{lead} within noise"
    return f"{lead} no larger than rounding on another device may make" if found.mean < AUC_ROUNDING else None


def in_force(before: Default | None) -> tuple[str, SweepSpec]:
    """The default in force: how to call it, and what it is."""
    return (f"default {before.number}", before.spec) if before else (f"the preset {FALLBACK}", load_spec(FALLBACK))


def spec_there(plan: Plan, chosen: Configuration, before: Default | None, data: str | None = None) -> SweepSpec:
    """The default in force as a sweep on another's data, over the folds and seeds of a configuration of that.

    `data`: where the data set lies now. Raises ConfigError where what it gives could not be compared.
    """
    which, spec = in_force(before)
    why = _incomparable(plan, spec)
    if why is not None:
        raise ConfigError(f"sweep {plan.sweep_id}: {why}, so {which} cannot be trained for a comparison")
    cells = _cells(plan, chosen)
    base = _on_data(spec.base, plan, min(cells))
    if data is not None:
        base = base.model_copy(update={"data": base.data.model_copy(update={"dataset": data, "synthetic": None})})
    return SweepSpec(
        name="default",
        description=f"{which}, to compare {plan.sweep_id} with",
        base=base,
        folds=sorted({fold for fold, _ in cells}),
        seeds=sorted({seed for _, seed in cells}),
        objective=plan.spec.objective,
    )


def _cells(plan: Plan, chosen: Configuration) -> dict[Cell, str]:
    """Run ids of a configuration."""
    runs = set(chosen.runs)
    return {(run.config.data.fold, run.config.training.seed): run.run_id for run in plan.runs if run.run_id in runs}


def _config(plan: Plan, chosen: Configuration) -> RunConfig:
    return next(run.config for run in plan.runs if run.run_id == chosen.runs[0])


def _chosen_runs(plan: Plan, summary: Summary, chosen: Configuration) -> dict[Cell, Scored]:
    rows = {row["run_id"]: row for row in summary.runs}
    return {cell: Scored(run, _metrics(rows[run])) for cell, run in _cells(plan, chosen).items()}


def _default_runs(store: Store, plan: Plan, summary: Summary, spec: SweepSpec, cells: set[Cell]) -> dict[Cell, Scored]:
    """What the default does on the sweep's data, by fold and seed."""
    found = _recorded(store, plan, spec)
    if plan.code_version != IMPORTED:
        for cell in cells:
            run = run_id(_on_data(spec.base, plan, cell), plan.data.hash)
            result = _finished(store, run) if plan.code_version == code_version() else None
            if result is not None:
                found[cell] = result
    rows = {row["run_id"]: row for row in summary.runs if row["status"] == "succeeded"}
    for planned in plan.runs:
        same = configuration_hash(planned.config) == configuration_hash(spec.base)
        if same and planned.run_id in rows:
            cell = (planned.config.data.fold, planned.config.training.seed)
            found[cell] = Scored(planned.run_id, _metrics(rows[planned.run_id]))
    asked = [f"test_{side}_auc" for side in plan.spec.objective.weights]
    return {cell: run for cell, run in found.items() if all(run.metrics.get(name) is not None for name in asked)}


def _recorded(store: Store, plan: Plan, spec: SweepSpec) -> dict[Cell, Scored]:
    """What a validation recorded of the same configuration, data and code."""
    reference = read_record(store, plan.data)
    same = (configuration_hash(spec.base), plan.code_version)
    if spec.base.data.evaluation_overlap != plan.spec.base.data.evaluation_overlap:
        return {}
    if reference is None or (reference.config_hash, reference.code_version) != same:
        return {}
    found = {}
    for pair in reference.runs:
        found[pair.fold, pair.seed] = Scored(None, {"test_e1_auc": pair.e1, "test_e2_auc": pair.e2})
    return found


def _finished(store: Store, run: str) -> Scored | None:
    try:
        result = RunResult.model_validate_json(store.read(layout.run(run, layout.RESULT)))
    except (MissingObjectError, ValidationError):
        return None
    test, valid = result.test, result.valid
    if result.status != "succeeded" or test is None or None in (test.e1.auc, test.e2.auc):
        return None
    return Scored(
        run,
        {
            f"{split}_{side}_auc": getattr(getattr(of_split, side, None), "auc", None)
            for split, of_split in (("test", test), ("valid", valid))
            for side in SIDES
        },
    )


def _metrics(row: dict[str, Any]) -> dict[str, float | None]:
    return {name: row.get(name) for name in (f"{split}_{side}_auc" for split in ("test", "valid") for side in SIDES)}


def _on_data(base: RunConfig, plan: Plan, cell: Cell) -> RunConfig:
    """A configuration on the data of a sweep, evaluated as that is, with that fold and seed."""
    there = plan.spec.base.data
    data = {"dataset": there.dataset, "synthetic": there.synthetic, "fold": cell[0]}
    data["evaluation_overlap"] = there.evaluation_overlap
    return base.model_copy(
        update={
            "data": base.data.model_copy(update=data),
            "training": base.training.model_copy(update={"seed": cell[1]}),
        }
    )


def _interval(store: Store, plan: Plan, pairs: list[tuple[Scored, Scored]], metric: str) -> Interval:
    """Of the difference of the first to the second; over the test students as well where predictions are there."""
    gaps = _gaps(plan, pairs, metric)
    if any(other.run is None for _, other in pairs):
        return mean_interval(gaps)
    rows: list[dict[str, Any]] = [
        {"run_id": scored.run, "rank": 1, "configuration": which, "fold": place, "seed": 0, **scored.metrics}
        for place, pair in enumerate(pairs)
        for which, scored in zip(("own", "other"), pair, strict=True)
    ]
    objective = plan.spec.objective.model_copy(update={"rank_by": metric})
    parameters = ["configuration", "fold", "seed"]
    compared = compare_configurations(store, pd.DataFrame(rows), parameters, objective, plan.data.hash)
    difference = {c.swept["configuration"]: c.difference for c in compared.configurations}
    if difference["own"] is not None:
        return difference["own"]
    gap = difference["other"]
    if gap is None or gap.low is None or gap.high is None:
        return Interval(mean=_mean(gaps))
    return Interval(mean=-gap.mean, low=-gap.high, high=-gap.low)


def _gaps(plan: Plan, pairs: list[tuple[Scored, Scored]], metric: str) -> list[float]:
    return [_score(own, plan, metric) - _score(other, plan, metric) for own, other in pairs]


def _score(run: Scored, plan: Plan, metric: str) -> float:
    objective = plan.spec.objective.model_copy(update={"rank_by": metric})
    return float(objective.score({side: run.metrics[f"test_{side}_auc"] for side in objective.weights}))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _gap(found: Interval) -> str:
    where = "" if found.low is None else f" [{found.low:+z.4f}, {found.high:+z.4f}]"
    return f"difference {found.mean:+z.4f}{where}"


def _incomparable(plan: Plan, spec: SweepSpec) -> str | None:
    """Why what `spec` gives, the default in force, cannot be compared with a sweep."""
    if not set(plan.spec.objective.weights) <= set(spec.base.sides):
        return "it has no third encoder, and E3 ranks this sweep"
    if plan.code_version == IMPORTED:
        return "its results were imported, trained by other code"
    if plan.code_version != code_version():
        return f"it was trained by gaintrace {plan.code_version}, this is {code_version()}; run it again"
    return None


def _untrained(plan: Plan, spec: SweepSpec, cells: set[Cell], which: str) -> str:
    why = _incomparable(plan, spec)
    if why is not None:
        return why
    folds, seeds = (sorted({cell[place] for cell in cells}) for place in (0, 1))
    there = f"{'fold' if len(folds) == 1 else 'folds'} {', '.join(map(str, folds))}, "
    there += f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"
    return (
        f"it was not trained on {plan.data.name} (hash {plan.data.hash[:8]}) with {there}. "
        f"`gaintrace promote {plan.sweep_id} --train` trains {which} so first, and compares"
    )
