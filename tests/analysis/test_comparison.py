"""Configurations of a sweep: means over seeds and folds, and intervals of their differences."""

import random

import numpy as np
import pytest
from scipy import stats

from gaintrace.analysis.comparison import RUNS_READ, Comparison, compare_configurations
from gaintrace.analysis.intervals import mean_interval
from gaintrace.analysis.summary import analyse
from gaintrace.analysis.table import run_table, short_names
from gaintrace.config import Objective
from gaintrace.report.verdict import verdict
from gaintrace.store import open_store
from gaintrace.sweeps.plan import DataReference
from gaintrace.sweeps.results import read_results
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
    best, other = analyse(store, plan).summary.comparison.configurations
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
        found.append(analyse(store, plan).summary.comparison)
    assert found[0] == found[1]
    assert found[0].students == 200


def test_many_runs_are_read_from_both_ends_alone(tmp_path):
    store = open_store(tmp_path)
    text = f"name: made\ngrid: {{training.bce_loss_weight: {[i / 60 for i in range(60)]}}}\nseeds: [1, 2, 3]\n"
    plan = planned(store, text)
    frame_of = {}
    for index in range(len(plan.runs)):
        if not frame_of:
            predict(store, plan, 0, 1.0)
            frame_of["bytes"] = store.read(f"runs/{plan.runs[0].run_id}/predictions.parquet")
        succeed(store, plan, index, 0.8 - index / 1000, 0.5)
        store.write(f"runs/{plan.runs[index].run_id}/predictions.parquet", frame_of["bytes"])
    comparison = analyse(store, plan).summary.comparison
    assert len(comparison.runs) == RUNS_READ // 3 * 3
    assert set(comparison.configurations[-1].runs) <= set(comparison.runs)


def test_what_is_not_looked_at_is_said_and_no_tie_is_cut(tmp_path):
    store = open_store(tmp_path)
    values = [i / (RUNS_READ + 20) for i in range(RUNS_READ + 20)]
    plan = planned(
        store, f"name: made\ngrid: {{training.bce_loss_weight: {values}}}\nobjective: {{rank_by: combined}}\n"
    )
    predict(store, plan, 0, 1.0)
    frame = store.read(f"runs/{plan.runs[0].run_id}/predictions.parquet")
    tied = range(RUNS_READ - 5, RUNS_READ + 5)
    for index in range(len(plan.runs)):
        succeed(store, plan, index, 0.8 - (tied[0] if index in tied else index) / 1000, 0.5)
        store.write(f"runs/{plan.runs[index].run_id}/predictions.parquet", frame)
    summary = analyse(store, plan).summary
    comparison = summary.comparison
    assert comparison.compared == len(comparison.runs) == tied[0] + 1
    assert comparison.counts["left_out"] == len(comparison.left_out) == len(values) - len(comparison.runs)
    note = f"Noise was looked at in {tied[0] + 1} of {len(values)} configurations, the best and the last; "
    assert note + f"of the other {len(comparison.left_out)} nothing is said." in verdict(summary).notes


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


def told_apart(store, text, levels, damaged=()):
    """The comparison of runs with predictions, the better the larger their level."""
    plan = planned(store, f"name: made\n{text}")
    for index in range(len(plan.runs)):
        predict(store, plan, index, levels[index % len(levels)])
    for index in damaged:
        store.write(f"runs/{plan.runs[index].run_id}/predictions.parquet", b"")
    return plan, analyse(store, plan).summary.comparison


WEIGHTS = "grid: {training.bce_loss_weight: [0.2, 0.5, 0.8]}\n"


@pytest.mark.parametrize("damaged", [0, 1, 2])
def test_a_damaged_file_takes_the_noise_check_from_its_own_run_alone(tmp_path, damaged):
    plan, found = told_apart(open_store(tmp_path), WEIGHTS, [1.0, 0.99, 0.4], [damaged])
    lost = plan.runs[damaged].run_id
    assert list(found.unread) == [lost] and "0 bytes" in found.unread[lost]
    assert found.reference == (1 if damaged == 0 else 0)
    assert found.compared == 2
    for place, configuration in enumerate(found.configurations):
        known = configuration.difference is not None and configuration.difference.low is not None
        assert known == (place not in (damaged, found.reference))
    assert set(found.runs) == {run.run_id for run in plan.runs} - {lost}


def test_where_no_run_left_predictions_none_is_missed(tmp_path):
    assert evidence(open_store(tmp_path), WEIGHTS, lambda swept: (0.7, 0.5)).comparison.unread == {}


