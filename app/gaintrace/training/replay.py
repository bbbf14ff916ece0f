"""Training steps recorded once and replayed, where a device lets them be and it pays.

On a GPU a step is some 1,300 kernels, and launching them one by one takes the host longer than they take the device
unless many members share them. A CUDA graph launches them all at once. It does the same to the same memory every time,
so it fits batches of one shape, and what changes between steps is written into the tensors it reads: batches are packed
into rows of which few numbers occur (gaintrace.data.packing), and each of these shapes has a recording of its own.

Whether to replay is decided on the device itself, by a trial before the first recording is used: replayed steps must
give what launched ones give, in less time. A trial leaves no trace, so the numbers of a run do not depend on it.
"""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from gaintrace.data.batches import Targets
from gaintrace.data.groups import Layout, LengthGroup

SAME = 0.01
"""Largest difference of a logit after a step: sums may be taken in another order, but of the same numbers."""


@dataclass(frozen=True)
class StepOutput:
    """What a step leaves for the epoch."""

    logits: dict[str, Tensor]  # by side, KN
    targets: Targets


class Recorder(Protocol):
    """Records steps on a device."""

    def stream(self) -> AbstractContextManager[object]:
        """Where a step runs that is recorded afterwards."""

    def record(
        self, step: Callable[[], StepOutput], generators: list[torch.Generator]
    ) -> tuple[Callable[[], None], StepOutput]:
        """What repeats the step, on the tensors it read, and the tensors it writes. The step itself has no effect."""

    def seconds(self, work: Callable[[], object]) -> float:
        """How long the device takes for some work."""


class Replayable(Protocol):
    """A population, as seen from here."""

    def train(self, layout: Layout) -> StepOutput:
        """Launch a step."""

    def moving(self) -> list[Tensor]:
        """The tensors that a step changes, of any shape."""

    def generators(self) -> list[torch.Generator]:
        """Where a step's random numbers come from."""

    def recover(self, states: list[Tensor]) -> None:
        """After a step that failed on its way: no gradients, and other generators in these states."""


class Replay:
    """Takes the steps of a population: launched, or replayed once their shape has come again."""

    def __init__(self, population: Replayable, recorder: Recorder | None, say: Callable[[str], None]) -> None:
        """`say` gets one line when it is decided which."""
        self.population = population
        self.recorder = recorder
        self.say = say
        self.tried = False
        self.seen: Counter[tuple[LengthGroup, ...]] = Counter()
        self.recordings: dict[tuple[LengthGroup, ...], _Recording] = {}

    def __call__(self, layout: Layout) -> StepOutput:
        """One step. What it returns is overwritten by the next."""
        if self.recorder is None:
            return self.population.train(layout)
        shape = tuple(layout.length_groups)
        self.seen[shape] += 1
        if self.seen[shape] > 1 and shape not in self.recordings:
            self._record(self.recorder, shape, layout)
        recording = self.recordings.get(shape)
        return self.population.train(layout) if recording is None else recording.replay(layout)

    def forget(self) -> None:
        """Drop the recordings: the tensors they work on are about to be replaced."""
        self.recordings.clear()

    def _record(self, recorder: Recorder, shape: tuple[LengthGroup, ...], layout: Layout) -> None:
        states = [generator.get_state() for generator in self.population.generators()]
        try:
            if self.tried:
                self.recordings[shape] = _record(self.population, recorder, layout)
            else:
                self.recordings[shape], outcome = _try(self.population, recorder, layout)
                self.tried = True
                self.say(outcome)
        except (RuntimeError, NoGainError) as error:
            self.recorder = None
            self.recordings.clear()
            self.population.recover(states)
            why = str(error) or type(error).__name__
            self.say(f"steps are launched one by one, not replayed: {why.splitlines()[0]}")


class NoGainError(Exception):
    """Replayed steps are no faster, or not the same."""


@dataclass(frozen=True)
class _Recording:
    read: Layout  # what it was recorded on
    again: Callable[[], None]
    trained: StepOutput  # what it writes

    def replay(self, layout: Layout) -> StepOutput:
        self.read.chunk.copy_(layout.chunk)
        self.read.position.copy_(layout.position)
        self.again()
        return self.trained


