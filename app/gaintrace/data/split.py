"""The student split of the pyKT toolkit, exactly, so that results compare with every paper that uses it.

Students are in order of first appearance. pyKT shuffles them once for the test set (20 %) and shuffles the rest again
for the folds, both with pandas' sample(frac=1, random_state=1024).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gaintrace.config import FOLDS

TEST_SHARE = 0.2
TEST_FOLD = -1
RANDOM_STATE = 1024

Indices = np.ndarray[tuple[int], np.dtype[np.int64]]
Folds = np.ndarray[tuple[int], np.dtype[np.int8]]


@dataclass(frozen=True)
class StudentSplit:
    """Students by their index, in the order pyKT writes them."""

    train_valid: Indices
    test: Indices
    fold: Folds  # of every student by index; TEST_FOLD for test

    @property
    def order(self) -> Indices:
        """All students: first those of the folds, then test."""
        return np.concatenate([self.train_valid, self.test])


def pykt_order(fold: Folds) -> Indices:
    """Students by their index in the order of pyKT's files, of which test.csv is the last. `fold`: of every student."""
    split = split_students(len(fold))
    if (split.fold == fold).all():
        return split.order
    # A split that came with the source has no shuffle to repeat; its students are in order already.
    return np.lexsort((fold, fold == TEST_FOLD))


def split_students(count: int) -> StudentSplit:
    """pyKT's split of `count` students."""
    students = pd.Series(np.arange(count))
    shuffled = students.sample(frac=1.0, random_state=RANDOM_STATE)
    train_count = count - int(count * TEST_SHARE)
    train_valid = shuffled[:train_count].sample(frac=1.0, random_state=RANDOM_STATE).to_numpy()
    test = shuffled[train_count:].to_numpy()
    fold = np.full(count, TEST_FOLD, dtype=np.int8)
    # Folds are contiguous blocks; where the count does not divide, the first ones hold one student more.
    sizes = [train_count // FOLDS + (extra < train_count % FOLDS) for extra in range(FOLDS)]
    fold[train_valid] = np.repeat(np.arange(FOLDS, dtype=np.int8), sizes)
    return StudentSplit(train_valid, test, fold)