def test_an_interval_without_students_does_not_stand_among_others(tmp_path):
    """Seeds alone would give the damaged one an interval that leaves the students out."""
    plan, found = told_apart(open_store(tmp_path), WEIGHTS + "seeds: [1, 2]\n", [1.0, 1.0, 0.8, 0.8, 0.4, 0.4], [5])
    assert found.covers == "the choice of the 200 test students and the randomness of training (2 seeds)"
    last = found.configurations[-1]
    assert plan.runs[5].run_id in last.runs
    assert (last.difference.low, last.apart, last.interval) == (None, None, None)


def test_validation_orders_and_differences_are_of_test(tmp_path):
    store = open_store(tmp_path)
    plan = planned(store, f"name: made\n{WEIGHTS}objective: {{alpha: 1.0}}\n")
    for index, (skill, valid) in enumerate([(1.2, (0.6, 0.6)), (0.6, (0.7, 0.6)), (0.0, (0.6, 0.6))]):
        predict(store, plan, index, skill, valid=valid)
    summary = analyse(store, plan).summary
    first, *others = summary.comparison.configurations
    assert first.swept == {"bce_loss_weight": 0.5}
    assert summary.best["run_id"] == plan.runs[1].run_id
    assert [(c.rank, c.swept["bce_loss_weight"]) for c in others] == [(2, 0.2), (2, 0.8)]
    assert first.valid_combined == pytest.approx(1.3)
    for other in others:
        assert other.difference.mean == pytest.approx(other.combined - first.combined)
        assert other.apart
    assert others[0].difference.low > 0, "better on test"
    assert summary.comparison.optimism is None
    assert [c.by_alpha["1"].rank for c in (others[0], first, others[1])] == [1, 2, 3]


def test_one_seed_tells_large_differences_from_small_ones(tmp_path):
    _, found = told_apart(open_store(tmp_path), WEIGHTS, [1.0, 0.97, 0.4])
    _, near, far = found.configurations
    assert (near.apart, far.apart) == (None, True)
    assert near.difference.high < 0, "other students would not make them equal"
    assert found.undecided == [near]
    assert found.counts == {
        "configurations": 3,
        "compared": 3,
        "left_out": 0,
        "together": 1,
        "undecided": 1,
        "first": 1,
        "front": 1,
    }


def test_seeds_of_one_configuration_are_not_called_apart(tmp_path):
    """Names that change nothing, so that every pair is two trainings of one thing."""
    store = open_store(tmp_path)
    plan = planned(store, "name: made\ngrid: {training.batch_size: [61, 62, 63, 64, 65, 66]}\n")
    for index in range(6):
        predict(store, plan, index, 1.0 + index / 500)  # a spread that the students' draws alone would see
    found = analyse(store, plan).summary.comparison
    assert not [c for c in found.configurations if c.apart]


def test_ties_share_a_rank_however_they_were_added_up(tmp_path):
    def scores(swept):
        return {0.2: (0.1 + 0.2, 0.6), 0.5: (0.3, 0.6), 0.8: (0.29, 0.6)}[swept["training.bce_loss_weight"]]

    made = evidence(open_store(tmp_path), WEIGHTS, scores)
    assert [c.rank for c in made.comparison.configurations] == made.table["rank"].tolist() == [1, 1, 3]
    assert made.comparison.counts["first"] == 2


def test_a_run_without_an_auc_on_test_or_in_what_ranks_has_no_rank(tmp_path):
    store = open_store(tmp_path)
    plan = planned(store, f"name: made\n{WEIGHTS}")
    succeed(store, plan, 0, 0.7, 0.5)
    succeed(store, plan, 1, None, 0.5, valid=(0.7, 0.6))
    succeed(store, plan, 2, 0.7, 0.5, valid=(None, 0.6))
    summary = analyse(store, plan).summary
    assert [row["rank"] for row in summary.runs] == [1, None, None]
    assert len(summary.comparison.configurations) == 1


def test_comparisons_of_before_are_read(tmp_path):
    """results.json of a version that ranked by test alone."""
    _, found = told_apart(open_store(tmp_path), WEIGHTS + "objective: {rank_by: combined}\n", [1.0, 0.9, 0.4])
    new = {"repeated", "reference", "unread", "optimism", "lead", "counts"}
    before = {key: value for key, value in found.model_dump(mode="json").items() if key not in new}
    for configuration in before["configurations"]:
        for metric in ("valid_e1_auc", "valid_e2_auc", "valid_combined"):
            del configuration[metric]
    read = Comparison.model_validate(before)
    assert read.together == [read.configurations[0]]
    assert (
        read.covers
        == "the choice of the 200 test students, not the randomness of training: there is one seed and one fold"
    )
