"""What Python code has as `gaintrace.load`, `gaintrace.prepare` and `gaintrace.sweep`. Loaded when it is first used."""

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from gaintrace.config import SweepSpec, load_spec
from gaintrace.config.load import parse_spec
from gaintrace.data.dataset import Dataset, load_info, save_dataset
from gaintrace.data.names import checked_name
from gaintrace.data.prepare import prepare_table
from gaintrace.data.readers.csv import Columns
from gaintrace.errors import ConfigError
from gaintrace.pipeline.sweep import Concluded, run_sweep
from gaintrace.pipeline.training import HERE, Machine
from gaintrace.pipeline.watcher import Watcher
from gaintrace.runs.files import read_file
from gaintrace.store import Store, layout, open_store
from gaintrace.use.named import dataset as dataset_of

if TYPE_CHECKING:
    from gaintrace.use.model import Model


@dataclass(frozen=True)
class Sweep:
    """A sweep that was trained: what `gaintrace.sweep` returns.

    `results`: results.csv, a row a run, best first. `configurations`: what was swept, a row each, over its folds and
    seeds. `best`: the best run, which `gaintrace.load` takes; None where no run succeeded. `findings`: what the ranking
    hides, a sentence each. `report`: where the report is.
    """

    sweep_id: str
    results: pd.DataFrame
    configurations: pd.DataFrame
    best: str | None
    findings: list[str]
    report: str
    store: str

    def epochs(self) -> pd.DataFrame:
        """Loss, AUC and accuracy of both encoders on train and valid: a row a run that succeeded and epoch."""
        store = open_store(self.store)
        runs = self.results.loc[self.results["status"] == "succeeded", "run_id"]
        tables = {run: read_file(store.child(layout.run(run)), "epochs.csv") for run in runs}
        frames = [pd.read_csv(io.BytesIO(table)).assign(run_id=run) for run, table in tables.items()]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def load(store: str | os.PathLike[str], run: str, *, device: str = "auto") -> "Model":
    """A finished run of a store, with its weights.

    `run`: its id, the id's beginning, a sweep, whose best run is meant, or `default`, the default in force. Raises
    ConfigError where there is none, StoreError where its weights cannot be read.
    """
    if not isinstance(run, str):  # as a sweep's best is, of which no run succeeded
        raise ConfigError(f"run {run!r}: expected a run's id; a sweep's best is None where no run succeeded")
    from gaintrace.training.device import choose_device
    from gaintrace.use.default import load_named
    from gaintrace.use.model import Model

    opened = open_store(store)
    return Model(opened, load_named(opened, run, choose_device(device)))


def prepare(
    answers: pd.DataFrame,
    *,
    student: str,
    skill: str,
    correct: str,
    item: str | None = None,
    time: str | None = None,
    order: str | None = None,
    skill_separator: str | None = None,
    name: str = "table",
) -> Dataset:
    """A data set of a DataFrame, whose students are split as pyKT does; what is unusable is counted in its `dropped`.

    `student`, `skill`, `correct`, `item`: its columns; `correct` is 0 or 1. `time`, then `order`, put the answers of a
    student in order; without either they are in order. `skill_separator`: what stands between the skills of an answer
    that needs several. `name`: what records of the data set go by. Raises DataError.
    """
    if not isinstance(answers, pd.DataFrame):
        raise ConfigError(f"a {type(answers).__name__} is no DataFrame; read it first, as by pandas.read_csv")
    columns = Columns(student, skill, correct, item, time, order, skill_separator)
    return prepare_table(answers, columns, checked_name(name))


def sweep(
    spec: str | os.PathLike[str] | Mapping[str, Any] | SweepSpec,
    data: Dataset | str | os.PathLike[str] | None,
    store: str | os.PathLike[str],
    *,
    overrides: Sequence[str] = (),
    machine: Machine = HERE,
    watcher: Watcher | None = None,
) -> Sweep:
    """Train every run of a sweep that is not finished yet, and report on all of them.

    `spec`: a preset, a YAML file, or the same as a mapping. `data`: a prepared data set, by its folder, URI or name in
    the store, or itself: then it is kept in the store under its name. None: what the spec simulates. `overrides`: as
    `--set`. Raises ConfigError, DataError, StoreError; runs that fail are in the results.
    """
    if data is not None and not isinstance(data, Dataset | str | os.PathLike):
        raise ConfigError(f"a {type(data).__name__} is no data set; make one of it with gaintrace.prepare")
    place = open_store(store)
    planned = _spec(spec, [overrides] if isinstance(overrides, str) else overrides)
    dataset = data if isinstance(data, Dataset) else None
    if data is not None:
        uri = _kept(place, data) if isinstance(data, Dataset) else dataset_of(place, os.fspath(data))
        of_data = planned.base.data.model_copy(update={"dataset": uri, "synthetic": None})
        planned = planned.model_copy(update={"base": planned.base.model_copy(update={"data": of_data})})
    return _told(run_sweep(planned, place, dataset=dataset, machine=machine, watcher=watcher), place)


def _spec(spec: str | os.PathLike[str] | Mapping[str, Any] | SweepSpec, overrides: Sequence[str]) -> SweepSpec:
    if isinstance(spec, SweepSpec):
        if overrides:
            raise ConfigError("overrides are of a preset, a file or a mapping; change the SweepSpec itself")
        return spec
    if isinstance(spec, Mapping):
        return parse_spec(yaml.safe_dump(dict(spec), sort_keys=False, allow_unicode=True), "spec", overrides)
    return load_spec(os.fspath(spec), list(overrides))


def _kept(store: Store, dataset: Dataset) -> str:
    """Where a data set lies in the store, once it does. Raises ConfigError where another has its name."""
    uri = f"{store.uri}/{layout.dataset(checked_name(dataset.name))}"
    if store.exists(layout.dataset(dataset.name, "dataset.json")):
        there = load_info(uri).hash
        if there != dataset.hash:
            raise ConfigError(
                f"{uri} holds another data set (hash {there}; this one {dataset.hash}); prepare it with another name"
            )
    else:
        save_dataset(dataset, store.child(layout.dataset(dataset.name)))
    return uri


def _told(done: Concluded, store: Store) -> Sweep:
    summary = done.summary
    results = pd.read_csv(io.BytesIO(store.read(layout.sweep(summary.sweep_id, "results.csv"))))
    rows = [c.model_dump() for c in summary.comparison.configurations]
    configurations = [row.pop("swept") | {name: row[name] for name in _TOLD} for row in rows]
    return Sweep(
        sweep_id=summary.sweep_id,
        results=results,
        configurations=pd.DataFrame(configurations),
        best=None if summary.best is None else str(summary.best["run_id"]),
        findings=[finding.text for finding in summary.findings],
        report=done.report,
        store=store.uri,
    )


_TOLD = ("rank", "test_e1_auc", "test_e2_auc", "combined", "valid_combined", "apart")
