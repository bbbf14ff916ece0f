"""Findings about the grid: where its best value lies, and which of its runs are missing."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from gaintrace.analysis.comparison import Configuration
from gaintrace.analysis.findings.finding import Evidence, Finding

BRACKETS_NEED = 3
"""Values of a parameter before its optimum can lie inside."""
HALVINGS = 10
"""Steps beyond the edge that are tried, each half the one before, until one is a value the parameter can have."""


def edge_of_the_grid(evidence: Evidence) -> Iterator[Finding]:
    """The best configuration has the smallest or largest value tried of a parameter: the optimum may lie beyond.

    Said only where the next value inside, all else equal, is worse on test by more than noise, and where a value lies
    beyond that the parameter can have.
    """
    configurations = evidence.comparison.configurations
    for path, parameter in evidence.columns.items():
        if not configurations or parameter not in configurations[0].swept:
            continue
        values = sorted({float(c.swept[parameter]) for c in configurations if _is_number(c.swept[parameter])})
        chosen = configurations[0].swept[parameter]
        if len(values) < BRACKETS_NEED or not _is_number(chosen) or float(chosen) not in (values[0], values[-1]):
            continue
        best = float(chosen)
        side, inside = ("smallest", values[1]) if best == values[0] else ("largest", values[-2])
        neighbour = _with_value(configurations, parameter, inside)
        beyond = _beyond(evidence, path, chosen, best - inside)
        gap = neighbour.difference if neighbour and neighbour.apart and evidence.comparison.reference == 0 else None
        if gap is None or gap.mean >= 0 or beyond is None:
            continue
        yield Finding(
            name="edge_of_the_grid",
            text=(
                f"The best {parameter}, {best:g}, is the {side} tried, and better than the next, {inside:g}, by more "
                f"than noise ({-gap.mean:.4f} on test): the optimum is not bracketed. Try {beyond:g} as well."
            ),
            numbers={
                "parameter": parameter,
                "best": best,
                "side": side,
                "next": inside,
                "better": -gap.mean,
                "suggestion": beyond,
            },
        )


def _with_value(configurations: list[Configuration], parameter: str, value: float) -> Configuration | None:
    """The configuration that differs from the first in this value alone."""
    rest = {name: own for name, own in configurations[0].swept.items() if name != parameter}
    for configuration in configurations:
        own = configuration.swept[parameter]
        others = {name: other for name, other in configuration.swept.items() if name != parameter}
        if others == rest and _is_number(own) and float(own) == value:
            return configuration
    return None


def _beyond(evidence: Evidence, path: str, best: int | float, step: float) -> float | None:
    """A value as far outside the grid as the next one is inside, or nearer where the parameter ends before that."""
    whole = isinstance(best, int)
    swept = evidence.comparison.configurations[0].swept
    chosen = {other: swept[name] for other, name in evidence.columns.items() if name in swept}
    for _ in range(HALVINGS):
        beyond = round(best + step, 10)
        value = round(beyond) if whole else beyond
        if value != best and evidence.spec.accepts(chosen | {path: value}):
            return float(value)
        step /= 2
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def unfinished(table: pd.DataFrame) -> Iterator[Finding]:
    """Planned runs without a result; they are in no statistic."""
    counts = {status: int((table["status"] == status).sum()) for status in ("failed", "missing")}
    if any(counts.values()):
        yield Finding(
            name="unfinished_runs",
            text=(
                f"Of {len(table)} planned runs {counts['failed']} failed and {counts['missing']} did not finish; "
                "no number here has them."
            ),
            numbers=counts | {"planned": len(table)},
        )
