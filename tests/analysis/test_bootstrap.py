"""The bootstrap over students, against one that repeats the students' answers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.analysis.bootstrap import StudentBootstrap
from tests.made_results import auc, predictions


@settings(max_examples=60)
@given(
    targets=st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]), st.integers(0, 1)),
        min_size=2,
        max_size=25,
    )
)
def test_a_draw_is_the_auc_of_the_students_it_drew(targets):
    """Ties in score, students drawn several times or never, draws with one kind of response alone."""
    student, score, response = (np.array(column) for column in zip(*targets, strict=True))
    bootstrap = StudentBootstrap(student, seed=1, resamples=8)
    for draw, found in enumerate(bootstrap.auc(score, response)):
        rows = np.repeat(np.arange(len(targets)), bootstrap.counts[bootstrap.row, draw])
        if len(set(response[rows])) < 2:
            assert np.isnan(found)
        else:
            assert found == pytest.approx(auc(pd.Series(score[rows]), pd.Series(response[rows])))


def test_draws_depend_on_the_seed_alone_and_centre_on_the_auc():
    frame = predictions(seed=1, skill=0.5)
    columns = frame["e1"].to_numpy(), frame["response"].to_numpy()
    first, second, other = (StudentBootstrap(frame["student"].to_numpy(), seed).auc(*columns) for seed in (5, 5, 6))
    assert (first == second).all()
    assert (first != other).any()
    observed = auc(frame["e1"], frame["response"])
    assert abs(first.mean() - observed) < 3 * first.std() / np.sqrt(len(first)) + 1e-3
    assert first.std() > 0
