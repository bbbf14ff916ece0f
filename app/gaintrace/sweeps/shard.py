"""Training the runs of a shard, side by side where they fit one population.

A run that has succeeded is never trained again, nor by the sweep that stopped it; one that failed is tried again.
"""

import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial

import torch

from gaintrace.config import RunConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.dataset import Dataset
from gaintrace.errors import ConfigError, DataError, GaintraceError
from gaintrace.identity import code_version, population_key
from gaintrace.runs.result import RunResult
from gaintrace.runs.writer import Circumstances, RunWriter
from gaintrace.store import Store
from gaintrace.sweeps.plan import Plan, PlannedRun
from gaintrace.sweeps.rungs import Rungs
from gaintrace.sweeps.writing import Writing
from gaintrace.telemetry.energy import EnergyMeter, joules
from gaintrace.training.checkpoint import Pace, load_checkpoint
from gaintrace.training.device import environment
from gaintrace.training.faults import device_fault, out_of_memory
from gaintrace.training.loop import EndedRun, train
from gaintrace.training.memory import most_members
from gaintrace.training.reporter import Reporter

LOOKED_UP_AT_A_TIME = 16
"""Runs looked for in the store at a time, which answers slowly, not rarely."""


@dataclass
class ShardTrainer:
    """Trains runs of one plan.

    `choose_device` is asked when the first run needs training: a finished shard needs no device. `max_members`: most
    runs trained side by side; None measures what fits.
    """

    store: Store
    plan: Plan
    dataset: Dataset
    choose_device: Callable[[], torch.device]
    reporter: Reporter
    interrupted: Callable[[], bool]
    max_members: int | None = None
    pace: Pace = field(default_factory=Pace)

    def __post_init__(self) -> None:
        if self.dataset.hash != self.plan.data.hash:
            raise DataError(
                f"data set {self.dataset.name} has hash {self.dataset.hash}, but sweep {self.plan.sweep_id} was "
                f"planned on {self.plan.data.hash}. Plan the sweep again, or restore the data set it was planned on"
            )
        if code_version() != self.plan.code_version:
            raise ConfigError(
                f"sweep {self.plan.sweep_id} was planned by gaintrace {self.plan.code_version}, this is "
                f"{code_version()}. Plan the sweep again, or use the image it was planned with"
            )
        self.writer = RunWriter(self.store, self.dataset, self.reporter.note)
        self.rungs = Rungs(self.store, self.plan.sweep_id, self.plan.spec)
        self.device_data: dict[str, DeviceData] = {}
        self.said: set[str] = set()
        self.fresh: set[str] = set()  # runs that have no checkpoint

    @cached_property
    def device(self) -> torch.device:
        """What trains."""
        return self.choose_device()

    def train(self, shard: int) -> None:
        """Train what is unfinished in a shard. Failing runs are recorded and do not stop the others.

        Raises DeviceError where the device is at fault, and records nothing then.
        """
        planned = self.plan.shard(shard)
        with ThreadPoolExecutor(LOOKED_UP_AT_A_TIME) as pool:
            done = list(pool.map(lambda run: self._done(run.run_id), planned))
        pending = [run for run, succeeded in zip(planned, done, strict=True) if not succeeded]
        self.reporter.already([run.run_id for run, succeeded in zip(planned, done, strict=True) if succeeded])
        if pending:
            self.rungs.recall(self.plan.runs)
        try:
            with Writing(self._finished) as self.writing:
                for fellows in self._fellows(pending):
                    size = self._members(fellows)
                    for first in range(0, len(fellows), size):
                        self._train(fellows[first : first + size])
        except RuntimeError as error:
            if (fault := device_fault(error, self.device)) is not None:
                raise fault from error
            raise

    def _done(self, run: str) -> bool:
        """Whether nobody wants more of a run."""
        search = self.plan.spec.search
        stops = search is not None and search.stop is not None
        return (stops and self.writer.stopped(self.plan.sweep_id, run)) or self.writer.succeeded(run)

    def _fellows(self, pending: list[PlannedRun]) -> list[list[PlannedRun]]:
        """Runs that can be trained as one population: of one key, and stopped at one place."""
        found: dict[tuple[str, tuple[int, int]], list[PlannedRun]] = {}
        with ThreadPoolExecutor(LOOKED_UP_AT_A_TIME) as pool:
            positions = list(pool.map(self._position, pending))
        self.fresh = {run.run_id for run, position in zip(pending, positions, strict=True) if position is None}
        for run, position in zip(pending, positions, strict=True):
            found.setdefault((population_key(run.config), position or (0, 0)), []).append(run)
        return list(found.values())

    def _position(self, run: PlannedRun) -> tuple[int, int] | None:
        """Where its last checkpoint is; None without one."""
        checkpoint = load_checkpoint(self.writer.runs, run.run_id, run.config)
        return checkpoint.position if checkpoint else None

    def _members(self, fellows: list[PlannedRun]) -> int:
        """How many of them to train side by side."""
        if self.max_members is not None or len(fellows) == 1:
            return self.max_members or 1
        size = most_members(fellows[0].config, self._on_device(fellows[0].config))
        if 1 < size < len(fellows):
            self.reporter.note(f"memory holds {size} of {len(fellows)} runs side by side; training them in turns")
        return size

    def _train(self, fellows: list[PlannedRun]) -> None:
        """Train runs side by side; where that fails, in halves, so that only the run at fault fails."""
        configs = {run.run_id: run.config for run in fellows}
        stopped = {run: config for run, config in configs.items() if run not in self.fresh}
        self.fresh -= configs.keys()  # what fails is tried again, from checkpoints of the first try
        stored = {run: load_checkpoint(self.writer.runs, run, config) for run, config in stopped.items()}
        checkpoints = {run: checkpoint for run, checkpoint in stored.items() if checkpoint}
        data = self._on_device(fellows[0].config)
        energy = EnergyMeter(configs.keys() - checkpoints.keys(), lambda: joules(self.device))
        written: set[str] = set()

        def how(run: str) -> Circumstances:
            return Circumstances(self.device, len(fellows), energy.finish(run), environment(self.device))

        def on_ended(ended: EndedRun) -> None:
            config, so = configs[ended.run], how(ended.run)
            write = partial(self.writer.stop, self.plan.sweep_id) if ended.stopped else self.writer.write
            self.writing.add(
                partial(write, config, ended, data, so),
                lambda error: self._failed(config, ended.run, error, so),
                data.targets["test"],
            )
            written.add(ended.run)

        def interrupted() -> bool:
            self.writing.collect()
            return self.interrupted()

        try:
            train(
                configs,
                data,
                runs=self.writer.runs,
                checkpoints=checkpoints if len(checkpoints) == len(configs) else {},
                on_ended=on_ended,
                reporter=self.reporter,
                say=self._say_once,
                interrupted=interrupted,
                pace=self.pace,
                losers=self.rungs.losers,
            )
            return
        except GaintraceError:
            raise
        except Exception as error:
            if device_fault(error, self.device) is not None:
                raise
            left = [run for run in fellows if run.run_id not in written]
            if len(left) == 1:
                self._finished(self._failed(left[0].config, left[0].run_id, error, how(left[0].run_id)))
                return
            reason = "out of memory" if out_of_memory(error) else type(error).__name__
            self.reporter.note(f"{reason} with {len(left)} runs side by side; trying fewer at a time")
            half = len(left) // 2
        # Outside the handler: the error's frames hold the tensors that did not fit.
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self._train(left[:half])
        self._train(left[half:])

    def _failed(self, config: RunConfig, run: str, error: Exception, how: Circumstances) -> RunResult:
        """Put down a run at fault."""
        if out_of_memory(error):
            error = OutOfMemoryError(
                f"one run alone does not fit the memory of {how.device.type}: lower training.batch_size (now "
                f"{config.training.batch_size}), data.max_sequence_length or the model's size ({_first(error)})"
            )
        else:
            self.reporter.note("".join(traceback.format_exception(error)).rstrip())
        return self.writer.fail(run, config, error, how)

    def _finished(self, result: RunResult) -> None:
        self.reporter.finished(result.run_id, result.status, _summary(result))

    def _on_device(self, config: RunConfig) -> DeviceData:
        key = config.data.model_dump_json()
        if key not in self.device_data:
            self.device_data[key] = DeviceData(self.dataset, config.data, self.device)
        return self.device_data[key]

    def _say_once(self, text: str) -> None:
        """Pass on what every population finds out for itself, the first time; figures may follow a colon."""
        what = text.split(":", maxsplit=1)[0]
        if what not in self.said:
            self.said.add(what)
            self.reporter.note(text)


class OutOfMemoryError(Exception):
    """A run that does not fit the device."""


def _first(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _summary(result: RunResult) -> str:
    if result.stopped is not None:
        return f"after epoch {result.stopped.epoch}: {result.stopped.reason}"
    if result.error is not None:
        return f"{result.error.type}: {result.error.message}"
    assert result.test is not None
    third = "" if result.test.e3 is None else f", E3 {result.test.e3.auc:.4f}"
    return f"epoch {result.picked}, test E1 {result.test.e1.auc:.4f}, E2 {result.test.e2.auc:.4f}{third}"
