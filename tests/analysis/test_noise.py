"""Intervals that put test students and the randomness of training together, and what picking the best does."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gaintrace.analysis.bootstrap import StudentBootstrap
from gaintrace.analysis.draws import Resampled
from gaintrace.analysis.intervals import mean_interval
from gaintrace.analysis.noise import ASSUMED, Training, assumed_variance, interval, optimism, pooled_training
from gaintrace.config import Objective
from tests.made_results import auc

COMBINED = Objective(rank_by="combined", alpha=0.5)


def half(found):
    return (found.high - found.low) / 2


def test_without_predictions_it_is_student_s_interval_of_the_repetitions():
    values = [0.010, 0.012, 0.014]
    found, expected = interval(values, None, 0.0), mean_interval(values)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert interval([0.01], None, 0.0).low is None


def test_the_choice_of_students_adds_to_the_randomness_of_training():
    """The squares of both reaches, each with its own degrees of freedom."""
    values, students = [0.010, 0.012, 0.014], np.random.default_rng(1).normal(0.012, 0.003, 400)
    of_students = stats.t.ppf(0.975, 39) * students.std(ddof=1) * np.sqrt(40 / 39)
    found = interval(values, students, 40.0)
    assert found.mean == pytest.approx(0.012)
    assert half(found) == pytest.approx(np.hypot(of_students, half(mean_interval(values))))
    assert half(interval([0.012] * 3, students, 40.0)) == pytest.approx(of_students)
    assert half(interval([0.012], students, 40.0)) == pytest.approx(of_students)


def test_intervals_that_hold_at_once_are_wider():
    values, students = [0.010, 0.012, 0.014], np.random.default_rng(1).normal(0.012, 0.003, 400)
    found = interval(values, students, 1e7, comparisons=5)
    reaches = stats.norm.ppf(1 - 0.005) * students.std(ddof=1), stats.t.ppf(1 - 0.005, 2) * stats.sem(values)
    assert half(found) == pytest.approx(np.hypot(*reaches), rel=1e-4)


def test_training_is_pooled_over_the_sweep_and_never_less_than_its_own():
    scores = [[0.70, 0.72, 0.71], [0.69, 0.72, 0.70], [0.60, 0.61, 0.60]]
    pooled = pooled_training(scores)
    table = np.array(scores)
    rest = table - table.mean(0) - table.mean(1)[:, None] + table.mean()
    assert (pooled.variance, pooled.freedom) == (pytest.approx(2 * (rest**2).sum() / 4), 4)
    assert pooled_training([[0.7, 0.72], [0.6, 0.65]]).variance == pytest.approx(np.var([0.1, 0.07], ddof=1))
    assert pooled_training([[0.7], [0.6]]) is None
    values = [0.0, 0.0, 0.0]
    assert half(interval(values, None, 0.0, pooled=Training(0.03, 4))) == pytest.approx(
        stats.t.ppf(0.975, 4) * np.sqrt(0.03 / 3)
    )
    wild = [-1.0, 0.0, 1.0]
    assert half(interval(wild, None, 0.0, pooled=Training(0.03, 4))) == pytest.approx(
        stats.t.ppf(0.975, 4) * stats.sem(wild)
    )


def test_two_seeds_hold_the_truth_as_often_as_they_say():
    """Where training matters ten times as much as the students, a spread that is small by luck must not narrow it."""
    random, held, cases = np.random.default_rng(0), 0, 2000
    students = random.normal(0, 1, 2000)
    for _ in range(cases):
        values = random.normal(0, np.sqrt(20), 2) + random.normal(0, 1)
        found = interval(values.tolist(), students, 1e7)
        held += found.low <= 0 <= found.high
    assert held / cases > 0.94


def test_few_students_of_uneven_length_are_not_taken_for_many():
    """Coverage of an AUC's interval by 22 students, against percentiles of the same draws."""
    random = np.random.default_rng(3)

    def made(students):
        length = np.maximum(3, random.lognormal(np.log(20), 1.3, students)).astype(int)
        student = np.repeat(np.arange(students), length)
        ability, item = random.normal(0, 1, students)[student], random.normal(0, 1, len(student))
        response = (random.random(len(student)) < 1 / (1 + np.exp(-ability - item))).astype(int)
        return student, 0.6 * ability + 0.8 * item + random.normal(0, 0.7, len(student)), response

    def level(score, response):
        return auc(pd.Series(score), pd.Series(response))

    _, score, response = made(20_000)
    truth, held, percentiles, cases = level(score, response), 0, 0, 120
    for case in range(cases):
        student, score, response = made(22)
        bootstrap = StudentBootstrap(student, case, resamples=200)
        draws = bootstrap.auc(score, response)
        assert bootstrap.effective <= bootstrap.students
        found = interval([level(score, response)], draws, bootstrap.effective)
        held += found.low <= truth <= found.high
        low, high = np.nanquantile(draws, [0.025, 0.975])
        percentiles += low <= truth <= high
    assert held / cases > 0.92
    assert percentiles < held


def read(*levels, noise=0.01):
    """Runs whose AUC has these means under 500 draws, each with noise of its own."""
    random = np.random.default_rng(0)
    draws = {
        f"r{i}": {side: level + noise * random.normal(size=500) for side in ("e1", "e2")}
        for i, level in enumerate(levels)
    }
    return Resampled(draws=draws, students=100, effective=100.0)


def test_the_best_of_equals_is_flattered_and_the_best_by_far_is_not():
    def flattered(*levels):
        groups = [[f"r{i}"] for i in range(len(levels))]
        return optimism(groups, [[level] for level in levels], read(*levels), Objective(rank_by="test_e1_auc"))

    many = flattered(*[0.7] * 10)
    assert many == pytest.approx(0.01 * 1.54, rel=0.1)  # the mean of the largest of ten normal numbers
    assert flattered(*[0.7] * 2) < many
    assert flattered(0.7, 0.2) == pytest.approx(0, abs=2e-3)
    assert optimism([["r0"], ["other"]], [[0.7], [0.7]], read(0.7), COMBINED) is None


def test_seeds_flatter_too():
    groups = [["r0", "r1", "r2"], ["r3", "r4", "r5"]]
    scores = [[0.71, 0.69, 0.71], [0.69, 0.71, 0.69]]
    draws = {
        run: {side: np.full(500, score) for side in ("e1", "e2")}
        for runs, own in zip(groups, scores, strict=True)
        for run, score in zip(runs, own, strict=True)
    }
    found = optimism(groups, scores, Resampled(draws=draws), Objective(rank_by="test_e1_auc"))
    assert found > 0


def test_encoders_that_predict_alike_were_trained_once():
    runs = read(0.7, 0.7).draws
    shared = runs["r1"] | {"e1": runs["r0"]["e1"]}
    apart, half_shared = (assumed_variance(runs["r0"], other, COMBINED) for other in (runs["r1"], shared))
    assert apart == pytest.approx(ASSUMED**2 * 2 * 1e-4 * 1.25, rel=0.1)
    assert half_shared == pytest.approx(ASSUMED**2 * 2 * 1e-4 * 0.25, rel=0.1)
    assert assumed_variance(runs["r0"], runs["r0"], COMBINED) == 0
