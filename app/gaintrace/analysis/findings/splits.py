"""Finding: validation and test order the configurations differently."""

from collections.abc import Iterator

import pandas as pd

from gaintrace.analysis.comparison import Comparison, Configuration
from gaintrace.analysis.findings.finding import Finding
from gaintrace.analysis.findings.noise import named
from gaintrace.analysis.table import TIE
from gaintrace.config import Objective

LOOSE = 0.5
"""Spearman's correlation below which two orders are said to differ, even if they share the first place."""
INVISIBLE = 5e-5
"""Difference that four decimals do not show: two orders that differ by no more agree."""
LEAST = 3
"""Configurations that an order needs to be correlated with another."""


def splits_disagree(comparison: Comparison, objective: Objective) -> Iterator[Finding]:
    """What is best on validation is not on test, by more than noise, or the orders have little to do with each other.

    Where nothing says what noise is, any difference that four decimals show is told.
    """
    configurations = comparison.configurations
    valid = [getattr(c, objective.valid_metric) for c in configurations]
    if len(configurations) < 2 or any(value is None for value in valid):
        return
    test = [getattr(c, objective.test_metric) for c in configurations]
    on_valid, on_test = _ranks(valid), _ranks(test)
    chosen = min(range(len(configurations)), key=lambda i: (on_valid[i], on_test[i]))
    best = min(range(len(configurations)), key=lambda i: (on_test[i], on_valid[i]))
    correlation = _spearman(valid, test) if len(configurations) >= LEAST else None
    if on_test[chosen] == 1 and (correlation is None or correlation >= LOOSE):
        return
    behind = test[best] - test[chosen]
    apart = _apart(configurations[chosen], configurations[best])
    if (correlation is None or correlation >= LOOSE) and (behind < INVISIBLE or apart is False):
        return
    count = len(configurations)
    head = f"Validation and test order the {count} configurations differently by {objective.words}"
    if correlation is not None:
        head += f" (Spearman's correlation {correlation:z.2f})"
    winner = named([configurations[chosen].swept])
    equal = sum(rank == 1 for rank in on_test) - 1
    if on_test[chosen] == 1:
        text = f"{head}, though {winner} is first by both."
    else:
        text = (
            f"{head}: {winner}, first on validation, has rank {on_test[chosen]} of {count} on test, {behind:.4f} "
            f"behind {named([configurations[best].swept])}, which has rank {on_valid[best]} on validation"
            f"{f' and shares the first on test with {equal} more' if equal else ''}. "
            f"{_WORTH[apart]}"
        )
    yield Finding(
        name="splits_disagree",
        text=text,
        numbers={
            "metric": objective.valid_metric,
            "alpha": objective.alpha,
            "configurations": count,
            "spearman": correlation,
            "best_on_validation": configurations[chosen].swept,
            "its_rank_on_test": on_test[chosen],
            "best_on_test": configurations[best].swept,
            "its_rank_on_validation": on_valid[best],
            "as_good_on_test": equal,
            "behind": behind,
            "apart": apart,
        },
    )


_WORTH = {
    True: "On test that is more than noise: the two sets of students say different things.",
    False: "On test that is within noise, so neither order says which of the two is better.",
    None: "Nothing here says whether that is more than noise.",
}


def _apart(a: Configuration, b: Configuration) -> bool | None:
    """Whether two configurations differ on test by more than noise, if one is what the others are compared with."""
    if a is b:
        return False
    if (a.difference is None) == (b.difference is None):
        return None
    return b.apart if a.difference is None else a.apart


def _ranks(scores: list[float]) -> list[int]:
    """From 1, highest first; equal scores share the best rank that they span."""
    rounded = [round(score, TIE) for score in scores]
    best: dict[float, int] = {}
    for rank, score in enumerate(sorted(rounded, reverse=True), 1):
        best.setdefault(score, rank)
    return [best[score] for score in rounded]


def _spearman(a: list[float], b: list[float]) -> float | None:
    """Spearman's rank correlation, equal scores at their mean rank; None where one has no order."""
    x, y = (pd.Series(scores).round(TIE).rank() for scores in (a, b))
    return None if x.nunique() < 2 or y.nunique() < 2 else float(x.corr(y))
