"""A population: runs that differ in a few numbers, trained in one pass over the same batches.

Each run owns a member of each side. Under `clip_scope: per_encoder` nothing couples the sides, so runs that agree in
everything encoder 1 can see share one member of it: it is trained once. Shape letters: see gaintrace.model.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from gaintrace.config import RunConfig
from gaintrace.data.batches import DeviceData, Targets
from gaintrace.data.groups import Layout
from gaintrace.identity import performance_key, population_key
from gaintrace.model.aggregate import AggregateEncoder
from gaintrace.model.dual import build_side, derived_seed, member_state
from gaintrace.model.evidence import EvidenceEncoder
from gaintrace.training.replay import Recorder, Replay, StepOutput
from gaintrace.training.side import Side


class Population:
    """The models of some runs, and one epoch of their training at a time."""

    def __init__(
        self,
        configs: dict[str, RunConfig],
        data: DeviceData,
        recorder: Recorder | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`configs`: by run id, all of one population key. `recorder`: replays steps; `say` is told what came of it."""
        if len({population_key(config) for config in configs.values()}) != 1:
            raise ValueError("runs of a population differ in more than members may")
        self.configs = dict(configs)
        self.data = data
        self.first = next(iter(configs.values()))
        keys = {run: performance_key(run, config) for run, config in configs.items()}
        owners = {key: run for run, key in reversed(keys.items())}  # the first run of each key
        least: dict[str, list[str]] = {}
        for run in sorted(keys):
            least.setdefault(keys[run], []).append(run)
        self.sharing = {run: least[key][:2] for run, key in keys.items()}  # the two least that share encoder 1
        tracks = {key: track for track, key in enumerate(dict.fromkeys(keys.values()))}
        self.members = {
            run: dict.fromkeys(self.first.sides, position) | {"e1": tracks[keys[run]]}
            for position, run in enumerate(configs)
        }  # run id → side → member
        owned = {name: list(configs.values()) for name in self.first.sides}
        owned["e1"] = [configs[owners[key]] for key in tracks]
        self.sides = {name: self._side(name, owners) for name, owners in owned.items()}
        self.shuffled = self.first.training.batch_order == "shuffled"
        self.packing = data.train.packed(self.first.training.batch_size, self.shuffled) if recorder else None
        self.replay = Replay(self, recorder, say)

    def _side(self, name: str, configs: list[RunConfig]) -> Side:
        data = self.data
        encoders = [build_side(name, own, data.skills, data.train_students, data.item_answers) for own in configs]
        return Side(name, encoders, configs, data.device, data.targets["train"])

    @property
    def runs(self) -> list[str]:
        """Ids of the runs still in training."""
        return list(self.members)

    def shared(self, run: str) -> list[str]:
        """The run, if any, that stands for the others which began with the same member of encoder 1: the least id."""
        return [other for other in self.sharing[run] if other != run][:1]

    def begin_epoch(self, epoch: int, generators: dict[str, dict[int, Tensor]] | None = None) -> "Epoch":
        """Seed an epoch's batches and dropout. `generators`: dropout states by side and seed, to go on in it."""
        streams = list(dict.fromkeys(self.configs[run].training.seed for run in self.members))
        for name, side in self.sides.items():
            side.begin_epoch(epoch, streams, (generators or {}).get(name))
        return Epoch(self, epoch, streams)

    def batches(self, epoch: int, streams: list[int]) -> list[Layout]:
        """The batches of an epoch, for the S seeds `streams`."""
        chunks, size = self.data.train, self.first.training.batch_size
        if not self.shuffled:
            return chunks.unshuffled(size, len(streams), self.packing)
        seeds = [derived_seed(seed, "batches", epoch) for seed in streams]
        return chunks.training(size, derived_seed("shapes", epoch), seeds, self.packing)

    def step(self, layout: Layout) -> StepOutput:
        """One step of every member. What it returns is overwritten by the next step."""
        trained = self.replay(layout)
        for side in self.sides.values():
            side.count_step()
        return trained

    def train(self, layout: Layout) -> StepOutput:
        """What the device does in a step, launched. `step` counts it, and may replay it instead."""
        batch = self.data.gather(self.data.train, layout)
        logits = {name: side.backward(batch) for name, side in self.sides.items()}
        norms = {name: side.gradient_norm() for name, side in self.sides.items()}
        if self.first.training.clip_scope == "global":
            over_all = torch.stack(list(norms.values())).norm(dim=0)  # K
            norms = dict.fromkeys(norms, over_all)
        for name, side in self.sides.items():
            side.step(norms[name])
        if "e3" in self.sides:
            third, second = self.sides["e3"].module, self.sides["e2"].module
            assert isinstance(third, AggregateEncoder) and isinstance(second, EvidenceEncoder)
            third.follow(second)
        return StepOutput(logits, batch.targets)

    def moving(self) -> list[Tensor]:
        """The tensors that a step changes, after the first: K… each, and Adam's counts of steps."""
        return [tensor for side in self.sides.values() for tensor in side.moving()]

    def generators(self) -> list[torch.Generator]:
        """Where a step's random numbers come from."""
        return [generator for side in self.sides.values() for generator in side.dropout.generators]

    def recover(self, states: list[Tensor]) -> None:
        """After a step that failed on its way: no gradients, and other generators in these states."""
        left = iter(states)
        for side in self.sides.values():
            side.optimizer.zero_grad()
            side.dropout.renew(left)

    def remove(self, runs: Iterable[str]) -> None:
        """Take runs out; a member that nobody uses any more is dropped."""
        for run in runs:
            del self.members[run]
        if not self.members:
            return
        self.replay.forget()
        for name, side in self.sides.items():
            used = sorted({at[name] for at in self.members.values()})
            side.keep(used)
            moved = {old: new for new, old in enumerate(used)}
            for at in self.members.values():
                at[name] = moved[at[name]]

    def weights(self, run: str, sides: Iterable[str] | None = None) -> dict[str, dict[str, Tensor]]:
        """A copy of the tensors that a run is evaluated with, by side and name, without a member axis."""
        names = self.sides if sides is None else sides
        return {name: member_state(self.sides[name].evaluated, self.members[run][name]) for name in names}


