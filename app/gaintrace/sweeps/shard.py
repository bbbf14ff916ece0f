"""Training the runs of a shard and putting their results into the store.

A run that has succeeded is never trained again; one that failed is tried again. `result.json` is written last, so a
run without it is not finished, whatever else lies in its folder.
"""

import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd
import torch
from pydantic import ValidationError
from safetensors.torch import save

from gaintrace.config import RunConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.dataset import Dataset
from gaintrace.errors import ConfigError, DataError, GaintraceError
from gaintrace.identity import code_version, population_key
from gaintrace.runs.build import build
from gaintrace.runs.files import add_file
from gaintrace.runs.interpretability import interpret, learned, mastery_recovery, spread
from gaintrace.runs.result import (
    DataName,
    EncoderMetrics,
    GainStatistics,
    Metrics,
    RunError,
    RunResult,
    epochs_text,
)
from gaintrace.store import MissingObjectError, Store, layout
from gaintrace.sweeps.plan import Plan, PlannedRun
from gaintrace.telemetry.energy import EnergyMeter, joules
from gaintrace.training.checkpoint import NAME as CHECKPOINT
from gaintrace.training.checkpoint import Pace, load_checkpoint
from gaintrace.training.device import environment
from gaintrace.training.evaluation import EncoderScore
from gaintrace.training.loop import EndedRun, train
from gaintrace.training.memory import most_members
from gaintrace.training.reporter import EpochRow, Reporter


