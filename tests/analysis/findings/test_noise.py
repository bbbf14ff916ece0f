"""Differences within noise, and differences beyond it."""

import pytest

from gaintrace.analysis.findings import find
from gaintrace.analysis.summary import analyse
from gaintrace.store import open_store
from tests.analysis.findings.evidence import evidence
from tests.made_results import planned, predict

WEIGHTS = """
name: made
base: {{training: {{clip_scope: global}}}}
grid: {{training.bce_loss_weight: [0.3, 0.5, 0.8]}}
{more}
"""


def noise(store, skills, more=""):
    plan = planned(store, WEIGHTS.format(more=more))
    for index, run in enumerate(plan.runs):
        predict(store, plan, index, skills[run.config.training.bce_loss_weight])
    summary = analyse(store, plan).summary
    return summary, [finding for finding in summary.findings if finding.name == "within_noise"]


def test_configurations_that_cannot_be_told_apart_are_named(tmp_path):
    summary, (finding,) = noise(open_store(tmp_path), {0.3: 1.0, 0.5: 0.997, 0.8: 0.5})
    told = "1 of the 2 others cannot be told from the best: bce_loss_weight 0.5. The difference to the best on test is "
    assert finding.text.startswith(told)
    assert "200 test students, not the randomness of training: there is one seed and one fold" in finding.text
    assert finding.numbers["together"] == [{"bce_loss_weight": 0.3}, {"bce_loss_weight": 0.5}]
    assert [c.apart for c in summary.comparison.configurations] == [None, False, True]


def test_differences_beyond_noise_are_silent(tmp_path):
    summary, found = noise(open_store(tmp_path), {0.3: 1.0, 0.5: 0.5, 0.8: 0.3})
    assert not found
    assert len(summary.comparison.together) == 1


def test_seeds_bring_in_the_randomness_of_training(tmp_path):
    _, (finding,) = noise(open_store(tmp_path), {0.3: 1.0, 0.5: 1.0, 0.8: 1.0}, "seeds: [1, 2, 3]\n")
    assert finding.text.startswith("None of 3 configurations can be told from the best")
    assert "Their differences to the best on test are within noise" in finding.text
    assert "test students and the randomness of training" in finding.text


def test_without_predictions_or_repetitions_nothing_is_claimed(tmp_path):
    text = "grid: {model.d_ff: [64, 128, 256]}\n"
    made = evidence(open_store(tmp_path), text, lambda swept: (swept["model.d_ff"] / 400, swept["model.d_ff"] / 500))
    assert made.comparison.covers == "nothing"
    assert made.comparison.together == []
    assert [finding.name for finding in find(made)] == []


@pytest.mark.parametrize("metric", ["combined", "test_e1_auc", "test_e2_auc"])
def test_the_interval_is_of_the_metric_that_ranks(tmp_path, metric):
    summary, _ = noise(open_store(tmp_path), {0.3: 1.0, 0.5: 0.9, 0.8: 0.5}, f"objective: {{rank_by: {metric}}}\n")
    best, second, _ = summary.comparison.configurations
    assert second.difference.mean == pytest.approx(getattr(second, metric) - getattr(best, metric))
    assert second.difference.low < second.difference.mean < second.difference.high
