"""How an AUC varies with the students it is measured on: a bootstrap that draws whole students.

A student's answers hang together, so students are resampled, not answers. One set of draws serves every run of a sweep:
differences between runs are paired, and no draw depends on which run finished first.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import csr_array

Numbers = np.ndarray[Any, np.dtype[Any]]

RESAMPLES = 500
BLOCK = 50
"""Resamples handled at a time; bounds memory, with CELLS."""
CELLS = 1 << 22
"""Groups of targets times resamples handled at a time."""
FIRST_ORDER = 2_000
"""Students from which an AUC is taken as linear in how often each was drawn. Its standard deviation over draws was then
0.995 to 1.005 of the whole one's; with 500 to 1,000 students 0.99 to 1.01 (benchmarks/NOTES.md)."""


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
        random = np.random.default_rng(seed)
        self.counts = np.empty((self.students, resamples), np.uint16)
        for first in range(0, resamples, BLOCK):
            drawn = random.multinomial(self.students, share, size=min(BLOCK, resamples - first))
            self.counts[:, first : first + BLOCK] = drawn.T

    def auc(self, score: Numbers, response: Numbers) -> Numbers:
        """AUC of the N targets under every draw; NaN where a draw has one kind of response alone.

        AUC = Σ_pairs w⁺·w⁻·([s⁺ > s⁻] + ½[s⁺ = s⁻]) / (Σw⁺ · Σw⁻), the weight w of a target being how often its student
        was drawn. Scores are sorted once; neighbours that no other response stands between are added up first.
        """
        if self.students >= FIRST_ORDER:
            return self.first_order(score, response)
        unit = _units(score, response)
        shape = (int(unit.max()) + 1, self.students)
        right, wrong = (
            csr_array((np.ones(int(kind.sum())), (unit[kind], self.row[kind])), shape=shape)
            for kind in (response == 1, response == 0)
        )
        block = min(BLOCK, max(1, CELLS // shape[0]))
        found = [self._auc(right, wrong, drawn) for drawn in self._drawn(block)]
        return np.concatenate(found)

    def first_order(self, score: Numbers, response: Numbers) -> Numbers:
        """The same to first order in how often each student is drawn, in one sort.

        AUC ≈ θ + Σ_students (w − 1)·φ, φ = (pairs that the student's answers win, as right or as wrong ones) / (R·W)
        − θ·(share of the right answers + share of the wrong ones): the influence of clusters that DeLong's variance is
        made of (DeLong et al., Biometrics 44, 1988; Obuchowski, Biometrics 53, 1997). The φ sum to zero.
        """
        order = np.argsort(score, kind="stable")
        student, right = self.row[order], response[order] == 1
        start = np.flatnonzero(np.concatenate([[True], np.diff(score[order]) != 0]))  # of equal scores
        rights, wrongs = (np.add.reduceat(kind, start, dtype=np.int64) for kind in (right, ~right))
        all_right, all_wrong = int(rights.sum()), int(wrongs.sum())
        if all_right == 0 or all_wrong == 0:
            return np.full(self.counts.shape[1], np.nan)
        level = np.repeat(np.arange(len(start)), np.diff(start, append=len(right)))
        below = wrongs.cumsum() - wrongs / 2
        above = all_right - rights.cumsum() + rights / 2
        won = np.where(right, below[level], above[level]) / (all_right * all_wrong)
        theta = float(won[right].sum())
        share = np.where(right, 1 / all_right, 1 / all_wrong)
        influence = np.bincount(student, won - theta * share, self.students)
        return theta + np.concatenate([influence @ drawn for drawn in self._drawn(BLOCK)])

    def _drawn(self, block: int) -> Iterator[Numbers]:
        """How often each student was drawn in so many resamples at a time: students, block."""
        for first in range(0, self.counts.shape[1], block):
            yield self.counts[:, first : first + block].astype(np.float64)

    @staticmethod
    def _auc(right: Any, wrong: Any, drawn: Numbers) -> Numbers:
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
