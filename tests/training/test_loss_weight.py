"""The weight of the loss over epochs: where it starts and ends, and that training follows it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.config import TrainingConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.synthetic import generate
from gaintrace.training.loss_weight import loss_weight
from gaintrace.training.population import Population
from tests.conftest import small_run


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
