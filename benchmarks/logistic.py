"""Logistic regressions on counts of earlier answers: PFA and Best-LR, with and without windows.

PFA (Pavlik, Cen & Koedinger, 2009): the skill, and for each a weight of its right and of its wrong answers so far.
Best-LR (Gervet, Koedinger, Schneider & Mitchell, 2020) adds the item, and right and wrong answers on the item and on
all there is. DAS3H (Choffin et al., 2019) counts in windows of time; the prepared data have no times, so WINDOWS are of
the last so many interactions. Counts n are read as log(1 + n), as Best-LR does. A target has one skill, as it has for
gaintrace: also where its answer needs several.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from history import History, Integers
from scipy import sparse

WINDOWS = (5, 20, 80)
TOLERANCE = 1e-6
"""scikit-learn's own, 1e-4, of a mean loss, is above the gradient of any item that a few hundred rows have."""

Matrix = Any  # scipy's sparse arrays have no types


@dataclass(frozen=True)
class Features:
    """Which columns a regression reads beside the skill and the counts on it."""

    items: bool  # the item; counts on it and on all there is
    windows: tuple[int, ...] = ()

    def of(self, history: History, rows: Integers) -> Matrix:
        """A row for each of `rows`, none of which sees its own answer. Unknown items have no column."""
        skill, skills = history.skill[rows], int(history.skill.max()) + 1
        columns = [_one_hot(skill, skills)]
        everything = np.zeros_like(history.skill)
        for last in (None, *self.windows):
            for count in history.counts(history.skill, rows, last):
                columns.append(_one_hot(skill, skills, np.log1p(count)))
            if self.items:
                columns += [_column(np.log1p(count)) for count in history.counts(everything, rows, last)]
        if self.items and history.item.max() >= 0:
            item = history.item[rows]
            columns.append(_one_hot(item, int(history.item.max()) + 1, (item >= 0).astype("float64")))
            columns += [_column(np.log1p(count) * (item >= 0)) for count in history.counts(history.item, rows)]
        return sparse.hstack(columns, format="csr")


def fit(features: Matrix, response: Integers, strength: float, start: Any = None) -> Any:
    """scikit-learn's regression with an L2 penalty, where `strength` is its C. `start`: one to go on from."""
    from sklearn.linear_model import LogisticRegression

    model = start or LogisticRegression(max_iter=2000, tol=TOLERANCE, warm_start=True)
    model.C = strength
    return model.fit(features, response)


def _one_hot(place: Integers, width: int, value: Any = None) -> Matrix:
    """A column for each place; `value` (1 by default) in that of the row's own."""
    filled = np.ones(len(place)) if value is None else value
    at = np.flatnonzero(filled).astype("int32")  # scikit-learn's quicker solvers take no wider indices
    return sparse.csr_array((filled[at], (at, place[at].astype("int32"))), shape=(len(place), width))


def _column(value: Any) -> Matrix:
    return sparse.csr_array(np.asarray(value, dtype="float64")[:, None])