def _record(population: Replayable, recorder: Recorder, layout: Layout) -> _Recording:
    # Recorded on other chunks than it is replayed on, so that a trial notices a step that goes on reading the former.
    read = replace(layout, chunk=torch.zeros_like(layout.chunk), position=torch.zeros_like(layout.position))
    failed: list[RuntimeError] = []

    def step() -> StepOutput:
        try:
            return population.train(read)
        except RuntimeError as error:
            failed.append(error)
            raise

    try:
        return _Recording(read, *recorder.record(step, population.generators()))
    except RuntimeError as error:  # ending a recording that has failed raises once more, and says less
        raise (failed or [error])[0] from None


def _try(population: Replayable, recorder: Recorder, layout: Layout) -> tuple[_Recording, str]:
    """Compare replayed steps with launched ones from the same state, which is there again afterwards.

    Returns a recording of the layout's shape and what it gains; raises NoGainError where it gains nothing, and
    RuntimeError where the device refuses. Only generators are then left to recover.
    """
    moving = population.moving()
    before = [tensor.detach().clone() for tensor in moving]
    states = [generator.get_state() for generator in population.generators()]

    def put_back() -> None:
        with torch.no_grad():
            for tensor, value in zip(moving, before, strict=True):
                tensor.copy_(value)

    def rewind() -> None:
        put_back()
        for generator, state in zip(population.generators(), states, strict=True):
            generator.set_state(state)

    def timed(step: Callable[[], StepOutput]) -> tuple[float, dict[str, Tensor]]:
        """Seconds of a step, and the logits of the second (KN), which depend on all that the first one changed."""
        step()  # for what is done once only: kernels loaded, memory asked for
        rewind()
        last: list[StepOutput] = []
        seconds = recorder.seconds(step) + recorder.seconds(lambda: last.append(step()))
        logits = {name: logit.clone() for name, logit in last[0].logits.items()}
        rewind()
        return seconds / 2, logits

    try:
        with recorder.stream():
            launched, expected = timed(lambda: population.train(layout))
        recording = _record(population, recorder, layout)
        replayed, found = timed(lambda: recording.replay(layout))
    except RuntimeError:
        recorder.seconds(put_back)
        raise
    difference = max(float((found[name] - expected[name]).abs().max()) for name in expected)
    if not difference <= SAME:
        raise NoGainError(f"logits would differ by {difference:.2g}")
    times = f"{1000 * replayed:.1f} ms a step instead of {1000 * launched:.1f}"
    if replayed >= launched:
        raise NoGainError(f"it would take {times}")
    return recording, f"steps are replayed as CUDA graphs: {times}"


class CudaRecorder:
    """Records steps as CUDA graphs, which share their memory: no two are replayed at a time."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.pool = torch.cuda.graph_pool_handle()
        self.recording_stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def stream(self) -> AbstractContextManager[object]:
        """See Recorder. Work on it is awaited by `seconds`."""
        self.recording_stream.wait_stream(torch.cuda.current_stream(self.device))
        return torch.cuda.stream(self.recording_stream)

    def record(
        self, step: Callable[[], StepOutput], generators: list[torch.Generator]
    ) -> tuple[Callable[[], None], StepOutput]:
        """See Recorder."""
        graph = torch.cuda.CUDAGraph()
        for generator in generators:
            graph.register_generator_state(generator)
        # The outer context brings the stream back where ending a recording fails. Other threads, which report on
        # training, may use the device while it records.
        with (
            torch.cuda.stream(torch.cuda.current_stream(self.device)),
            torch.cuda.graph(graph, self.pool, self.recording_stream, capture_error_mode="thread_local"),
        ):
            trained = step()
        return graph.replay, trained

    def seconds(self, work: Callable[[], object]) -> float:
        """See Recorder."""
        torch.cuda.synchronize(self.device)
        began = time.perf_counter()
        work()
        torch.cuda.synchronize(self.device)
        return time.perf_counter() - began


def recorder_for(device: torch.device) -> Recorder | None:
    """What records steps on a device; None where launching them costs nothing to speak of."""
    return CudaRecorder(device) if device.type == "cuda" else None