class Epoch:
    """Progress through one epoch: which batch is next, and every training logit so far.

    `logits`: side → KP and `response`, `real`: SP over the epoch's P positions, in the order they were trained.
    """

    def __init__(self, population: Population, number: int, streams: list[int]) -> None:
        self.population = population
        self.number = number
        self.streams = streams
        self.batches = population.batches(number, streams)
        self.batches_done = 0
        self.filled = 0
        positions = sum(layout.tokens for layout in self.batches)
        data = population.data
        self.logits = {
            name: torch.zeros(len(side.configs), positions, device=data.device)
            for name, side in population.sides.items()
        }
        self.response = torch.zeros(len(streams), positions, device=data.device)
        self.real = torch.zeros(len(streams), positions, dtype=torch.bool, device=data.device)

    @property
    def done(self) -> bool:
        """Whether every batch has been trained on."""
        return self.batches_done == len(self.batches)

    def advance(self) -> None:
        """Train on the next batch. Nothing here waits for the device, but for a trial of replayed steps."""
        layout = self.batches[self.batches_done]
        trained = self.population.step(layout)
        for name, logit in trained.logits.items():
            self.logits[name][:, self.filled : self.filled + layout.tokens] = logit
        self._book(trained.targets)

    def fast_forward(self, batches: int) -> None:
        """Pass over so many batches, which were trained on before an interruption."""
        data = self.population.data
        for layout in self.batches[self.batches_done : self.batches_done + batches]:
            self._book(data.gather(data.train, layout).targets)

    def _book(self, targets: Targets) -> None:
        end = self.filled + targets.real.shape[1]
        self.response[:, self.filled : end] = targets.response
        self.real[:, self.filled : end] = targets.real
        self.filled = end
        self.batches_done += 1
