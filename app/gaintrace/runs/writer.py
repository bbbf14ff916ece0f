"""Putting what has come of a run into the store.

A run that has succeeded is never overwritten; one that failed is. `result.json` is written last, so a run without it is
not finished, whatever else lies in its folder.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from pydantic import ValidationError
from safetensors.torch import save

from gaintrace.config import RunConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.dataset import Dataset
from gaintrace.identity import code_version
from gaintrace.runs.build import build
from gaintrace.runs.files import add_file
from gaintrace.runs.interpretability import interpret, learned, mastery_recovery, spread
from gaintrace.runs.pykt import Answers, answers, pykt_scores
from gaintrace.runs.result import DataName, EncoderMetrics, GainStatistics, Metrics, RunError, RunResult, Stopped
from gaintrace.runs.targets import Targets
from gaintrace.runs.vocabulary import Vocabulary
from gaintrace.store import MissingObjectError, Store, layout
from gaintrace.training.checkpoint import NAME as CHECKPOINT
from gaintrace.training.evaluation import EncoderScore
from gaintrace.training.loop import EndedRun
from gaintrace.training.reporter import EpochRow


@dataclass(frozen=True)
class Circumstances:
    """How a run was trained: on which device, beside how many others, and for how much energy (joules), if known.

    `environment`: what else can change a number (gaintrace.training.device).
    """

    device: torch.device
    side_by_side: int
    joules: float | None
    environment: dict[str, str | int | float]


@dataclass(frozen=True)
class Common:
    """What runs on one data set and split have in common, made once for all of them.

    `identity`: student, position among the student's rows and skill of each target. `truth`: the simulated mastery,
    where there is one. `answer`: which answer each row of the data set is of. `vocabulary`: the file.
    """

    identity: pd.DataFrame
    truth: pd.DataFrame
    targets: Targets
    answer: Answers
    vocabulary: bytes

    @classmethod
    def of(cls, predictions: pd.DataFrame, dataset: Dataset, config: RunConfig) -> Self:
        """`predictions`: of one of the runs."""
        index = predictions["index"].to_numpy()
        rows = dataset.interactions.iloc[index].reset_index(drop=True)
        first = dataset.interactions["student"].drop_duplicates().index.to_numpy()
        position = (index - first[rows["student"]]).astype(np.int32)
        identity = pd.DataFrame({"student": rows["student"], "position": position, "skill": rows["skill"]})
        return cls(
            identity=identity,
            truth=rows[[name for name in ("true_mastery",) if name in rows]],
            targets=Targets.of(identity.assign(response=predictions["response"]), dataset, config.data),
            answer=answers(dataset.interactions),
            vocabulary=Vocabulary.of(dataset, config).model_dump_json().encode(),
        )

    def stored(self, predictions: pd.DataFrame) -> pd.DataFrame:
        """predictions.parquet of a run."""
        return pd.concat([self.identity, predictions.drop(columns="index"), self.truth], axis=1)


class RunWriter:
    """Reads and writes the runs of a store that were, or are, trained on one data set. `note` hears what was found."""

    def __init__(self, store: Store, dataset: Dataset, note: Callable[[str], None]) -> None:
        self.store = store
        self.runs = store.child(layout.RUNS)
        self.dataset = dataset
        self.note = note
        self.common: dict[str, Common] = {}  # by the data's configuration, and whether items are read
        self.lock = Lock()  # of these: several threads write

    def succeeded(self, run: str) -> bool:
        """Whether a run is finished, so that it needs no training."""
        result = self.stored(run)
        if result is None or result.status != "succeeded":
            return False
        self._forget_checkpoint(run)  # left behind if the process died right after the result
        return True

    def stopped(self, sweep_id: str, run: str) -> bool:
        """Whether a sweep stopped a run, so that it needs no training there."""
        return self._read(layout.stopped(sweep_id, run), run) is not None

    def stored(self, run: str) -> RunResult | None:
        """The result of a run; None where there is none that can be read."""
        return self._read(layout.run(run, layout.RESULT), run)

    def _read(self, key: str, run: str) -> RunResult | None:
        try:
            return RunResult.model_validate_json(self.store.read(key))
        except MissingObjectError:
            return None
        except ValidationError:
            self.note(f"run {run}: {key} is damaged; training it again")
            return None

    def write(self, config: RunConfig, ended: EndedRun, data: DeviceData, how: Circumstances) -> RunResult:
        """Put a run that was trained to its end, or to its error; the result that counts, which may be another's."""
        folder = self.runs.child(ended.run)
        folder.write("config.json", config.model_dump_json(indent=1).encode())
        # A failure leaves the plain name to the attempt that succeeds, which people look for under it.
        name = "epochs.csv" if ended.error is None else "epochs-failed.csv"
        files = {"epochs.csv": add_file(folder, name, epochs_csv(ended.history.rows))}
        if ended.error is not None:
            return self._publish(self._result(config, ended.run, how, ended.error, files, _epochs(ended, data)))
        assert ended.predictions is not None
        common = self._common(ended.predictions, config)
        predictions = common.stored(ended.predictions)
        tensors = {f"{side}.{k}": v.cpu() for side, state in ended.weights.items() for k, v in state.items()}
        for name, content in (
            ("predictions.parquet", predictions.to_parquet(index=False)),
            ("model.safetensors", save(tensors, {"config": config.model_dump_json()})),
            (layout.VOCABULARY, common.vocabulary),
        ):
            files[name] = add_file(folder, name, content)
        measured = _epochs(ended, data) | _measured(config, ended, predictions, common, self.dataset)
        return self._publish(self._result(config, ended.run, how, None, files, measured))

    def fail(self, run: str, config: RunConfig, error: Exception, how: Circumstances) -> RunResult:
        """Put down a run that left nothing but an error."""
        return self._publish(self._result(config, run, how, error, {}, {}))

    def stop(
        self, sweep_id: str, config: RunConfig, ended: EndedRun, data: DeviceData, how: Circumstances
    ) -> RunResult:
        """Put down that a sweep stopped a run: with the sweep, since to others the run is not finished."""
        assert ended.stopped is not None
        result = self._result(config, ended.run, how, None, {}, _epochs(ended, data)).model_copy(
            update={"status": "stopped", "stopped": Stopped(epoch=ended.history.epoch, reason=ended.stopped)}
        )
        self.store.write(layout.stopped(sweep_id, ended.run), result.model_dump_json(indent=1).encode())
        self._forget_checkpoint(ended.run)
        return result

    def _result(
        self,
        config: RunConfig,
        run: str,
        how: Circumstances,
        error: Exception | None,
        files: dict[str, str],
        measured: dict[str, Any],
    ) -> RunResult:
        return RunResult(
            run_id=run,
            status="succeeded" if error is None else "failed",
            error=None if error is None else RunError(type=type(error).__name__, message=str(error)),
            config_hash=config.config_hash,
            data=DataName(name=self.dataset.name, hash=self.dataset.hash),
            code_version=code_version(),
            files=files,
            joules=how.joules,
            environment=how.environment | build() | {"side_by_side": how.side_by_side},
            **measured,
        )

    def _common(self, predictions: pd.DataFrame, config: RunConfig) -> Common:
        """What runs on the same data have in common. `predictions`: of one of them."""
        key = f"{config.data.model_dump_json()} {config.model.items == 'none'}"
        with self.lock:
            if key not in self.common:
                self.common[key] = Common.of(predictions, self.dataset, config)
            return self.common[key]

    def _publish(self, result: RunResult) -> RunResult:
        """Put result.json, and return the one that counts: of two pods on one run, the first to succeed.

        The other's files go, but for those that both have.
        """
        key = f"{result.run_id}/{layout.RESULT}"
        data = result.model_dump_json(indent=1).encode()
        if not self.runs.create(key, data):
            there = self.stored(result.run_id)
            if there is not None and there.status == "succeeded":
                for name in set(result.files.values()) - {there.files.get(name, name) for name in result.files}:
                    self.runs.delete(f"{result.run_id}/{name}")
                return self._kept(there)
            self.runs.write(key, data)  # a failure of an earlier attempt
        self._forget_checkpoint(result.run_id)
        return result

    def _kept(self, result: RunResult) -> RunResult:
        self.note(f"run {result.run_id}: another process was first; its result is kept")
        self._forget_checkpoint(result.run_id)
        return result

    def _forget_checkpoint(self, run: str) -> None:
        self.runs.delete(f"{run}/{CHECKPOINT}")


