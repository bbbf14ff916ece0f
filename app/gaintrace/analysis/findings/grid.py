"""Findings about the grid: where its best value lies, and which of its runs are missing."""

from collections.abc import Iterator

import pandas as pd

from gaintrace.analysis.comparison import Comparison
from gaintrace.analysis.findings.finding import Finding

BRACKETS_NEED = 3
"""Values of a parameter before its optimum can lie inside."""


def edge_of_the_grid(ranked: pd.DataFrame, comparison: Comparison) -> Iterator[Finding]:
    """The best configuration has the smallest or largest value tried of a parameter: the optimum may lie beyond."""
    for parameter, chosen in comparison.configurations[0].swept.items() if comparison.configurations else ():
        values = sorted(set(pd.to_numeric(ranked[parameter], errors="coerce").dropna()))
        if len(values) < BRACKETS_NEED:
            continue
        best = float(chosen)
        if best not in (values[0], values[-1]):
            continue
        side, neighbour = ("smallest", values[1]) if best == values[0] else ("largest", values[-2])
        beyond = round(best + (best - neighbour), 10)
        yield Finding(
            name="edge_of_the_grid",
            text=(
                f"The best {parameter}, {best:g}, is the {side} tried: the optimum is not bracketed. "
                f"Try {beyond:g} as well, if it is a value {parameter} can have."
            ),
            numbers={"parameter": parameter, "best": best, "side": side, "suggestion": beyond},
        )


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
            numbers=counts,
        )
