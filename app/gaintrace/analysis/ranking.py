"""The runs of a sweep as configurations, in the order of an objective.

A configuration is what is swept but seeds and folds; its runs are the repetitions.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gaintrace.analysis.table import TIE, plain_value
from gaintrace.config import Objective

REPETITIONS = ("seed", "fold")


@dataclass(frozen=True)
class Repetition:
    """A succeeded run. `repetition`: its seed and fold, as far as they are swept; `test`, `valid`: AUC of E1 and E2."""

    run_id: str
    swept: dict[str, Any]
    repetition: tuple[Any, ...]
    test: tuple[float, float]
    valid: tuple[float, float] | None


Group = list[Repetition]


def configurations(table: pd.DataFrame, parameters: list[str]) -> list[Group]:
    """The succeeded runs of each configuration, in one order of repetitions."""
    groups: dict[str, Group] = {}
    for row in table[table["rank"].notna()].to_dict("records"):
        swept = {name: plain_value(row[name]) for name in parameters}
        repetition = tuple(swept.pop(name) for name in REPETITIONS if name in swept)
        valid = tuple(plain_value(row[f"valid_{side}_auc"]) for side in ("e1", "e2"))
        run = Repetition(
            run_id=row["run_id"],
            swept=swept,
            repetition=repetition,
            test=(float(row["test_e1_auc"]), float(row["test_e2_auc"])),
            valid=None if None in valid else (float(valid[0]), float(valid[1])),
        )
        groups.setdefault(json.dumps(swept, sort_keys=True), []).append(run)
    return [sorted(group, key=lambda run: run.repetition) for group in groups.values()]


def ranked(groups: list[Group], objective: Objective) -> list[Group]:
    """Configurations by their mean, best first; equal ones in the order of their runs."""
    return sorted(groups, key=lambda group: -ranking_score(group, objective))


def ranking_score(group: Group, objective: Objective) -> float:
    """The mean that ranks, to as many decimals as make a tie."""
    splits = [run.valid if objective.on_validation else run.test for run in group]
    return round(mean([objective.score(*split) for split in splits if split is not None]), TIE)


def mean(values: list[float]) -> float:
    """Of some numbers, in any order."""
    return math.fsum(values) / len(values)
