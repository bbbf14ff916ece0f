"""Training: the same numbers every time, through interruptions, and honest ends."""

import gc
import json
import tempfile
import time
import weakref
from functools import cache

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load

from gaintrace.data.batches import DeviceData
from gaintrace.data.synthetic import generate
from gaintrace.errors import InterruptedRunError
from gaintrace.store import FolderStore, open_store
from gaintrace.training.checkpoint import Pace, load_checkpoint
from gaintrace.training.epoch_rules import selected_epochs
from gaintrace.training.history import RunHistory
from gaintrace.training.loop import NonFiniteLossError, train
from gaintrace.training.reporter import Silent
from tests.conftest import small_run, thorough

CPU = torch.device("cpu")


def run_training(configs, store, stop_after=None, resume=False, share=1.0):
    """Outcomes by run. `stop_after`: batches after which an interruption comes."""
    config = next(iter(configs.values()))
    data = DeviceData(generate(config.data.synthetic), config.data, CPU)
    outcomes, asked = {}, [0]

    def interrupted():
        asked[0] += 1
        return stop_after is not None and asked[0] > stop_after

    checkpoints = {run: load_checkpoint(store, run, c) for run, c in configs.items()} if resume else {}
    train(
        configs,
        data,
        runs=store,
        checkpoints=checkpoints,
        on_ended=lambda outcome: outcomes.__setitem__(outcome.run, outcome),
        reporter=Silent(),
        say=print,
        interrupted=interrupted,
        pace=Pace(share),
    )
    return outcomes


def numbers(outcome):
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in outcome.history.rows]
    return json.dumps(rows), outcome.history.selected, outcome.test, outcome.predictions


def assert_same(a, b):
    for left, right in zip(numbers(a)[:3], numbers(b)[:3], strict=True):
        assert left == right
    pd.testing.assert_frame_equal(a.predictions, b.predictions, check_exact=True)


def test_a_seed_gives_the_same_numbers_twice(tmp_path):
    configs = {"r": small_run()}
    first, second = (run_training(configs, open_store(tmp_path / name))["r"] for name in "ab")
    assert_same(first, second)
    other = run_training({"r": small_run(training={"seed": 1})}, open_store(tmp_path / "c"))["r"]
    assert other.test != first.test


def test_predictions_of_runs_that_have_ended_leave_memory(tmp_path):
    """Of runs that end at once, whoever hears of them may hold those of one at a time."""
    configs = {f"r{weight}": small_run(training={"bce_loss_weight": weight}) for weight in (0.2, 0.4, 0.6)}
    config, earlier = configs["r0.2"], []

    def on_ended(ended):
        gc.collect()
        assert all(frame() is None for frame in earlier)
        earlier.append(weakref.ref(ended.predictions))

    train(
        configs,
        DeviceData(generate(config.data.synthetic), config.data, CPU),
        runs=open_store(tmp_path),
        checkpoints={},
        on_ended=on_ended,
        reporter=Silent(),
        say=print,
        interrupted=lambda: False,
        pace=Pace(),
    )
    assert len(earlier) == 3


KINDS = {
    "scalar": ({"gain": "scalar"}, {}),
    "per_skill": ({"gain": "per_skill"}, {}),
    "readable": (
        {"gain": "linear", "curve": "per_skill", "ability": "inferred", "target": "past"},
        {"curve_learning_rate": 0.02, "weight_average": 0.9},
    ),
    "learned weights": (
        {"gain": "linear"},
        {"curve_learning_rate": 0.02, "weight_average": 0.9, "loss_weighting": "learned"},
    ),
    "aggregate": (
        {"gain": "evidence", "curve": "per_skill", "ability": "inferred", "aggregate": "mastery"},
        {"curve_learning_rate": 0.02, "weight_average": 0.9, "selection_metric": "per_encoder"},
    ),
    "the study's training": (
        {"gain": "scalar"},
        {"loss": "double_sigmoid", "batch_order": "pykt", "clip_scope": "global"},
    ),
}


def two_seeds(kind):
    model, training = KINDS[kind]
    return {str(seed): small_run(model=model, training={"seed": seed, "batch_size": 16, **training}) for seed in (1, 2)}


@cache
def uninterrupted(kind):
    with tempfile.TemporaryDirectory() as folder:
        return run_training(two_seeds(kind), open_store(folder))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stop_after", [0, thorough(1), thorough(4), 6, thorough(9), thorough(14)])
def test_an_interrupted_run_ends_as_an_uninterrupted_one(tmp_path, kind, stop_after):
    """Whether it is stopped before, between or inside epochs (5 batches each), and grouped otherwise afterwards."""
    configs, straight = two_seeds(kind), uninterrupted(kind)
    store = open_store(tmp_path)
    with pytest.raises(InterruptedRunError, match="Run the same command again"):
        run_training(configs, store, stop_after=stop_after)
    resumed = run_training(configs, store, resume=True)
    for run in configs:
        assert_same(resumed[run], straight[run])
        for side, tensors in straight[run].weights.items():
            assert all(torch.equal(resumed[run].weights[side][name], tensor) for name, tensor in tensors.items())


