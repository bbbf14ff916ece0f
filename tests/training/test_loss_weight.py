"""The weights of the losses: where they start and end over epochs, that training follows them, and learned ones."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.config import TrainingConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.synthetic import generate
from gaintrace.identity import performance_key
from gaintrace.runs.interpretability import learned
from gaintrace.store import open_store
from gaintrace.training.evaluation import score
from gaintrace.training.loss_weight import LOG_VARIANCE, loss_weight, side_weight, uncertainty_loss
from gaintrace.training.population import Population
from tests.conftest import small_run
from tests.training.test_loop import run_training
from tests.training.test_population import CPU, data_on, train


@given(
    start=st.floats(0, 1),
    end=st.floats(0, 1),
    epochs=st.integers(2, 30),
    schedule=st.sampled_from(["linear", "cosine"]),
)
def test_a_schedule_goes_from_start_to_end_without_turning(start, end, epochs, schedule):
    training = TrainingConfig(
        bce_loss_weight=start, bce_loss_weight_end=end, loss_weight_schedule=schedule, epochs=epochs
    )
    weights = [loss_weight(training, epoch) for epoch in range(1, epochs + 1)]
    assert weights[0] == pytest.approx(start)
    assert weights[-1] == pytest.approx(end, abs=1e-12)
    assert weights == sorted(weights, reverse=end < start) or max(weights) - min(weights) < 1e-9


def test_linear_is_even_and_cosine_slow_at_both_ends():
    moved = {
        schedule: loss_weight(
            TrainingConfig(bce_loss_weight=0.8, bce_loss_weight_end=0.3, loss_weight_schedule=schedule, epochs=11), 2
        )
        for schedule in ("linear", "cosine")
    }
    assert moved["linear"] == pytest.approx(0.75)
    assert 0.75 < moved["cosine"] < 0.8


@given(start=st.floats(0, 1), end=st.floats(0, 1), epochs=st.integers(1, 30), epoch=st.integers(1, 30))
def test_inverse_leaves_one_epoch_th_of_the_way_whatever_the_last_epoch_is(start, end, epochs, epoch):
    training = TrainingConfig(
        bce_loss_weight=start, bce_loss_weight_end=end, loss_weight_schedule="inverse", epochs=epochs
    )
    assert loss_weight(training, 1) == pytest.approx(start)
    assert epoch * (loss_weight(training, epoch) - end) == pytest.approx(start - end, abs=1e-12)


def test_without_an_end_the_weight_stays():
    assert {loss_weight(TrainingConfig(bce_loss_weight=0.4), epoch) for epoch in range(1, 13)} == {0.4}


def test_members_follow_their_own_schedules():
    configs = {
        "moves": small_run(training={"bce_loss_weight": 0.8, "bce_loss_weight_end": 0.2}),
        "stays": small_run(training={"bce_loss_weight": 0.5}),
    }
    data = DeviceData(generate(configs["stays"].data.synthetic), configs["stays"].data, torch.device("cpu"))
    population = Population(configs, data)
    for epoch, expected in ((1, [0.8, 0.5]), (2, [0.5, 0.5]), (3, [0.2, 0.5])):
        population.begin_epoch(epoch)
        assert population.sides["e1"].loss_weight.tolist() == pytest.approx(expected)
        assert population.sides["e2"].loss_weight.tolist() == pytest.approx([1 - w for w in expected])


@given(loss=st.floats(0.01, 10), away=st.floats(0.01, 3))
def test_the_uncertainty_loss_is_least_where_the_weight_is_half_the_inverse_loss(loss, away):
    best = torch.tensor(2 * loss, dtype=torch.float64).log()
    least, *others = (float(uncertainty_loss(torch.tensor(loss), s)) for s in (best, best - away, best + away))
    assert least < min(others)


@pytest.mark.parametrize(("start", "far"), [(0.05, "e1"), (0.95, "e2")])
def test_learned_weights_go_to_half_the_inverse_loss_and_are_reported(start, far):
    training = {"loss_weighting": "learned", "bce_loss_weight": start, "curve_learning_rate": 0.1}
    config = small_run(training=training)
    population = Population({"r": config}, data_on(CPU, config))
    for number in range(1, 13):  # 60 steps of at most 0.1 where the way is 2.7
        epoch = population.begin_epoch(number)
        while not epoch.done:
            epoch.advance()
    found = learned(config, population.weights("r"))
    for side in population.sides:
        weight, real = found[f"loss_weight_{side}"], epoch.real[0]
        best = 0.5 / score(epoch.logits[side][0][real], epoch.response[0][real]).loss
        assert weight.start == pytest.approx(side_weight(config.training, side))
        assert weight.mean == pytest.approx(best, rel=0.1), side
        assert side != far or best > 10 * weight.start


def test_a_fixed_weight_is_not_among_what_was_learned(tmp_path):
    outcome = run_training({"r": small_run()}, open_store(tmp_path))["r"]
    assert not [name for name in learned(outcome.history.config, outcome.weights) if "loss" in name]


@pytest.mark.parametrize("scope", ["global", "per_encoder"])
def test_a_learned_weight_that_cannot_move_is_the_fixed_one(scope):
    """To rounding, at a clip that every step meets: so it has no part in the norm."""
    fixed, learning = (
        small_run(
            training={
                "bce_loss_weight": 0.3,
                "loss_weighting": weighting,
                "clip_scope": scope,
                "gradient_clip": 0.02,
                "curve_learning_rate": 1e-9,
            }
        )
        for weighting in ("fixed", "learned")
    )
    data = data_on(CPU, fixed)
    expected, found = (train({"r": config}, data, epochs=1)["r"] for config in (fixed, learning))
    for side, tensors in expected.items():
        assert found[side].keys() - tensors.keys() == {LOG_VARIANCE}
        for name, tensor in tensors.items():
            assert torch.allclose(found[side][name], tensor, atol=5e-5), (side, name)


def test_a_learned_weight_takes_adam_s_step_at_the_curve_s_rate_without_decay():
    """A decay of 10 would pull s, which is above 0, down: as first steps are all of one size, it would be seen."""
    training = {"loss_weighting": "learned", "bce_loss_weight": 0.9, "curve_learning_rate": 0.03, "weight_decay": 10.0}
    config = small_run(training=training)
    population = Population({"r": config}, data_on(CPU, config))
    s = population.sides["e1"].log_variance
    assert s.exp().tolist() == pytest.approx([1 / 0.9])
    before = s.detach().clone()
    population.begin_epoch(1).advance()
    assert (s.detach() - before).tolist() == pytest.approx([0.03], rel=1e-4), "0.9 is more than 1/(2 · 0.7)"


@pytest.mark.parametrize(
    "change",
    [
        {"learning_curve": {"beta_skill_init": 1.0}},
        {"training": {"curve_learning_rate": 0.05}},
        {"training": {"bce_loss_weight": 0.6}},
    ],
)
@pytest.mark.parametrize("weighting", ["fixed", "learned"])
def test_runs_share_encoder_1_if_and_only_if_it_comes_out_the_same(weighting, change):
    training = {"loss_weighting": weighting, "clip_scope": "per_encoder", "curve_learning_rate": 0.02}
    one = small_run(training=training)
    other = small_run(**change | {"training": training | change.get("training", {})})
    data = data_on(CPU, one)
    a, b = (train({"r": config}, data, epochs=1)["r"]["e1"] for config in (one, other))
    same = all(torch.equal(a[name], b[name]) for name in a)
    assert (performance_key("a", one) == performance_key("b", other)) is same
