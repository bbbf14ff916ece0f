"""A population: runs that differ in a few numbers, trained in one pass over the same batches.

Each run owns a member of each side. Under `clip_scope: per_encoder` nothing couples the sides, so runs that agree in
everything encoder 1 can see share one member of it: it is trained once. Shape letters: see gaintrace.model.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from gaintrace.config import RunConfig
from gaintrace.data.batches import DeviceData, StreamBatch
from gaintrace.data.groups import Layout
from gaintrace.identity import performance_key, population_key
from gaintrace.model.dual import build_mastery, build_performance, derived_seed, member_state
from gaintrace.training.selection import SIDES
from gaintrace.training.side import Side


class Population:
    """The models of some runs, and one epoch of their training at a time."""

    def __init__(self, configs: dict[str, RunConfig], data: DeviceData) -> None:
        """`configs`: by run id, all of one population key."""
        if len({population_key(config) for config in configs.values()}) != 1:
            raise ValueError("runs of a population differ in more than members may")
        self.configs = dict(configs)
        self.data = data
        self.first = next(iter(configs.values()))
        keys = {run: performance_key(run, config) for run, config in configs.items()}
        owners = {key: run for run, key in reversed(keys.items())}  # the first run of each key
        tracks = {key: track for track, key in enumerate(dict.fromkeys(keys.values()))}
        self.members = {
            run: {"e1": tracks[keys[run]], "e2": position} for position, run in enumerate(configs)
        }  # run id → side → member
        e1 = [configs[owners[key]] for key in tracks]
        e2 = list(configs.values())
        students = data.train_students
        self.sides = {
            "e1": Side("e1", [build_performance(config, data.skills) for config in e1], e1, data.device),
            "e2": Side("e2", [build_mastery(config, data.skills, students) for config in e2], e2, data.device),
        }

    @property
    def runs(self) -> list[str]:
        """Ids of the runs still in training."""
        return list(self.members)

    def shared(self, run: str) -> list[str]:
        """Other runs that use the same member of encoder 1."""
        own = self.members[run]["e1"]
        return [other for other, at in self.members.items() if other != run and at["e1"] == own]

    def begin_epoch(self, epoch: int, generators: dict[str, dict[int, Tensor]] | None = None) -> "Epoch":
        """Seed an epoch's batches and dropout. `generators`: dropout states by side and seed, to go on inside it."""
        streams = list(dict.fromkeys(self.configs[run].training.seed for run in self.members))
        for name, side in self.sides.items():
            side.begin_epoch(epoch, streams, (generators or {}).get(name))
        return Epoch(self, epoch, streams)

    def train_batch(self, batch: StreamBatch) -> dict[str, Tensor]:
        """One step of every member. Returns the logits by side, KN."""
        logits = {name: side.backward(batch) for name, side in self.sides.items()}
        norms = {name: side.gradient_norm() for name, side in self.sides.items()}
        if self.first.training.clip_scope == "global":
            both = torch.stack(list(norms.values())).norm(dim=0)
            norms = dict.fromkeys(norms, both)
        for name, side in self.sides.items():
            side.step(norms[name])
        return logits

    def remove(self, runs: Iterable[str]) -> None:
        """Take runs out; a member that nobody uses any more is dropped."""
        for run in runs:
            del self.members[run]
        if not self.members:
            return
        for name, side in self.sides.items():
            used = sorted({at[name] for at in self.members.values()})
            side.keep(used)
            moved = {old: new for new, old in enumerate(used)}
            for at in self.members.values():
                at[name] = moved[at[name]]

    def weights(self, run: str, sides: Iterable[str] = SIDES) -> dict[str, dict[str, Tensor]]:
        """A copy of the tensors that a run is evaluated with, by side and name."""
        return {name: member_state(self.sides[name].evaluated, self.members[run][name]) for name in sides}


class Epoch:
    """Progress through one epoch: which batch is next, and every training logit so far.

    `logits`: side → KP and `response`, `real`: SP over the epoch's P positions, in the order they were trained.
    """

    def __init__(self, population: Population, number: int, streams: list[int]) -> None:
        self.population = population
        self.number = number
        self.streams = streams
        data = population.data
        seeds = [derived_seed(seed, "batches", number) for seed in streams]
        size = population.first.training.batch_size
        self.batches: list[Layout] = data.train.training(size, derived_seed("shapes", number), seeds)
        self.step = 0
        self.filled = 0
        positions = sum(layout.tokens for layout in self.batches)
        self.logits = {
            name: torch.zeros(len(side.configs), positions, device=data.device)
            for name, side in population.sides.items()
        }
        self.response = torch.zeros(len(streams), positions, device=data.device)
        self.real = torch.zeros(len(streams), positions, dtype=torch.bool, device=data.device)

    @property
    def done(self) -> bool:
        """Whether every batch has been trained on."""
        return self.step == len(self.batches)

    def advance(self) -> None:
        """Train on the next batch. Nothing here waits for the device."""
        batch, end = self._next()
        logits = self.population.train_batch(batch)
        for name, logit in logits.items():
            self.logits[name][:, self.filled : end] = logit
        self._book(batch, end)

    def fast_forward(self, steps: int) -> None:
        """Pass over batches that were trained on before an interruption."""
        for _ in range(steps):
            self._book(*self._next())

    def _next(self) -> tuple[StreamBatch, int]:
        data = self.population.data
        batch = data.gather(data.train, self.batches[self.step])
        return batch, self.filled + self.batches[self.step].tokens

    def _book(self, batch: StreamBatch, end: int) -> None:
        self.response[:, self.filled : end] = batch.response
        self.real[:, self.filled : end] = batch.real
        self.filled = end
        self.step += 1
