"""How many runs a device can train side by side: measured on one step of one run, not guessed."""

import os
from pathlib import Path

import torch
from torch import Tensor

from gaintrace.config import RunConfig
from gaintrace.data.batches import Batch, DeviceData
from gaintrace.training.population import Population
from gaintrace.training.replay import recorder_for
from gaintrace.training.side import Side

SHARE = 0.6
"""Of the free memory; the rest is for what one step of one run does not show."""
COPIES = 5
"""Of each parameter: itself, its gradient, Adam's two moments, and the best epoch's."""
CGROUP_LIMIT, CGROUP_USE = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")


def most_members(config: RunConfig, data: DeviceData) -> int:
    """How many runs to train side by side on the data's device, at least one.

    One small model leaves most of a GPU idle. It fills a CPU, where stacking only gains what members share, and they
    share nothing under a global clip.
    """
    if data.device.type == "cpu" and config.training.clip_scope == "global":
        return 1
    return max(1, int(SHARE * free_bytes(data.device) / member_bytes(config, data)))


def member_bytes(config: RunConfig, data: DeviceData) -> int:
    """Memory that one more run takes: its parameters, and what the largest batch keeps for its backward pass."""
    population = Population({"measured": config}, data, recorder_for(data.device))
    epoch = population.begin_epoch(1)
    largest = max(epoch.batches, key=lambda layout: layout.tokens)
    batch = data.gather(data.train, largest)
    parameters = sum(p.numel() * p.element_size() for s in population.sides.values() for p in s.module.parameters())
    logits = sum(logit.numel() * logit.element_size() for logit in epoch.logits.values())
    # The sides go through backward one after another, so only the larger one's activations are there at a time.
    activations = max(_saved_bytes(side, batch) for side in population.sides.values())
    # Recorded steps keep memory for theirs to themselves; others are launched beside them.
    times = 2 if data.device.type == "cuda" else 1
    copies = COPIES + (1 if config.training.weight_average else 0)
    return copies * parameters + 2 * logits + times * activations


def _saved_bytes(side: Side, batch: Batch) -> int:
    """What autograd keeps of a forward pass; a storage that several tensors share counts once."""
    seen: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        side.backward(batch)
    return sum(seen.values())


def free_bytes(device: torch.device) -> int:
    """Free memory of a GPU; of the machine, or of the container if that has less."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        return min(free, int(CGROUP_LIMIT.read_text()) - int(CGROUP_USE.read_text()))
    except (OSError, ValueError):  # no cgroup, or "max"
        return free
