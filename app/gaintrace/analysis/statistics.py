"""The numbers of the study's report: summary statistics, correlations, success criteria."""

import math
from typing import Any

import pandas as pd

from gaintrace.config import Strict, SuccessCriteria

DESCRIBED_METRICS = ("test_e1_auc", "test_e2_auc", "test_e3_auc", "combined")
"""Those of E3 where runs have it."""


class Statistics(Strict):
    """Of one metric over the runs that have it. `std` is the sample's (n − 1); None for a single run."""

    count: int
    mean: float
    median: float
    std: float | None
    min: float
    max: float
    range: float


class Criterion(Strict):
    """What the best run had to reach, and whether it did."""

    required: float
    value: float
    met: bool


def summarise(table: pd.DataFrame) -> dict[str, Statistics]:
    """Statistics of each metric over the succeeded runs; without any, none."""
    found = {}
    for metric in described(table):
        values = numbers(table, metric)
        if len(values):
            std = float(values.std(ddof=1))
            found[metric] = Statistics(
                count=len(values),
                mean=float(values.mean()),
                median=float(values.median()),
                std=None if math.isnan(std) else std,
                min=float(values.min()),
                max=float(values.max()),
                range=float(values.max() - values.min()),
            )
    return found


def described(table: pd.DataFrame) -> list[str]:
    """The metrics that a table has."""
    return [metric for metric in DESCRIBED_METRICS if metric in table]


def correlations(table: pd.DataFrame, parameters: list[str]) -> dict[str, dict[str, float | None]]:
    """Pearson correlation of each numeric parameter with each metric.

    None where either is constant, or fewer than three runs make it ±1 whatever they say.
    """
    succeeded = table[table["status"] == "succeeded"]
    found: dict[str, dict[str, float | None]] = {}
    for parameter in parameters:
        values = pd.to_numeric(succeeded[parameter], errors="coerce").astype("float64")
        if len(values) and values.notna().all():
            found[parameter] = {metric: _correlation(values, numbers(succeeded, metric)) for metric in described(table)}
    return found


def _correlation(x: pd.Series, y: pd.Series) -> float | None:
    both = pd.DataFrame({"x": x, "y": y}).dropna()
    if len(both) < 3 or both["x"].nunique() < 2 or both["y"].nunique() < 2:
        return None
    return float(both["x"].corr(both["y"]))


def check_success(criteria: SuccessCriteria, best: dict[str, Any]) -> dict[str, Criterion]:
    """Each criterion that is set, against the best run's row."""
    required = {name: value for name, value in criteria.model_dump().items() if value is not None}
    return {
        name: Criterion(required=least, value=best[name], met=best[name] >= least) for name, least in required.items()
    }


def numbers(table: pd.DataFrame, column: str) -> "pd.Series[float]":
    """A column of the succeeded runs as floats, gaps dropped."""
    return table.loc[table["status"] == "succeeded", column].astype("float64").dropna()