def test_reported_losses_are_cross_entropy_whatever_trains(tmp_path):
    """Weights that hardly move give the same predictions, so the same losses, by either."""

    def losses(loss):
        config = small_run(training={"loss": loss, "learning_rate": 1e-12, "epochs": 1})
        ended = run_training({"r": config}, open_store(tmp_path / loss))["r"]
        row = {column: value for column, value in ended.history.rows[0].items() if column.endswith("_loss")}
        return row | {f"test_{side}": score.loss for side, score in ended.test.items()}

    assert len(losses("bce")) == 6
    assert losses("double_sigmoid") == pytest.approx(losses("bce"), abs=1e-6)


def test_a_checkpoint_may_be_continued_alone(tmp_path):
    configs = {str(seed): small_run(training={"seed": seed}) for seed in (1, 2)}
    store = open_store(tmp_path)
    with pytest.raises(InterruptedRunError):
        run_training(configs, store, stop_after=7)
    straight = run_training(configs, open_store(tmp_path / "straight"))
    alone = run_training({"2": configs["2"]}, store, resume=True)["2"]
    pd.testing.assert_frame_equal(alone.predictions, straight["2"].predictions, atol=1e-4, check_exact=False)


def test_a_damaged_checkpoint_is_not_used(tmp_path):
    store = open_store(tmp_path)
    with pytest.raises(InterruptedRunError):
        run_training({"r": small_run()}, store, stop_after=4)
    data = store.read("r/checkpoint.safetensors")
    assert load_checkpoint(store, "r", small_run()) is not None
    for damaged in (data[:100], data[:-10], b"", b"\xff" * 500):
        store.write("r/checkpoint.safetensors", damaged)
        assert load_checkpoint(store, "r", small_run()) is None


def test_a_loss_that_is_no_number_fails_its_run_alone(tmp_path):
    """Weights that overflow in one member leave its neighbour as it was."""
    configs = {"bad": small_run(training={"gradient_clip": 1e30}), "good": small_run()}
    config = configs["good"]
    data = DeviceData(generate(config.data.synthetic), config.data, CPU)
    outcomes = {}

    from gaintrace.training import population as module

    original = module.Population.train

    def poisoned(self, layout):
        if "bad" in self.members:
            with torch.no_grad():
                self.sides["e1"].module.logit.weight[self.members["bad"]["e1"]] = float("nan")
        return original(self, layout)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.Population, "train", poisoned)
        train(
            configs,
            data,
            runs=open_store(tmp_path),
            checkpoints={},
            on_ended=lambda outcome: outcomes.__setitem__(outcome.run, outcome),
            reporter=Silent(),
            say=print,
            interrupted=lambda: False,
            pace=Pace(0),
        )
    assert isinstance(outcomes["bad"].error, NonFiniteLossError)
    assert "train_e1_loss" in str(outcomes["bad"].error)
    assert "Lower training.learning_rate" in str(outcomes["bad"].error)
    alone = run_training({"good": configs["good"]}, open_store(tmp_path / "alone"))["good"]
    assert outcomes["good"].error is None
    pd.testing.assert_frame_equal(outcomes["good"].predictions, alone.predictions, atol=1e-4, check_exact=False)


def test_patience_and_the_best_epoch():
    history = RunHistory(small_run(training={"epochs": 10, "patience": 2}))
    kept = []
    for epoch, auc in enumerate([0.6, 0.7, 0.7, 0.69], start=1):
        assert not history.exhausted
        kept.append(history.book({"epoch": epoch, "valid_e1_auc": auc, "valid_e2_auc": 0.5 + epoch / 100}))
    assert kept == [["e1", "e2"], ["e1", "e2"], [], []]
    assert history.selected == {"e1": 2, "e2": 2}
    assert history.exhausted


def test_each_rule_picks_its_own_epochs():
    rows = [
        {"valid_e1_auc": e1, "valid_e2_auc": e2} for e1, e2 in [(0.70, 0.50), (0.71, 0.53), (0.69, 0.58), (0.6, 0.59)]
    ]
    picked = {rule: selected_epochs(rule, rows, 4) for rule in ("valid_e1_auc", "valid_combined", "per_encoder")}
    assert picked == {
        "valid_e1_auc": {"e1": 2, "e2": 2},
        "valid_combined": {"e1": 3, "e2": 3},
        "per_encoder": {"e1": 2, "e2": 4},
    }
    assert selected_epochs("per_encoder", [], 4) == {}


auc = st.sampled_from([0.5, 0.6, 0.7, 0.8])


