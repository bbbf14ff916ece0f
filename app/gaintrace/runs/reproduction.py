"""Does a finished run, trained again from what is recorded of it, give the recorded numbers?

The second training happens under `reproductions/<run>/<number>/`, a store of its own with its own plan, so the original
is only ever read.
"""

import io
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, ValidationError

from gaintrace.config import RunConfig, Strict, SweepSpec, explain
from gaintrace.errors import ConfigError, DataError, StoreError
from gaintrace.identity import IMPORTED
from gaintrace.runs.files import read_file
from gaintrace.runs.result import Metrics, RunResult
from gaintrace.store import MissingObjectError, Store, layout
from gaintrace.training.epoch_rules import SIDES

METRIC_ROUNDING = 2e-3
"""Largest difference in a loss, an AUC or an accuracy that rounding is held to explain. Training amplifies the last
bit of a float32: other threads, devices or neighbours in a population show in the third decimal of an AUC."""
ONE_PREDICTION = 2e-2
"""The same for a single probability or mastery: the worst of many thousand, and no mean to even it out."""

ReproductionVerdict = Literal["identical", "within rounding", "different"]


class Compared(Strict):
    """One number, or the place in a series of them where recorded and reproduced lie farthest apart."""

    name: str
    where: str = Field("", description="epoch, or target, of the largest difference")
    recorded: float
    reproduced: float
    rounding: float = Field(description="largest difference that rounding is held to explain")

    @property
    def difference(self) -> float:
        """Reproduced minus recorded."""
        return self.reproduced - self.recorded


class Reproduction(Strict):
    """comparison.json: a run against its reproduction. `explanations`: what differs besides the numbers."""

    run_id: str
    number: int
    verdict: ReproductionVerdict
    text: str
    compared: list[Compared]
    explanations: list[str]


class RecordedRun(Strict):
    """What is recorded of a finished run, read from its folder `runs/<run>`."""

    result: RunResult
    config: RunConfig

    @classmethod
    def read(cls, store: Store, run: str) -> "RecordedRun":
        """Raises ConfigError where there is nothing to reproduce."""
        return cls.read_in(store.child(layout.run(run)), run, store.uri)

    @classmethod
    def read_in(cls, folder: Store, run: str, store: str) -> "RecordedRun":
        """The same of the run whose files lie in a folder; `store`: where that is, for errors."""
        try:
            result = RunResult.model_validate_json(folder.read(layout.RESULT))
        except MissingObjectError:
            raise ConfigError(
                f"{store} has no finished run {run}; the run_id column of a sweep's results.csv names them"
            ) from None
        except ValidationError as error:
            raise StoreError(f"{folder.uri}/result.json is damaged: {explain(error)}") from None
        if result.status != "succeeded":
            reason = result.error.message if result.error else "no reason is recorded"
            raise ConfigError(f"run {run} failed ({reason}); there are no numbers to look at")
        if result.code_version == IMPORTED:
            raise ConfigError(f"run {run} was imported: another program trained it, and its weights are not here")
        try:
            config = RunConfig.model_validate_json(folder.read("config.json"))
        except ValidationError as error:
            raise ConfigError(
                f"{folder.uri}/config.json: {explain(error)}; it was written by gaintrace {result.code_version}. "
                "Use that version"
            ) from None
        return cls(result=result, config=config)

    def spec(self, data: str | None) -> SweepSpec:
        """The run as a sweep of one; `data`: where its data set lies now."""
        config = self.config
        if data is not None:
            config = config.model_copy(update={"data": config.data.model_copy(update={"dataset": data})})
        return SweepSpec(name="reproduction", description=f"Run {self.result.run_id} once more", base=config)

    def check_data(self, found: str) -> None:
        """Raises DataError where the data set is another one."""
        if found != self.result.data.hash:
            raise DataError(
                f"run {self.result.run_id} was trained on {self.result.data.name} with hash {self.result.data.hash}, "
                f"this data set has {found}. Name the one it was trained on with --data"
            )


def place(store: Store, run: str) -> tuple[int, Store]:
    """Where the next reproduction of a run goes, and its number; one that was interrupted is continued."""
    last = max(layout.reproduction_numbers(store, run), default=0)
    if last == 0 or store.exists(layout.reproduction(run, last, "comparison.json")):
        last += 1
    return last, store.child(layout.reproduction(run, last))


