"""Configurations of a sweep: means over seeds and folds, and intervals of their differences."""

import random

import numpy as np
import pytest
from scipy import stats

from gaintrace.analysis.comparison import RUNS_READ, compare_configurations
from gaintrace.analysis.intervals import mean_interval
from gaintrace.analysis.table import read_results, run_table, short_names
from gaintrace.config import Objective
from gaintrace.report.aggregate import aggregate
from gaintrace.store import open_store
from gaintrace.sweeps.plan import DataReference
from tests.analysis.findings.evidence import evidence
from tests.made_results import planned, predict, succeed

SEEDS = "grid: {training.bce_loss_weight: [0.3, 0.8]}\nseeds: [1, 2, 3]\nfolds: [0, 1]\n"


def test_paired_differences_over_seeds_and_folds_have_student_s_interval(tmp_path):
    """A seed's own level cancels, so the interval is of the differences and not of the levels."""
    gaps = iter([0.010, 0.012, 0.011, 0.009, 0.010, 0.014])
    gap = {}

    def scores(swept):
        cell = (swept["training.seed"], swept["data.fold"])
        if swept["training.bce_loss_weight"] == 0.8:
            gap[cell] = gap.get(cell) or next(gaps)
        return 0.7 + swept["training.seed"] / 10 - (gap[cell] if swept["training.bce_loss_weight"] == 0.8 else 0), 0.5

    comparison = evidence(open_store(tmp_path), SEEDS, scores).comparison
    best, other = comparison.configurations
    assert (best.swept, other.swept) == ({"bce_loss_weight": 0.3}, {"bce_loss_weight": 0.8})
    assert comparison.repetitions == len(best.runs) == 6
    differences = [-value for value in gap.values()]
    expected = stats.t.interval(0.95, 5, np.mean(differences), stats.sem(differences))
    assert (other.difference.low, other.difference.high) == pytest.approx(expected)
    assert other.apart
    assert comparison.covers == (
        "the randomness of training (3 seeds and 2 folds), of which folds show less than there is, since they share "
        "training students, not the choice of the test students"
    )


def test_a_constant_has_an_interval_of_no_width_and_one_value_has_none():
    assert mean_interval([0.5, 0.5]).low == mean_interval([0.5, 0.5]).high == 0.5
    assert mean_interval([0.5]).low is None


def test_only_common_seeds_are_compared(tmp_path):
    store = open_store(tmp_path)
    plan = planned(store, "name: made\ngrid: {training.bce_loss_weight: [0.3, 0.8]}\nseeds: [1, 2, 3]\n")
    for index in (0, 1, 2, 3):
        succeed(store, plan, index, [0.72, 0.70, 0.71, 0.69][index], 0.5)
    best, other = aggregate(store, plan.sweep_id).comparison.configurations
    assert (len(best.runs), len(other.runs)) == (3, 1)
    assert other.difference.mean == pytest.approx(0.69 - 0.72)
    assert other.apart is None


def test_order_of_finishing_changes_no_interval(tmp_path):
    found = []
    for seed in range(2):
        store = open_store(tmp_path / str(seed))
        plan = planned(store)
        order = list(range(6))
        random.Random(seed).shuffle(order)
        for index in order:
            predict(store, plan, index, 1 - index / 50)
        found.append(aggregate(store, plan.sweep_id).comparison)
    assert found[0] == found[1]
    assert found[0].students == 200


def test_many_runs_are_read_from_both_ends_alone(tmp_path):
    store = open_store(tmp_path)
    text = f"name: made\ngrid: {{training.bce_loss_weight: {[i / 40 for i in range(40)]}}}\nseeds: [1, 2, 3]\n"
    plan = planned(store, text)
    frame_of = {}
    for index in range(len(plan.runs)):
        if not frame_of:
            predict(store, plan, 0, 1.0)
            frame_of["bytes"] = store.read(f"runs/{plan.runs[0].run_id}/predictions.parquet")
        succeed(store, plan, index, 0.8 - index / 1000, 0.5)
        store.write(f"runs/{plan.runs[index].run_id}/predictions.parquet", frame_of["bytes"])
    comparison = aggregate(store, plan.sweep_id).comparison
    assert len(comparison.runs) == RUNS_READ
    assert set(comparison.configurations[-1].runs) <= set(comparison.runs)


def test_predictions_of_another_test_set_are_left_out(tmp_path):
    store = open_store(tmp_path)
    plan = planned(store)
    for index in range(3):
        predict(store, plan, index, 1.0)
    store.write(f"runs/{plan.runs[1].run_id}/predictions.parquet", b"damaged")
    results = read_results(store, plan)
    data = DataReference(uri=None, name="made", hash="0123456789abcdef")
    found = compare_configurations(
        store, run_table(plan, results), list(short_names(plan).values()), Objective(), data.hash
    )
    assert plan.runs[1].run_id not in found.runs
    assert len(found.runs) == 2