@given(
    st.lists(st.tuples(auc, auc), min_size=1, max_size=12), st.lists(auc, min_size=12, max_size=12), st.integers(1, 4)
)
def test_an_encoder_with_its_own_epoch_does_not_feel_the_other(pairs, others, patience):
    """Its epoch is the one it would have if training had followed it alone, for as long as the run goes on."""
    rows = [{"valid_e1_auc": e1, "valid_e2_auc": e2} for e1, e2 in pairs]
    swapped = [row | {"valid_e2_auc": other} for row, other in zip(rows, others, strict=False)]
    epoch = selected_epochs("per_encoder", rows, patience)["e1"]
    assert epoch == selected_epochs("per_encoder", swapped, patience)["e1"]
    assert epoch == selected_epochs("valid_e1_auc", rows, patience)["e1"]
    assert epoch == selected_epochs("per_encoder", rows[: epoch + patience], patience)["e1"]


def test_with_an_epoch_for_each_encoder_a_run_goes_on_until_both_have_waited():
    history = RunHistory(small_run(training={"epochs": 20, "patience": 2, "selection_metric": "per_encoder"}))
    for epoch in range(1, 8):
        assert not history.exhausted
        history.book({"epoch": epoch, "valid_e1_auc": 0.7 + (epoch == 7), "valid_e2_auc": 0.5 + min(epoch, 5) / 100})
    assert history.exhausted
    assert history.selected == {"e1": 1, "e2": 5}, "what came after its patience does not count"


def test_weights_and_scores_of_each_encoder_are_of_its_own_epoch(tmp_path):
    """Against runs stopped at those epochs, interrupted on the way or not."""
    training = {"epochs": 6, "patience": 6, "learning_rate": 0.02, "clip_scope": "per_encoder"}
    config = small_run(training=training | {"selection_metric": "per_encoder"})
    store = open_store(tmp_path)
    with pytest.raises(InterruptedRunError):
        run_training({"r": config}, store, stop_after=23)
    outcome = run_training({"r": config}, store, resume=True)["r"]
    selected = outcome.history.selected
    assert selected["e1"] != selected["e2"], selected
    for side, epoch in selected.items():
        until = small_run(training=training | {"epochs": epoch, "selection_metric": "per_encoder"})
        alone = run_training({"r": until}, open_store(tmp_path / side))["r"]
        assert alone.test[side] == outcome.test[side]
        assert (alone.predictions[side] == outcome.predictions[side]).all()
        assert all(torch.equal(alone.weights[side][name], kept) for name, kept in outcome.weights[side].items())


def test_test_scores_are_those_of_the_selected_epochs_weights(tmp_path):
    outcome = run_training(
        {"r": small_run(training={"epochs": 6, "patience": 1, "learning_rate": 0.05})}, open_store(tmp_path)
    )["r"]
    assert outcome.history.selected["e1"] < len(outcome.history.rows) or len(outcome.history.rows) == 6
    frame = outcome.predictions
    accuracy = ((frame["e1"] > 0.5) == (frame["response"] == 1)).mean()
    assert outcome.test["e1"].accuracy == pytest.approx(accuracy, abs=1e-6)
    assert frame["index"].is_monotonic_increasing
    assert frame["mastery"].between(0, 1).all()


def test_pace_bounds_the_time_spent_writing():
    pace = Pace(0.05)
    assert pace.due()
    pace.writing = 10.0
    assert not pace.due()
    assert Pace(1.0).due()


def test_a_slow_store_gets_few_checkpoints(tmp_path):
    class SlowStore(FolderStore):
        written = 0

        def write(self, key, data):
            self.written += 1
            time.sleep(0.3)
            super().write(key, data)

    store = SlowStore(tmp_path)
    began = time.monotonic()
    run_training({"r": small_run(training={"epochs": 12, "patience": 12})}, store, share=0.05)
    assert 1 <= store.written <= 2 + (time.monotonic() - began) * 0.05 / 0.3  # all but the last within their share
    assert store.written < 11


def test_a_small_model_learns_simulated_students(tmp_path):
    config = small_run(
        data={"synthetic": {"students": 400, "skills": 5, "mean_length": 30, "seed": 3}},
        training={"epochs": 6, "learning_rate": 0.01},
    )
    outcome = run_training({"r": config}, open_store(tmp_path))["r"]
    assert outcome.test["e1"].auc > 0.7
    assert outcome.test["e2"].auc > 0.6
    assert load(b"".join([open_store(tmp_path).read("r/checkpoint.safetensors")]))


def test_bf16_agrees_with_fp32_roughly(tmp_path):
    full = run_training({"r": small_run()}, open_store(tmp_path / "a"))["r"]
    half = run_training({"r": small_run(training={"precision": "bf16"})}, open_store(tmp_path / "b"))["r"]
    assert half.test["e1"].auc == pytest.approx(full.test["e1"].auc, abs=0.03)
    assert half.test != full.test
