"""What each parameter explains of what ranks: shares of a variance that is known."""

import pytest

from gaintrace.analysis.summary import analyse
from gaintrace.store import open_store
from tests.made_results import planned, predict, succeed

GRID = "name: made\ngrid: {training.bce_loss_weight: [0.3, 0.8], model.d_ff: [8, 16, 24]}\n"


def importance(store, score, count=6, text=GRID):
    """`score`: of the weight and the width, E1 on validation; E2 does not vary."""
    plan = planned(store, text)
    for index, run in enumerate(plan.runs[:count]):
        e1 = score(run.config.training.bce_loss_weight, run.config.model.d_ff)
        succeed(store, plan, index, 0.7, 0.5, valid=(e1, 0.5))
    return analyse(store, plan).summary.importance


def test_effects_that_add_up_leave_nothing_together(tmp_path):
    found = importance(open_store(tmp_path), lambda weight, width: 0.6 + 0.1 * (weight > 0.5) + width / 400)
    # Variances of 0 or 0.1, evenly: 0.0025; of 0.02, 0.04 and 0.06: 0.0008/3.
    assert found.metric == "valid_combined"
    assert list(found.shares) == ["bce_loss_weight", "d_ff"]
    assert found.shares["bce_loss_weight"] == pytest.approx(0.0025 / (0.0025 + 0.0008 / 3))
    assert found.together == pytest.approx(0, abs=1e-9)


def test_what_only_both_together_do_is_nobodys(tmp_path):
    found = importance(open_store(tmp_path), lambda weight, width: 0.7 + 0.1 * ((weight > 0.5) == (width > 16)))
    # Cells 1 1 0 / 0 0 1: means of the rows 2/3, 1/3, of every column 1/2, of all 1/2.
    assert found.shares == pytest.approx({"bce_loss_weight": 1 / 9, "d_ff": 0})
    assert found.together == pytest.approx(8 / 9)


@pytest.mark.parametrize(
    ("count", "text"),
    [(5, GRID), (6, "name: made\ngrid: {model.d_ff: [8, 16, 24, 32, 40, 48]}\n")],
    ids=["a hole in the grid", "one parameter"],
)
def test_where_it_cannot_be_told_it_is_not(tmp_path, count, text):
    assert importance(open_store(tmp_path), lambda weight, width: 0.6 + width / 400 + weight / 10, count, text) is None


def test_what_does_not_vary_has_no_parts(tmp_path):
    assert importance(open_store(tmp_path), lambda weight, width: 0.7) is None


def test_each_encoder_has_an_interval_of_its_own_difference(tmp_path):
    store = open_store(tmp_path)
    plan = planned(store, "name: made\ngrid: {training.bce_loss_weight: [0.3, 0.5, 0.8]}\nseeds: [1, 2]\n")
    for index in range(6):
        predict(store, plan, index, 1.0 - (index // 2) / 4)
    first, *others = analyse(store, plan).summary.comparison.configurations
    assert first.by_side == {}
    for one in others:
        assert one.by_side.keys() == {"e1", "e2"}
        for side, found in one.by_side.items():
            gap = getattr(one, f"test_{side}_auc") - getattr(first, f"test_{side}_auc")
            assert found.mean == pytest.approx(gap)
            assert found.low < found.mean < found.high
