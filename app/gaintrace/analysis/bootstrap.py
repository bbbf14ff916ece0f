"""How an AUC varies with the students it is measured on: a bootstrap that draws whole students.

A student's answers hang together, so students are resampled, not answers. One set of draws serves every run of a sweep:
differences between runs are paired, and no draw depends on which run finished first.
"""

from typing import Any

import numpy as np
from scipy.sparse import csr_array

Numbers = np.ndarray[Any, np.dtype[Any]]

RESAMPLES = 500
BLOCK = 50
"""Resamples handled at a time; bounds memory."""


class StudentBootstrap:
    """Draws of students with replacement, for the N targets of a test set."""

    def __init__(self, student: Numbers, seed: int, resamples: int = RESAMPLES) -> None:
        """`student`: of each target, N."""
        names, self.row = np.unique(student, return_inverse=True)
        self.students = len(names)
        answers = np.bincount(self.row)
        self.effective = float(answers.sum() ** 2 / (answers.astype(np.float64) ** 2).sum())
        """How many equally long histories would tell as much, (Σm)² / Σm² over students with m answers (Kish, 1965)."""
        share = np.full(self.students, 1 / self.students)
        counts = np.random.default_rng(seed).multinomial(self.students, share, size=resamples)
        self.counts = counts.T.astype(np.int32)  # students, resamples

    def auc(self, score: Numbers, response: Numbers) -> Numbers:
        """AUC of the N targets under every draw; NaN where a draw has one kind of response alone.

        AUC = Σ_pairs w⁺·w⁻·([s⁺ > s⁻] + ½[s⁺ = s⁻]) / (Σw⁺ · Σw⁻), the weight w of a target being how often its student
        was drawn. Scores are sorted once; neighbours that no other response stands between are added up first.
        """
        unit = _units(score, response)
        shape = (int(unit.max()) + 1, self.students)
        right, wrong = (
            csr_array((np.ones(int(kind.sum())), (unit[kind], self.row[kind])), shape=shape)
            for kind in (response == 1, response == 0)
        )
        found = [self._auc(right, wrong, first) for first in range(0, self.counts.shape[1], BLOCK)]
        return np.concatenate(found)

    def _auc(self, right: Any, wrong: Any, first: int) -> Numbers:
        drawn = self.counts[:, first : first + BLOCK].astype(np.float64)
        above, below = right @ drawn, wrong @ drawn  # units, block
        won = (above * (below.cumsum(axis=0) - below / 2)).sum(axis=0)
        pairs = above.sum(axis=0) * below.sum(axis=0)
        found: Numbers = np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
        return found


def _units(score: Numbers, response: Numbers) -> Numbers:
    """Of each target, the number of its group in order of score: equal scores, and neighbours of one response."""
    level = np.unique(score, return_inverse=True)[1]
    total = np.bincount(level)
    right = np.bincount(level, weights=response)
    kind = np.where(right == 0, 0, np.where(right == total, 1, 2))
    starts = (kind == 2) | (np.diff(kind, prepend=-1) != 0)
    unit: Numbers = np.cumsum(starts) - 1
    return unit[level]
