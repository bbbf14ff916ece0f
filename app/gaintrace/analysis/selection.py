"""Configurations under each rule that picks epochs, by means of their runs, and what mastery alone is worth there."""

import math
from collections.abc import Sequence
from typing import Any

from gaintrace.analysis.comparison import Comparison
from gaintrace.analysis.epoch_rules import PickedRun, RuleOutcome
from gaintrace.analysis.table import MASTERY_COLUMNS, TIE
from gaintrace.config import Strict
from gaintrace.training.epoch_rules import SIDES


class Picked(Strict):
    """A configuration at the epochs that a rule picks: validation AUCs by encoder, combined, and what ranks."""

    swept: dict[str, Any]
    aucs: dict[str, float]
    score: float


class RuleOrder(Strict):
    """Configurations under a rule, best first; `ranges`: from best to worst, of each encoder and combined."""

    rule: str
    configurations: list[Picked]
    ranges: dict[str, float]


class MasteryAlone(Strict):
    """What mastery alone is worth on test, by column (table.MASTERY_COLUMNS): means over a configuration's runs."""

    swept: dict[str, Any]
    values: dict[str, float | None]


def rule_orders(selection: Sequence[RuleOutcome], comparison: Comparison) -> list[RuleOrder]:
    """What each rule makes of the configurations whose runs have known epochs."""
    found = []
    for outcome in selection:
        runs = {run.run_id: run for run in outcome.runs}
        picked = []
        for configuration in comparison.configurations:
            own = [runs[run] for run in configuration.runs if run in runs]
            if own:
                picked.append(_picked(configuration.swept, own))
        names = [name for name in (*SIDES, "combined") if picked and all(name in one.aucs for one in picked)]
        values = {name: [one.aucs[name] for one in picked] for name in names}
        found.append(
            RuleOrder(
                rule=outcome.rule,
                configurations=sorted(picked, key=lambda one: -one.score),
                ranges={name: max(aucs) - min(aucs) for name, aucs in values.items()},
            )
        )
    return found


def mastery_alone(runs: Sequence[dict[str, Any]], comparison: Comparison) -> list[MasteryAlone]:
    """Of the configurations in which it was measured, in the order of the ranking. `runs`: rows of the run table."""
    by_run = {row["run_id"]: row for row in runs}
    found = []
    for configuration in comparison.configurations:
        own = [by_run[run] for run in configuration.runs]
        values = {
            name: _mean([row[name] for row in own if row.get(name) is not None]) if name in own[0] else None
            for name in MASTERY_COLUMNS
        }
        if any(value is not None for value in values.values()):
            found.append(MasteryAlone(swept=configuration.swept, values=values))
    return found


def _picked(swept: dict[str, Any], runs: Sequence[PickedRun]) -> Picked:
    of_sides = {side: [getattr(run, f"valid_{side}_auc") for run in runs] for side in SIDES}
    aucs = {side: _mean(values) for side, values in of_sides.items() if None not in values}
    aucs["combined"] = _mean([run.combined for run in runs])
    score = _mean([run.score for run in runs])
    return Picked(
        swept=swept,
        aucs={name: value for name, value in aucs.items() if value is not None},
        score=round(score if score is not None else 0.0, TIE),
    )


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
