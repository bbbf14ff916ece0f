"""The bootstrap over students, against one that repeats the students' answers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.analysis import bootstrap as module
from gaintrace.analysis.bootstrap import FIRST_ORDER, StudentBootstrap
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


def test_blocks_of_any_size_give_the_same(monkeypatch):
    frame = predictions(seed=1, skill=0.5)
    columns = frame["e1"].to_numpy(), frame["response"].to_numpy()
    whole = StudentBootstrap(frame["student"].to_numpy(), 5).auc(*columns)
    monkeypatch.setattr(module, "CELLS", 1000)
    assert StudentBootstrap(frame["student"].to_numpy(), 5).auc(*columns) == pytest.approx(whole, abs=1e-14)


def many(students, seed=0):
    """Histories of very different lengths, answered by students of different ability, and scores of two encoders."""
    random = np.random.default_rng(seed)
    student = np.repeat(np.arange(students), random.geometric(0.05, students))
    ability = random.normal(size=students)[student]
    response = (random.random(len(student)) < 1 / (1 + np.exp(-ability))).astype(np.int8)
    first = (ability + random.normal(size=len(student))).round(1)  # with ties
    return student, response, first, first + random.normal(0, 0.3, len(student))


def test_the_first_order_agrees_with_the_whole_where_it_is_used(monkeypatch):
    """Of levels and of a paired difference: the same standard deviation within 1 %, nearly the same draws."""
    student, response, *scores = many(FIRST_ORDER)
    bootstrap = StudentBootstrap(student, seed=4)
    linear = [bootstrap.auc(score, response) for score in scores]
    monkeypatch.setattr(module, "FIRST_ORDER", FIRST_ORDER + 1)
    whole = [bootstrap.auc(score, response) for score in scores]
    for found, expected in [*zip(linear, whole, strict=True), (linear[0] - linear[1], whole[0] - whole[1])]:
        assert found.std() == pytest.approx(expected.std(), rel=0.01)
        assert found.mean() == pytest.approx(expected.mean(), abs=0.1 * expected.std())
        assert np.corrcoef(found, expected)[0, 1] > 0.998
    assert np.isnan(bootstrap.first_order(scores[0], np.ones_like(response))).all()


def test_the_first_order_is_the_derivative_of_the_auc():
    """Of drawing one student a little more often: a thousandth, of which the AUC knows no more than the ratio."""
    student, response, score, _ = many(40)
    bootstrap = StudentBootstrap(student, seed=0, resamples=41)
    each, once = np.eye(40, 41, dtype=np.uint16), np.ones((40, 41), np.uint16)
    bootstrap.counts = once + each
    influence = bootstrap.first_order(score, response)
    bootstrap.counts = 1000 * once + each
    moved = bootstrap.auc(score, response)
    assert influence[40] == pytest.approx(moved[40], abs=1e-14), "where all are drawn alike"
    assert 1000 * (moved - moved[40]) == pytest.approx(influence - influence[40], rel=2e-3, abs=1e-6)
