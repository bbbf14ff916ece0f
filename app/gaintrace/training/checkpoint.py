"""Checkpoints: everything a run needs to go on as if it had never stopped, as one safetensors object a run.

A checkpoint belongs to a run, not to the population it was trained in: after an interruption the runs of a sweep may
be grouped otherwise and still continue.
"""

import json
import time
from dataclasses import dataclass, fields
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from gaintrace.config import RunConfig
from gaintrace.store import MissingObjectError, Store
from gaintrace.training.history import RunHistory
from gaintrace.training.population import Epoch, Population
from gaintrace.training.side import MemberState

NAME = "checkpoint.safetensors"
WRITING_SHARE = 0.05
"""Checkpoints take at most this share of the time; the others are skipped."""


@dataclass
class Checkpoint:
    """A run's state after `history.epoch` epochs and `batches_done` batches of the next one."""

    history: RunHistory
    batches_done: int
    adam_steps: int
    tensors: dict[str, Tensor]

    @property
    def position(self) -> tuple[int, int]:
        """Runs at one position can go on together."""
        return (self.history.epoch, self.batches_done)

    def section(self, prefix: str) -> dict[str, Tensor]:
        """Tensors whose name starts with `prefix.`, without it."""
        return {k.removeprefix(prefix + "."): v for k, v in self.tensors.items() if k.startswith(prefix + ".")}


def save_checkpoint(store: Store, run: str, population: Population, history: RunHistory, epoch: Epoch | None) -> None:
    """Write a run's state; `epoch` is the epoch under way, or None between epochs."""
    tensors: dict[str, Tensor] = {}
    seed = population.configs[run].training.seed
    for name, side in population.sides.items():
        member = population.members[run][name]
        for section, state in vars(side.state(member)).items():
            tensors |= {f"{name}.{section}.{k}": v for k, v in state.items()}
        tensors |= {f"{name}.best.{k}": v for k, v in history.best.get(name, {}).items()}
        if epoch is not None:
            tensors[f"{name}.epoch.logit"] = epoch.logits[name][member, : epoch.filled].clone()
            tensors[f"{name}.epoch.generator"] = side.dropout.generators[epoch.streams.index(seed)].get_state()
    position = {
        "rows": history.rows,
        "step": epoch.batches_done if epoch is not None else 0,
        "adam_steps": population.sides["e1"].adam_steps,
    }
    store.write(
        f"{run}/{NAME}", save({k: v.contiguous().cpu() for k, v in tensors.items()}, {"state": json.dumps(position)})
    )


def load_checkpoint(store: Store, run: str, config: RunConfig) -> Checkpoint | None:
    """A run's last checkpoint; None if there is none, or none that can be read."""
    try:
        data = store.read(f"{run}/{NAME}")
    except MissingObjectError:
        return None
    try:
        tensors = load(data)
        state = _metadata(data)
    except (SafetensorError, ValueError, KeyError):
        return None
    checkpoint = Checkpoint(RunHistory(config, state["rows"]), state["step"], state["adam_steps"], tensors)
    checkpoint.history.best = {side: checkpoint.section(f"{side}.best") for side in checkpoint.history.selected}
    return checkpoint


def _metadata(data: bytes) -> dict[str, Any]:
    """The `state` in a safetensors header: 8 bytes of length, then JSON."""
    size = int.from_bytes(data[:8], "little")
    state: dict[str, Any] = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["state"])
    return state


def restore(population: Population, checkpoints: dict[str, Checkpoint]) -> Epoch | None:
    """Put a population where its checkpoints are, all at one position; the epoch under way, if any."""
    for name, side in population.sides.items():
        users = {at[name]: run for run, at in reversed(population.members.items())}
        states = [
            MemberState(*(checkpoints[users[m]].section(f"{name}.{f.name}") for f in fields(MemberState)))
            for m in range(len(side.configs))
        ]
        side.restore(states, next(iter(checkpoints.values())).adam_steps)
    some = next(iter(checkpoints.values()))
    if some.batches_done == 0:
        return None
    generators = {
        name: {
            population.configs[run].training.seed: checkpoint.tensors[f"{name}.epoch.generator"]
            for run, checkpoint in checkpoints.items()
        }
        for name in population.sides
    }
    epoch = population.begin_epoch(some.history.epoch + 1, generators)
    epoch.fast_forward(some.batches_done)
    for run, checkpoint in checkpoints.items():
        for name, member in population.members[run].items():
            epoch.logits[name][member, : epoch.filled] = checkpoint.tensors[f"{name}.epoch.logit"].to(
                epoch.logits[name].device
            )
    return epoch


class Pace:
    """Decides which checkpoints are worth their time."""

    def __init__(self, share: float = WRITING_SHARE) -> None:
        """`share`: of the time that may go into writing; 1 writes every one."""
        self.share = share
        self.began = time.monotonic()
        self.writing = 0.0
        self.last = 0.0

    def due(self) -> bool:
        """Whether writing has taken less than its share so far."""
        return self.writing <= self.share * (time.monotonic() - self.began)

    def __enter__(self) -> None:
        self.entered = time.monotonic()

    def __exit__(self, *error: object) -> None:
        self.last = time.monotonic() - self.entered
        self.writing += self.last
