"""Making a sweep's configuration the default: what speaks against it, and writing it down where nothing does.

What counts is whether it is better than the default in force on the same data (incumbent.py). Where it is, that others
of its sweep are as good is worth a remark and no objection.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import ValidationError

from gaintrace.analysis.comparison import Configuration
from gaintrace.analysis.findings.noise import named
from gaintrace.analysis.summary import Summary
from gaintrace.config import SweepSpec, explain
from gaintrace.defaults import history, incumbent
from gaintrace.defaults.history import Default, Provenance, configuration_hash
from gaintrace.defaults.incumbent import TEST_METRICS, Challenge, challenge
from gaintrace.defaults.weights import keep_weights
from gaintrace.errors import ConfigError, RefusedError, StoreError
from gaintrace.store import MissingObjectError, Store, layout
from gaintrace.sweeps.plan import Plan, read_plan

TIES_NAMED = 3
METRICS = TEST_METRICS | {
    "valid_e1_auc": "validation E1 AUC",
    "valid_e2_auc": "validation E2 AUC",
    "valid_e3_auc": "validation E3 AUC",
    "valid_combined": "combined validation AUC",
}


@dataclass(frozen=True)
class Promotion:
    """How a promotion ended: the default in force, and whether it was already."""

    default: Default
    already: bool


def promote(store: Store, sweep_id: str, run: str | None, force: bool, command: str) -> Promotion:
    """Make the best configuration of a sweep, or the one of `run`, the default.

    Raises RefusedError with every objection; `force` overrules them, and the provenance says so. Repeating a promotion
    changes nothing; of several at a time each is judged against what is in force when its turn comes.
    """
    plan = read_plan(store, sweep_id)
    summary = read_summary(store, sweep_id)
    chosen = chosen_configuration(summary, run)
    spec = promoted_spec(plan, chosen)
    while True:
        before = history.current(store)
        runs = _runs_best_first(summary, chosen, run)
        if before is not None and history.spec_hash(before.spec) == history.spec_hash(spec):
            keep_weights(store, runs)
            history.publish(store)
            return Promotion(before, already=True)
        duel = challenge(store, plan, summary, chosen, before)
        against, remarks = objections(plan, summary, chosen, before, duel)
        if against and not force:
            raise RefusedError(
                f"{sweep_id}: {name(chosen)} is not promoted:\n"
                + "\n".join(f"- {reason}" for reason in against)
                + "\nThe default stays as it is. --force overrules, and is recorded with the default"
            )
        provenance = Provenance(
            sweep_id=sweep_id,
            runs=chosen.runs,
            swept=chosen.swept,
            data=summary.data.name,
            data_hash=summary.data.hash,
            metrics={m: getattr(chosen, m) for m in ("test_e1_auc", "test_e2_auc", "combined")},
            code_version=summary.code_version,
            promoted=datetime.now(UTC).isoformat(timespec="seconds"),
            command=command,
            comparison=duel.text,
            overruled=against,
            remarks=remarks,
            model=keep_weights(store, runs),
        )
        added = history.add(store, spec, provenance, before.number if before else 0)
        if added is not None:
            return Promotion(added, already=False)


def read_summary(store: Store, sweep_id: str) -> Summary:
    """results.json of a sweep."""
    key = layout.sweep(sweep_id, "results.json")
    try:
        return Summary.model_validate_json(store.read(key))
    except MissingObjectError:
        raise ConfigError(
            f"sweep {sweep_id} has no results yet; `gaintrace aggregate --sweep {sweep_id}` makes them"
        ) from None
    except ValidationError as error:
        raise StoreError(
            f"{store.uri}/{key} cannot be read ({explain(error)}); "
            f"`gaintrace aggregate --sweep {sweep_id}` makes it anew"
        ) from None


def chosen_configuration(summary: Summary, run: str | None) -> Configuration:
    """The best configuration, or the one that a run belongs to."""
    if not summary.comparison.configurations:
        raise ConfigError(f"sweep {summary.sweep_id}: no run succeeded, so there is nothing to promote")
    if run is None:
        return summary.comparison.configurations[0]
    for configuration in summary.comparison.configurations:
        if run in configuration.runs:
            return configuration
    row = next((row for row in summary.runs if row["run_id"] == run), None)
    reason = f"its status is {row['status']}" if row else "the run_id column of its results.csv names those it has"
    raise ConfigError(f"sweep {summary.sweep_id} has no succeeded run {run}: {reason}")


def _runs_best_first(summary: Summary, chosen: Configuration, run: str | None) -> list[str]:
    """The runs of a configuration, the one that was named before the others."""
    ranked = [str(row["run_id"]) for row in summary.runs if row["run_id"] in chosen.runs]
    return sorted(ranked, key=lambda other: other != run)


def promoted_spec(plan: Plan, chosen: Configuration) -> SweepSpec:
    """The configuration as a sweep of one run, of no data set, with fold and seed of the sweep's base."""
    config = next(run.config for run in plan.runs if run.run_id == chosen.runs[0])
    base = plan.spec.base
    data = config.data.model_copy(update={"dataset": None, "synthetic": None, "fold": base.data.fold})
    training = config.training.model_copy(update={"seed": base.training.seed})
    return SweepSpec(
        name="default",
        description=f"From {plan.sweep_id}: {name(chosen)}",
        base=config.model_copy(update={"data": data, "training": training}),
        objective=plan.spec.objective,
        success=plan.spec.success,
    )


