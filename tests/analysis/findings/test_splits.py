"""Validation and test that order configurations differently, and ones that do not."""

import pytest
from scipy import stats

from gaintrace.analysis.findings.splits import splits_disagree
from gaintrace.analysis.summary import analyse
from gaintrace.store import open_store
from tests.made_results import planned, predict, succeed

GRID = "name: made\ngrid: {{model.d_ff: {values}}}\nobjective: {{rank_by: {rule}}}\n"


def summary(store, valid, test, rule="valid_e2_auc"):
    """A sweep whose E2 is so on validation and on test."""
    plan = planned(store, GRID.format(values=[8 * (i + 1) for i in range(len(valid))], rule=rule))
    for index, (on_valid, on_test) in enumerate(zip(valid, test, strict=True)):
        succeed(store, plan, index, 0.7, on_test, valid=(0.7, on_valid))
    return analyse(store, plan).summary


def found(summary):
    return list(splits_disagree(summary.comparison, summary.objective))


@pytest.mark.parametrize("rule", ["valid_e2_auc", "test_e2_auc"])
def test_where_the_best_on_validation_lands_on_test_is_told(tmp_path, rule):
    valid, test = [0.55, 0.54, 0.53, 0.52, 0.51], [0.52, 0.51, 0.55, 0.53, 0.50]
    (finding,) = found(summary(open_store(tmp_path), valid, test, rule))
    numbers = finding.numbers
    assert numbers["spearman"] == pytest.approx(stats.spearmanr(valid, test).statistic)
    assert (numbers["best_on_validation"], numbers["its_rank_on_test"]) == ({"d_ff": 8}, 3)
    assert (numbers["best_on_test"], numbers["its_rank_on_validation"]) == ({"d_ff": 24}, 3)
    assert numbers["behind"] == pytest.approx(0.03)
    assert finding.text == (
        "Validation and test order the 5 configurations differently by E2 (Spearman's correlation 0.20): d_ff 8, first "
        "on validation, has rank 3 of 5 on test, 0.0300 behind d_ff 24, which has rank 3 on validation. Nothing here "
        "says whether that is more than noise."
    )


def test_ties_have_their_mean_rank(tmp_path):
    valid, test = [0.55, 0.55, 0.53, 0.52], [0.50, 0.53, 0.53, 0.55]
    (finding,) = found(summary(open_store(tmp_path), valid, test))
    assert finding.numbers["spearman"] == pytest.approx(stats.spearmanr(valid, test).statistic)
    assert finding.numbers["best_on_validation"] == {"d_ff": 16}, "of equals the one that is better on test"


def test_a_common_first_is_silent_unless_the_rest_has_no_order(tmp_path):
    assert not found(summary(open_store(tmp_path / "a"), [0.55, 0.54, 0.53], [0.55, 0.53, 0.54]))
    loose = summary(open_store(tmp_path / "b"), [0.55, 0.51, 0.52, 0.53, 0.54], [0.55, 0.54, 0.53, 0.52, 0.51])
    (finding,) = found(loose)
    assert finding.text.endswith("though d_ff 8 is first by both.")
    assert not found(summary(open_store(tmp_path / "c"), [0.55, 0.55], [0.52, 0.53]))


@pytest.mark.parametrize(("gap", "words"), [(0.001, "is within noise"), (0.5, "is more than noise")])
def test_whether_it_matters_is_told_where_it_is_known(tmp_path, gap, words):
    store = open_store(tmp_path)
    plan = planned(store, GRID.format(values=[8, 16, 24], rule="valid_combined") + "seeds: [1, 2, 3]\n")
    for index in range(9):
        place = index // 3
        predict(store, plan, index, 1.0 - gap * (2 - place), valid=(0.8 - place / 10, 0.6))
    (finding,) = found(analyse(store, plan).summary)
    assert words in finding.text
    assert finding.numbers["apart"] == (gap > 0.1)


def test_a_difference_that_nobody_sees_is_none(tmp_path):
    valid = [0.55, 0.54, 0.53, 0.52]
    assert not found(summary(open_store(tmp_path / "a"), valid, [0.53, 0.53 + 4e-5, 0.52, 0.51]))
    assert found(summary(open_store(tmp_path / "b"), valid, [0.53, 0.53 + 6e-5, 0.52, 0.51]))


def test_neighbours_within_noise_in_orders_that_agree_are_no_disagreement(tmp_path):
    store = open_store(tmp_path)
    plan = planned(store, GRID.format(values=[8, 16, 24, 32], rule="valid_combined") + "seeds: [1, 2, 3]\n")
    for index in range(12):
        place = index // 3
        predict(store, plan, index, [0.999, 1.0, 0.8, 0.6][place], valid=(0.8 - place / 10, 0.6))
    assert not found(analyse(store, plan).summary)
