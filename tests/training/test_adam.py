"""Our Adam is torch's to the bit, and nothing loads torch's compiler."""

import subprocess
import sys

import torch

from gaintrace.training.adam import Adam, ParameterGroup
from tests.conftest import small_run


def test_steps_are_those_of_torch_s_fused_adam():
    torch.manual_seed(0)
    ours = [torch.randn(3, 40), torch.randn(3), torch.randn(3, 7), torch.randn(5)]
    theirs = [tensor.clone().requires_grad_() for tensor in ours]
    adam = Adam([ParameterGroup(ours[:2], 0.01, 0.1), ParameterGroup(ours[2:], 0.3, 0.0)])
    groups = [{"params": theirs[:2], "weight_decay": 0.1}, {"params": theirs[2:], "lr": 0.3}]
    reference = torch.optim.Adam(groups, lr=0.01, fused=True)
    for step in range(4):
        for own, other in list(zip(ours, theirs, strict=True))[: 3 if step else 2]:  # some have their first later
            own.grad = torch.randn_like(own)
            other.grad = own.grad.clone()
        adam.step()
        reference.step()
        adam.zero_grad()
        reference.zero_grad()
        assert all(own.equal(other.detach()) for own, other in zip(ours, theirs, strict=True))
    assert set(adam.state) == set(ours[:3])
    for own, other in zip(ours[:3], theirs, strict=False):
        for name, value in reference.state[other].items():
            assert adam.state[own][name].equal(value), name


TRAINING = """
import sys
from gaintrace.config import RunConfig
from gaintrace.data.synthetic import generate
from gaintrace.sweeps.shard import DeviceData, train
from gaintrace.store import open_store
from gaintrace.training.checkpoint import Pace
from gaintrace.training.reporter import Silent
import torch
config = RunConfig.model_validate_json(sys.argv[1])
data = DeviceData(generate(config.data.synthetic), config.data, torch.device("cpu"))
train({"r": config}, data, runs=open_store(sys.argv[2]), checkpoints={}, on_ended=lambda _: None, reporter=Silent(),
      say=print, interrupted=lambda: False, pace=Pace())
print(*sys.modules)
"""


def test_a_whole_training_loads_neither_the_compiler_nor_figures_nor_s3(tmp_path):
    config = small_run(training={"epochs": 1, "weight_average": 0.9}).model_dump_json()
    command = [sys.executable, "-c", TRAINING, config, str(tmp_path)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "torch" in loaded
    assert not {"torch._dynamo", "torch._inductor", "matplotlib", "scipy", "boto3", "kubernetes"} & set(loaded)