def compare_with_recorded(
    original: Store, run: RecordedRun, again: Store, reproduced: RunResult, number: int
) -> Reproduction:
    """Set every number of a run against its reproduction's. Stores are rooted where `runs/` is."""
    ours, theirs = (s.child(layout.run(r)) for s, r in ((original, run.result.run_id), (again, reproduced.run_id)))
    compared = [
        *_epochs(_csv(ours), _csv(theirs)),
        *_metrics("test", run.result.test, reproduced.test),
        *_predictions(_parquet(ours), _parquet(theirs)),
    ]
    picked = [result.picked for result in (run.result, reproduced)]
    trained = [run.result.epochs_trained, reproduced.epochs_trained]
    worst = max(compared, key=lambda c: abs(c.difference) / c.rounding)
    same_course = picked[0] == picked[1] and trained[0] == trained[1]
    verdict: ReproductionVerdict = "different"
    if not same_course:
        text = f"epoch {picked[1]} was picked of {trained[1]}, recorded is {picked[0]} of {trained[0]}"
    elif worst.difference == 0:
        verdict, text = "identical", "every number is the recorded one to the last bit"
    elif abs(worst.difference) <= worst.rounding:
        metric = max(abs(c.difference) for c in compared if c.rounding == METRIC_ROUNDING)
        single = max(abs(c.difference) for c in compared if c.rounding == ONE_PREDICTION)
        verdict, text = "within rounding", f"metrics differ by at most {metric:.1e}, single predictions by {single:.1e}"
    else:
        text = f"{worst.name} differs by {worst.difference:+.2g}, more than rounding explains ({worst.rounding:g})"
    return Reproduction(
        run_id=run.result.run_id,
        number=number,
        verdict=verdict,
        text=text,
        compared=compared,
        explanations=list(_explanations(run.result, reproduced)),
    )


def _epochs(recorded: pd.DataFrame, reproduced: pd.DataFrame) -> Iterator[Compared]:
    """Each column of epochs.csv, over the epochs that both have."""
    count = min(len(recorded), len(reproduced))
    for column in recorded.columns:
        if column in ("epoch", "seconds") or column not in reproduced:
            continue
        a, b = (frame[column].to_numpy(np.float64)[:count] for frame in (recorded, reproduced))
        at = int(np.abs(b - a).argmax())
        split, side, metric = column.split("_")
        yield _compared(f"{split} {side.upper()} {_metric(metric)}", f"epoch {at + 1}", a[at], b[at])


def _metrics(split: str, recorded: Metrics | None, reproduced: Metrics | None) -> Iterator[Compared]:
    for side in SIDES:
        for metric in ("loss", "auc", "accuracy"):
            a, b = (getattr(getattr(m, side, None), metric, None) for m in (recorded, reproduced))
            if a is not None and b is not None:
                yield _compared(f"{split} {side.upper()} {_metric(metric)}", "picked epoch", a, b)


def _predictions(recorded: pd.DataFrame, reproduced: pd.DataFrame) -> Iterator[Compared]:
    """The probabilities and mastery, each at the test target where it changed most."""
    identity = ["student", "position", "skill"]
    if not recorded[identity].equals(reproduced[identity]):
        raise StoreError("the two runs predicted other test targets, though their data sets are equal: a bug")
    for column in (*(side for side in SIDES if side in recorded and side in reproduced), "mastery"):
        a, b = (frame[column].to_numpy(np.float64) for frame in (recorded, reproduced))
        at = int(np.abs(b - a).argmax())
        target = recorded.iloc[at]
        where = f"student {int(target['student'])}, row {int(target['position'])}"
        name = "mastery" if column == "mastery" else f"P({column.upper()})"
        yield _compared(f"{name}, one test target", where, a[at], b[at], ONE_PREDICTION)


def _explanations(recorded: RunResult, reproduced: RunResult) -> Iterator[str]:
    """What differs between the two trainings and can change a number."""
    if recorded.code_version != reproduced.code_version:
        yield f"code {recorded.code_version}, now {reproduced.code_version}"
    if recorded.config_hash != reproduced.config_hash:
        yield "the configuration has fields today that it had not when the run was trained"
    before, now = recorded.environment, reproduced.environment
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            yield f"{name.replace('_', ' ')} {before.get(name, 'not recorded')}, now {now.get(name, 'not recorded')}"


def _compared(name: str, where: str, recorded: Any, reproduced: Any, rounding: float = METRIC_ROUNDING) -> Compared:
    return Compared(name=name, where=where, recorded=float(recorded), reproduced=float(reproduced), rounding=rounding)


def _metric(name: str) -> str:
    return "AUC" if name == "auc" else name


def _csv(folder: Store) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(read_file(folder, "epochs.csv")))


def _parquet(folder: Store) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(read_file(folder, "predictions.parquet")))
