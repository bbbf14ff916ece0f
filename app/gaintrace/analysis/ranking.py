"""The runs of a sweep as configurations, in the order of an objective.

A configuration is what is swept but seeds and folds; its runs are the repetitions.
"""

import json
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gaintrace.analysis.table import TIE, plain_value
from gaintrace.config import Objective
from gaintrace.training.epoch_rules import SIDES

REPETITIONS = ("seed", "fold")


@dataclass(frozen=True)
class Repetition:
    """A succeeded run. `repetition`: its seed and fold, as far as they are swept; `test`, `valid`: AUCs by side."""

    run_id: str
    swept: dict[str, Any]
    repetition: tuple[Any, ...]
    test: dict[str, float]
    valid: dict[str, float] | None


Group = list[Repetition]


def configurations(table: pd.DataFrame, parameters: list[str]) -> list[Group]:
    """The succeeded runs of each configuration, in one order of repetitions."""
    groups: dict[str, Group] = {}
    for row in table[table["rank"].notna()].to_dict("records"):
        swept = {name: plain_value(row[name]) for name in parameters}
        repetition = tuple(swept.pop(name) for name in REPETITIONS if name in swept)
        test, valid = (_aucs(row, split) for split in ("test", "valid"))
        run = Repetition(
            run_id=row["run_id"],
            swept=swept,
            repetition=repetition,
            test=test,
            valid=valid if test.keys() == valid.keys() else None,
        )
        groups.setdefault(json.dumps(swept, sort_keys=True), []).append(run)
    return [sorted(group, key=lambda run: run.repetition) for group in groups.values()]


def _aucs(row: Mapping[Hashable, Any], split: str) -> dict[str, float]:
    """Those that a row of the table has."""
    found = {side: plain_value(row.get(f"{split}_{side}_auc")) for side in SIDES}
    return {side: float(auc) for side, auc in found.items() if auc is not None}


def ranked(groups: list[Group], objective: Objective) -> list[Group]:
    """Configurations by their mean, best first; equal ones in the order of their runs."""
    return sorted(groups, key=lambda group: -ranking_score(group, objective))


def ranking_score(group: Group, objective: Objective) -> float:
    """The mean that ranks, to as many decimals as make a tie."""
    splits = [run.valid if objective.on_validation else run.test for run in group]
    return round(mean([objective.score(split) for split in splits if split is not None]), TIE)


def mean(values: list[float]) -> float:
    """Of some numbers, in any order."""
    return math.fsum(values) / len(values)
