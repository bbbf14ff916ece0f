"""Mastery by practice, out of the predictions of runs: no weights and no data set are needed."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from gaintrace.errors import ConfigError

SKILLS = 6
"""The skills asked most often are shown."""
LEAST_STUDENTS = 10
"""A mean over fewer students is not shown."""
LONGEST = 20
"""Practised answers that are shown."""


@dataclass(frozen=True)
class Curve:
    """One skill: for the n-th time a test student is asked it (n = 1..), the mean over those who got so far.

    `mastery`: of each run, by its label; `correct`: the share of correct responses; `students`: how many got so far.
    """

    skill: int
    mastery: dict[str, list[float]]
    correct: list[float]
    students: list[int]


def curves(predictions: dict[str, pd.DataFrame]) -> list[Curve]:
    """Curves of the skills asked most often (equally often: the lower number first), of runs on one test set."""
    first = next(iter(predictions.values()))
    if any(not frame[["student", "position"]].equals(first[["student", "position"]]) for frame in predictions.values()):
        raise ConfigError("the runs predict different test sets, so their mastery cannot be laid side by side")
    asked = first["skill"].value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
    time = first.sort_values(["student", "position"], kind="stable").groupby(["student", "skill"]).cumcount()
    found = [_curve(skill, first, time.reindex(first.index), predictions) for skill in asked.index[:SKILLS]]
    return [curve for curve in found if len(curve.students) > 1]


def asked_twice(predictions: pd.DataFrame) -> tuple[int, int]:
    """How many test students were asked one skill twice, of the skill with most of them; and how many there are."""
    asked = predictions.groupby(["skill", "student"]).size()
    return int((asked >= 2).groupby("skill").sum().max()), int(predictions["student"].nunique())


def _curve(skill: Any, first: pd.DataFrame, time: "pd.Series[Any]", predictions: dict[str, pd.DataFrame]) -> Curve:
    rows = (first["skill"] == skill) & (time < LONGEST)
    times = time[rows]
    students = times.value_counts().sort_index()
    reached = students[(students >= LEAST_STUDENTS).cummin()].index

    def means(values: "pd.Series[Any]") -> list[float]:
        return [float(mean) for mean in values[rows].groupby(times).mean()[reached]]

    return Curve(
        skill=int(skill),
        mastery={label: means(frame["mastery"]) for label, frame in predictions.items()},
        correct=means(first["response"]),
        students=[int(count) for count in students[reached]],
    )
