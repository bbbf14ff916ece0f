"""The split is pyKT's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.data.split import TEST_FOLD, pykt_order, split_students


@given(st.integers(1, 500))
def test_every_student_is_in_one_place(count):
    split = split_students(count)
    assert sorted(split.order) == list(range(count))
    assert len(split.test) == int(count * 0.2)
    assert set(split.fold[split.test]) <= {TEST_FOLD}
    sizes = np.bincount(split.fold[split.train_valid], minlength=5)
    assert sizes.max() - sizes.min() <= 1


def test_small_splits_stay_as_they_are():
    """As on the day the export of assist2015 was byte-identical with pyKT's files; pandas must not change it."""
    split = split_students(10)
    assert split.test.tolist() == [9, 1]
    assert split.train_valid.tolist() == [2, 7, 4, 8, 6, 5, 3, 0]
    assert split.fold.tolist() == [4, -1, 0, 3, 1, 2, 2, 0, 1, -1]


def test_students_of_another_split_keep_their_order_fold_by_fold():
    fold = np.array([1, -1, 0, 1, 4, 0, -1, 3], dtype=np.int8)
    assert pykt_order(fold).tolist() == [2, 5, 0, 3, 7, 4, 1, 6]
