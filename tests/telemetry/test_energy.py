"""Energy is shared by the runs in training, and nothing of it is lost or invented."""

import pytest
import torch

from gaintrace.telemetry.energy import EnergyMeter, joules


def test_each_run_has_its_share_while_it_trains():
    readings = iter([100.0, 160.0, 200.0, 230.0])
    meter = EnergyMeter(["a", "b", "c"], lambda: next(readings))
    assert [meter.finish(run) for run in "bac"] == pytest.approx([20, 40, 70])  # 60/3; + 40/2; + 30


def test_what_is_not_known_is_none():
    assert EnergyMeter(["a"], lambda: None).finish("a") is None
    assert EnergyMeter([], lambda: 5.0).finish("resumed") is None
    assert joules(torch.device("cpu")) is None
