"""Successive halving: who goes on at a rung, alone and beside runs of other processes."""

import pytest

from gaintrace.config import parse_spec
from gaintrace.errors import StoreError
from gaintrace.store import open_store
from gaintrace.sweeps.rungs import Rungs
from gaintrace.training.history import RunHistory

SPEC = """
name: halved
base: {training: {epochs: 8, patience: 9}}
search:
  sampler: random
  rounds: 1
  runs_per_round: 4
  space: {training.bce_loss_weight: {low: 0.1, high: 0.9}}
  stop: {first: 2, eta: 2}
"""


@pytest.fixture
def rungs(tmp_path):
    return Rungs(open_store(tmp_path), "s", parse_spec(SPEC, "here"))


def histories(epoch, scores, **changes):
    """Runs whose E1 has a value in every epoch, and whose E2 is 0.5; or rows of their own."""
    config = parse_spec(SPEC, "here").base
    config = config.model_copy(update={"training": config.training.model_copy(update=changes)})
    found = {}
    for run, score in scores.items():
        found[run] = RunHistory(config)
        for number in range(1, epoch + 1):
            found[run].rows.append({"epoch": number, "valid_e1_auc": score, "valid_e2_auc": 0.5})
    return found


def test_the_better_half_goes_on_at_rungs_alone(rungs):
    scores = {"a": 0.6, "b": 0.9, "c": 0.7, "d": 0.8}
    assert rungs.losers(histories(1, scores)) == {}
    found = rungs.losers(histories(2, scores))
    assert found == {
        "a": "4 of 4 on validation, where the best 2 went on (0.8500; theirs 1.0500 or more)",
        "c": "3 of 4 on validation, where the best 2 went on (0.9500; theirs 1.0500 or more)",
    }
    left = {"b": 0.9, "d": 0.95}
    assert rungs.losers(histories(3, left)) == {}
    assert list(rungs.losers(histories(4, left))) == ["b"]


def test_an_odd_run_goes_on_and_equals_go_by_id(rungs):
    assert list(rungs.losers(histories(2, {"c": 0.7, "b": 0.7, "a": 0.7}))) == ["c"]


def test_later_runs_are_measured_by_those_before_and_the_first_by_none(rungs):
    assert rungs.losers(histories(2, {"a": 0.6})) == {}
    assert rungs.losers(histories(2, {"b": 0.9})) == {}
    assert list(rungs.losers(histories(2, {"c": 0.5}))) == ["c"]
    assert list(rungs.losers(histories(2, {"d": 0.7}))) == []


def test_who_went_on_is_not_judged_again_there(rungs):
    assert rungs.losers(histories(2, {"a": 0.6})) == {}
    assert rungs.losers(histories(2, {"b": 0.9, "c": 0.9})) == {}
    assert rungs.losers(histories(2, {"a": 0.6})) == {}  # trained again from an older checkpoint


def test_runs_that_ended_are_never_stopped_and_measure_others_later(rungs):
    assert rungs.losers(histories(2, {"a": 0.9, "b": 0.8}, patience=1)) == {}  # their patience is out, at this rung
    assert list(rungs.losers(histories(4, {"c": 0.7, "d": 0.85}))) == ["c"]


def test_a_run_without_an_auc_comes_last(rungs):
    without = histories(2, {"a": 0.9, "b": 0.2})
    for row in without["a"].rows:
        row["valid_e2_auc"] = None
    assert list(rungs.losers(without)) == ["a"]


def test_without_stopping_nothing_is_put_into_the_store(tmp_path):
    store = open_store(tmp_path)
    spec = parse_spec(SPEC.replace("  stop: {first: 2, eta: 2}\n", ""), "here")
    assert Rungs(store, "s", spec).losers(histories(2, {"a": 0.1, "b": 0.9})) == {}
    assert store.keys() == []


def test_a_damaged_stand_is_named_and_no_run_is_to_blame(rungs, tmp_path):
    rungs.losers(histories(2, {"a": 0.9}))
    rungs.store.write("sweeps/s/rungs/00002/a.json", b"{")
    with pytest.raises(StoreError, match=r"sweeps/s/rungs/00002/a\.json is damaged: .*\. Delete it and run"):
        rungs.losers(histories(2, {"b": 0.8}))