def objections(
    plan: Plan, summary: Summary, chosen: Configuration, before: Default | None, duel: Challenge
) -> tuple[list[str], list[str]]:
    """What in the numbers speaks against making a configuration the default, and what should only be known."""
    found, remarks = [], []
    coverage = summary.coverage
    if not coverage.enough:
        found.append(
            f"the sweep is not done: {coverage.succeeded} of {coverage.wanted} runs succeeded, "
            f"{math.ceil(coverage.required * coverage.wanted)} must"
        )
    for criterion, least in plan.spec.success.model_dump().items():
        reached = getattr(chosen, criterion)
        if least is not None and reached < least:
            found.append(
                f"success criterion missed: {TEST_METRICS[criterion]} is {reached:.4f}, at least {least} is required"
            )
    if duel.objection is not None:
        found.append(duel.objection)
    found += _unsettled(summary, chosen)
    best = summary.comparison.configurations[0]
    default = in_sweep(plan, summary, before)
    noise = _noise(summary, chosen, default)
    told_apart = chosen.apart is not True if chosen is not best else default is None or default.apart is not False
    if duel.beaten and told_apart:
        remarks += noise
    else:
        found += noise
    return found, remarks


def _unsettled(summary: Summary, chosen: Configuration) -> list[str]:
    """Findings that say that a better one is within reach: longer training, or beyond the grid."""
    found = []
    for finding in summary.findings:
        numbers = finding.numbers
        at_the_edge = finding.name == "edge_of_the_grid" and chosen.swept.get(numbers["parameter"]) == numbers["best"]
        if finding.name == "too_few_epochs" or at_the_edge:
            found.append(finding.text)
    return found


def _noise(summary: Summary, chosen: Configuration, default: Configuration | None) -> list[str]:
    """Others of the sweep that the configuration is not surely better than, on test."""
    comparison = summary.comparison
    best, *others = comparison.configurations
    metric = TEST_METRICS[summary.objective.test_metric]
    if not others:
        return ["the sweep has one configuration, so nothing shows that it is better than another"]
    if chosen is not best:
        return [f"{name(chosen)} {_behind(chosen, best, metric, METRICS[comparison.metric])}{_by(chosen)}"]
    if comparison.reference != 0:
        return [f"nothing says whether its lead in {metric} is more than noise: its predictions cannot be read"]
    ties = [other for other in others if other.apart is False]
    unknown = [other for other in (others[0], default) if other in others and other.apart is None]
    found = [
        f"its lead in {metric} over {_what(other, others[0], default)} is within noise{_by(other)}"
        for other in sorted(ties, key=lambda other: other is not default)[:TIES_NAMED]
    ]
    if len(ties) > TIES_NAMED:
        found.append(f"{len(ties) - TIES_NAMED} more configurations cannot be told from it")
    better = [other for other in others if other.apart and other.difference and other.difference.mean > 0]
    found += [f"{name(other)} is better in {metric} by more than noise{_by(other)}" for other in better[:TIES_NAMED]]
    for other in {id(other): other for other in unknown}.values():
        lead = f"its lead in {metric} over {_what(other, others[0], default)}"
        found.append(f"nothing says whether {lead} is more than noise; add seeds")
    return found


def _behind(chosen: Configuration, best: Configuration, metric: str, ranks: str) -> str:
    """What of a configuration that does not come first."""
    after = f"comes after {name(best)} in {ranks}"
    if chosen.apart is None or chosen.difference is None:
        return after
    if not chosen.apart:
        return f"cannot be told from {name(best)} in {metric}, and {after}"
    if chosen.difference.mean > 0:
        return f"{after}, which picks the winner; only {metric} has it ahead"
    return f"is worse in {metric} than {name(best)} by more than noise"


def _what(other: Configuration, runner_up: Configuration, default: Configuration | None) -> str:
    place = "the current default, " if other is default else "the next, " if other is runner_up else ""
    return f"{place}{name(other)}{',' if place else ''}"


def in_sweep(plan: Plan, summary: Summary, default: Default | None) -> Configuration | None:
    """The configuration of a sweep that is the default in force, if it was among them."""
    base = incumbent.in_force(default)[1].base
    same = {run.run_id for run in plan.runs if configuration_hash(run.config) == configuration_hash(base)}
    return next((c for c in summary.comparison.configurations if same.intersection(c.runs)), None)


def name(configuration: Configuration) -> str:
    """A configuration by what is swept."""
    return named([configuration.swept]) if configuration.swept else "the configuration"


def _by(other: Configuration) -> str:
    gap = other.difference
    if gap is None or gap.low is None:
        return ""
    return f" (difference {gap.mean:+z.4f}, 95 % interval {gap.low:+z.4f} to {gap.high:+z.4f})"