def epochs_csv(rows: list[EpochRow]) -> bytes:
    """epochs.csv with full precision."""
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n").encode()


def _epochs(ended: EndedRun, data: DeviceData) -> dict[str, Any]:
    """What is known of a run's epochs, those of one that failed as well."""
    rows, selected = ended.history.rows, ended.history.selected
    found: dict[str, Any] = {
        "epochs_trained": len(rows),
        "seconds": round(sum(row["seconds"] for row in rows), 3),
        "shared_e1_with": ended.shared,
    }
    if not selected:
        return found
    batches = -(-len(data.train.lengths) // ended.history.config.training.batch_size)

    def encoder(side: str) -> EncoderMetrics:
        row = rows[selected[side] - 1]
        return EncoderMetrics(**{metric: row[f"valid_{side}_{metric}"] for metric in ("loss", "auc", "accuracy")})

    return found | {
        "best_epoch": selected["e1"] if len(set(selected.values())) == 1 else None,
        **{f"best_epoch_{side}": epoch for side, epoch in selected.items()},
        "steps": selected["e2"] * batches,
        "valid": Metrics(**{side: encoder(side) for side in selected}, targets=data.targets["valid"]),
    }


def _measured(
    config: RunConfig, ended: EndedRun, predictions: pd.DataFrame, common: Common, dataset: Dataset
) -> dict[str, Any]:
    """What is measured on test. `predictions`: as stored."""

    def encoder(score: EncoderScore) -> EncoderMetrics:
        return EncoderMetrics(loss=score.loss, auc=score.auc, accuracy=score.accuracy)

    assert ended.predictions is not None
    assert ended.windowed is not None
    return {
        "test": Metrics(**{side: encoder(score) for side, score in ended.test.items()}, targets=len(predictions)),
        "learned": learned(config, ended.weights),
        "gain": GainStatistics(**asdict(ended.gain)) if ended.gain else None,
        "spread": spread(predictions, common.targets),
        "interpretability": interpret(predictions, common.targets, config, ended.weights),
        "mastery_recovery": mastery_recovery(predictions),
        "pykt": pykt_scores(ended.predictions, ended.windowed, common.answer, config.data),
        "simulator": dataset.simulator,
    }