@dataclass
class ShardTrainer:
    """Trains runs of one plan. `max_members`: most runs trained side by side; None measures what fits."""

    store: Store
    plan: Plan
    dataset: Dataset
    device: torch.device
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
        self.runs = self.store.child(layout.RUNS)
        self.device_data: dict[str, DeviceData] = {}
        self.side_by_side = 1  # runs that began together in the population under way
        self.said: set[str] = set()

    def train(self, shard: int) -> None:
        """Train what is unfinished in a shard. Failing runs are recorded and do not stop the others."""
        planned = self.plan.shard(shard)
        pending = [run for run in planned if not self._succeeded(run)]
        self.reporter.already([run.run_id for run in planned if run not in pending])
        checkpoints = {run.run_id: load_checkpoint(self.runs, run.run_id, run.config) for run in pending}
        groups: dict[Any, list[PlannedRun]] = {}
        for run in pending:
            checkpoint = checkpoints[run.run_id]
            position = checkpoint.position if checkpoint else (0, 0)
            groups.setdefault((population_key(run.config), position), []).append(run)
        for group in groups.values():
            size = self._members(group)
            for first in range(0, len(group), size):
                self._train_group(group[first : first + size])

    def _say_once(self, text: str) -> None:
        """Pass on what every population finds out for itself, the first time; figures may follow a colon."""
        what = text.split(":", maxsplit=1)[0]
        if what not in self.said:
            self.said.add(what)
            self.reporter.note(text)

    def _members(self, group: list[PlannedRun]) -> int:
        """How many of a group to train side by side."""
        if self.max_members is not None or len(group) == 1:
            return self.max_members or 1
        size = most_members(group[0].config, self._on_device(group[0].config))
        if 1 < size < len(group):
            self.reporter.note(f"memory holds {size} of {len(group)} runs side by side; training them in turns")
        return size

    def _train_group(self, group: list[PlannedRun]) -> None:
        """Train runs side by side; where that fails, in halves, so that only the run at fault fails."""
        self.side_by_side = len(group)
        configs = {run.run_id: run.config for run in group}
        stored = {run: load_checkpoint(self.runs, run, config) for run, config in configs.items()}
        checkpoints = {run: checkpoint for run, checkpoint in stored.items() if checkpoint}
        self.energy = EnergyMeter(configs.keys() - checkpoints.keys(), lambda: joules(self.device))
        finished: set[str] = set()

        def on_ended(outcome: EndedRun) -> None:
            self._write(outcome)
            finished.add(outcome.run)

        try:
            train(
                configs,
                self._on_device(group[0].config),
                runs=self.runs,
                checkpoints=checkpoints if len(checkpoints) == len(configs) else {},
                on_ended=on_ended,
                reporter=self.reporter,
                say=self._say_once,
                interrupted=self.interrupted,
                pace=self.pace,
            )
        except GaintraceError:
            raise
        except Exception as error:
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            left = [run for run in group if run.run_id not in finished]
            if len(left) == 1:
                self._fail(left[0], error)
                return
            self.reporter.note(f"{type(error).__name__} with {len(left)} runs side by side; trying fewer at a time")
            half = len(left) // 2
            self._train_group(left[:half])
            self._train_group(left[half:])

    def _on_device(self, config: RunConfig) -> DeviceData:
        key = config.data.model_dump_json()
        if key not in self.device_data:
            self.device_data[key] = DeviceData(self.dataset, config.data, self.device)
        return self.device_data[key]

    def _stored(self, run: str) -> RunResult | None:
        try:
            return RunResult.model_validate_json(self.runs.read(f"{run}/{layout.RESULT}"))
        except MissingObjectError:
            return None
        except ValidationError:
            self.reporter.note(f"run {run}: result.json is damaged; training it again")
            return None

    def _succeeded(self, run: PlannedRun) -> bool:
        result = self._stored(run.run_id)
        if result is None or result.status != "succeeded":
            return False
        self.runs.delete(f"{run.run_id}/{CHECKPOINT}")  # left behind if the process died right after the result
        return True

    def _fail(self, run: PlannedRun, error: Exception) -> None:
        self.reporter.note("".join(traceback.format_exception(error)).rstrip())
        self._write_result(run, RunError(type=type(error).__name__, message=str(error)), None, {})

    def _write(self, outcome: EndedRun) -> None:
        run = next(run for run in self.plan.runs if run.run_id == outcome.run)
        there = self._stored(run.run_id)
        if there is not None and there.status == "succeeded":
            self._finish(self._kept(there))
            return
        folder = self.runs.child(run.run_id)
        folder.write("config.json", run.config.model_dump_json(indent=1).encode())
        # A failure leaves the plain name to the attempt that succeeds, which people look for under it.
        name = "epochs.csv" if outcome.error is None else "epochs-failed.csv"
        files = {"epochs.csv": add_file(folder, name, epochs_csv(outcome.history.rows))}
        if outcome.error is not None:
            error = RunError(type=type(outcome.error).__name__, message=str(outcome.error))
            self._write_result(run, error, outcome, files)
            return
        assert outcome.predictions is not None
        predictions = self._predictions(outcome.predictions)
        tensors = {f"{side}.{k}": v.cpu() for side, state in outcome.weights.items() for k, v in state.items()}
        for name, data in (
            ("predictions.parquet", predictions.to_parquet(index=False)),
            ("model.safetensors", save(tensors, {"config": run.config.model_dump_json()})),
        ):
            files[name] = add_file(folder, name, data)
        self._write_result(run, None, outcome, files, predictions)

    def _predictions(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Predictions with what identifies each target: student, position among the student's rows, skill."""
        rows = self.dataset.interactions.iloc[frame["index"].to_numpy()].reset_index(drop=True)
        first = self.dataset.interactions["student"].drop_duplicates().index.to_numpy()
        identity = {
            "student": rows["student"],
            "position": (frame["index"] - first[rows["student"]]).astype("int32"),
            "skill": rows["skill"],
        }
        truth = {"true_mastery": rows["true_mastery"]} if "true_mastery" in rows else {}
        return pd.DataFrame({**identity, **frame.drop(columns="index"), **truth})

    def _write_result(
        self,
        run: PlannedRun,
        error: RunError | None,
        outcome: EndedRun | None,
        files: dict[str, str],
        predictions: pd.DataFrame | None = None,
    ) -> None:
        """`files`: see RunResult; `predictions`: as stored, of a run that succeeded."""
        found: dict[str, Any] = {}
        if outcome is not None and predictions is not None:
            found = {
                "test": _test_metrics(outcome),
                "learned": learned(run.config, outcome.weights),
                "gain": GainStatistics(**asdict(outcome.gain)) if outcome.gain else None,
                "spread": spread(predictions),
                "interpretability": interpret(predictions, run.config, outcome.weights),
                "mastery_recovery": mastery_recovery(predictions),
            }
        rows = outcome.history.rows if outcome else []
        selected = outcome.history.selected if outcome else {}
        result = RunResult(
            run_id=run.run_id,
            status="succeeded" if found else "failed",
            error=error,
            config_hash=run.config_hash,
            data=DataName(name=self.dataset.name, hash=self.dataset.hash),
            code_version=code_version(),
            best_epoch=selected["e1"] if len(set(selected.values())) == 1 else None,
            best_epoch_e1=selected.get("e1"),
            best_epoch_e2=selected.get("e2"),
            epochs_trained=len(rows),
            steps=selected["e2"] * self._batches(run.config) if selected else None,
            valid=self._valid_metrics(run, rows, selected) if selected else None,
            **found,
            shared_e1_with=outcome.shared if outcome else [],
            files=files,
            seconds=round(sum(row["seconds"] for row in rows), 3),
            joules=self.energy.finish(run.run_id),
            environment=environment(self.device) | build() | {"side_by_side": self.side_by_side},
        )
        self._finish(self._publish(result))

    def _finish(self, result: RunResult) -> None:
        self.runs.delete(f"{result.run_id}/{CHECKPOINT}")
        self.reporter.finished(result.run_id, result.status, _summary(result))

    def _kept(self, result: RunResult) -> RunResult:
        self.reporter.note(f"run {result.run_id}: another process was first; its result is kept")
        return result

    def _publish(self, result: RunResult) -> RunResult:
        """Put result.json, and return the one that counts: of two pods on one run, the first to succeed.

        The other's files go, but for those that both have.
        """
        key = f"{result.run_id}/{layout.RESULT}"
        data = result.model_dump_json(indent=1).encode()
        if self.runs.create(key, data):
            return result
        there = self._stored(result.run_id)
        if there is not None and there.status == "succeeded":
            for name in set(result.files.values()) - {there.files.get(name, name) for name in result.files}:
                self.runs.delete(f"{result.run_id}/{name}")
            return self._kept(there)
        self.runs.write(key, data)  # a failure of an earlier attempt
        return result

    def _batches(self, config: RunConfig) -> int:
        """Batches an epoch."""
        return -(-len(self._on_device(config).train.lengths) // config.training.batch_size)

    def _valid_metrics(self, run: PlannedRun, rows: list[EpochRow], selected: dict[str, int]) -> Metrics:
        def encoder(side: str) -> EncoderMetrics:
            row = rows[selected[side] - 1]
            return EncoderMetrics(**{metric: row[f"valid_{side}_{metric}"] for metric in ("loss", "auc", "accuracy")})

        return Metrics(e1=encoder("e1"), e2=encoder("e2"), targets=self._on_device(run.config).targets["valid"])


def epochs_csv(rows: list[EpochRow]) -> bytes:
    """epochs.csv with full precision."""
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n").encode()


def _test_metrics(outcome: EndedRun) -> Metrics:
    def encoder(score: EncoderScore) -> EncoderMetrics:
        return EncoderMetrics(loss=score.loss, auc=score.auc, accuracy=score.accuracy)

    assert outcome.predictions is not None
    return Metrics(e1=encoder(outcome.test["e1"]), e2=encoder(outcome.test["e2"]), targets=len(outcome.predictions))


def _summary(result: RunResult) -> str:
    if result.error is not None:
        return f"{result.error.type}: {result.error.message}"
    assert result.test is not None
    epoch = epochs_text(result.best_epoch_e1, result.best_epoch_e2)
    return f"epoch {epoch}, test E1 {result.test.e1.auc:.4f}, E2 {result.test.e2.auc:.4f}"
