"""Other people's runs as a sweep: CSV files of per-epoch and test metrics, put where our own results would be.

Two files in a folder, `*epochs*.csv` and `*test*.csv`, share the columns of what was swept. The first has a row
an epoch (epoch, valid_e1_auc, valid_e2_auc), the second a row a run (test_e1_auc, test_e2_auc). The selected epoch is
taken to be the one with the best validation E1 AUC, as in our own runs.
"""

import io
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from gaintrace.config import RunConfig, SweepSpec, content_hash, explain, identifying
from gaintrace.data.readers.common import places, read_table
from gaintrace.errors import ConfigError, DataError, did_you_mean
from gaintrace.identity import IMPORTED
from gaintrace.runs.result import DataName, EncoderMetrics, Metrics, RunResult
from gaintrace.store import Store, layout
from gaintrace.sweeps.imported_tables import NumberTable, check_aucs, check_distinct, check_epochs, named, read_numbers
from gaintrace.sweeps.plan import DataReference, Plan, PlannedRun, write_plan

EPOCH_METRICS = ("valid_e1_auc", "valid_e2_auc")
TEST_METRICS = ("test_e1_auc", "test_e2_auc")


def import_results(folder: Path, store: Store, spec: SweepSpec) -> Plan:
    """Write the runs of a folder into the store as a sweep named and ranked as `spec` says, and return its plan.

    Raises DataError where the files are not what they should be, ConfigError where a column names no parameter; then
    nothing is written.
    """
    epochs_path, test_path = _only(folder, "epochs"), _only(folder, "test")
    test = _read(test_path, TEST_METRICS)
    columns = [column for column in test.frame.columns if column not in TEST_METRICS]
    epochs = _read(epochs_path, ("epoch", *EPOCH_METRICS), columns)
    absent = [column for column in columns if column not in epochs.frame.columns]
    if absent or not columns:
        raise DataError(
            f"{folder}: both files must name what was swept; {', '.join(absent) or 'no column'} is not in both"
        )
    paths = {column: _path(column) for column in columns}
    _check(test, epochs, columns)
    grid = {paths[column]: sorted(set(test.frame[column].tolist())) for column in columns}
    swept_spec = _spec(spec, grid, test, columns)
    data = DataReference(
        uri=None, name=folder.resolve().name, hash=content_hash([epochs.frame.to_csv(), test.frame.to_csv()])
    )
    by_values = {tuple(swept.values()): config for swept, config in swept_spec.runs()}
    runs = [
        _run(index, {paths[c]: row[c] for c in columns}, by_values[tuple(row[c] for c in columns)], data)
        for index, row in enumerate(test.frame.to_dict("records"))
    ]
    values = swept_spec.model_dump(mode="json")
    identity = [values | {"base": identifying(values["base"])}, data.hash, IMPORTED]
    sweep_id = f"{spec.name}-{content_hash(identity)[:8]}"
    swept_spec = swept_spec.model_copy(update={"description": f"Results imported from {data.name}"})  # not spec's runs
    plan = Plan(sweep_id=sweep_id, spec=swept_spec, data=data, code_version=IMPORTED, runs=runs)
    write_plan(store, plan)
    for run, row in zip(plan.runs, test.frame.to_dict("records"), strict=True):
        own = epochs.frame[(epochs.frame[columns] == [row[c] for c in columns]).all(axis=1)]
        _write(store, run, plan, own.reset_index(drop=True), row)
    return plan


def _check(test: NumberTable, epochs: NumberTable, columns: list[str]) -> None:
    """Raises DataError where a number is none of its kind, something is there twice, or one file lacks a run."""
    check_aucs(test, TEST_METRICS)
    check_aucs(epochs, EPOCH_METRICS)
    check_distinct(test, columns)
    check_epochs(epochs, columns)
    tested, trained = test.rows(columns), epochs.rows(columns)
    for row, values in enumerate(tested):
        if values not in trained:
            raise test.wrong(row, f"{epochs.path.name} has no epochs for the run with {named(columns, values)}")
    for row, values in enumerate(trained):
        if values not in tested:
            raise epochs.wrong(row, f"{test.path.name} has no test metrics of the run with {named(columns, values)}")


def _spec(spec: SweepSpec, grid: dict[str, list[Any]], test: NumberTable, columns: list[str]) -> SweepSpec:
    """What was swept, as a sweep like `spec`. Raises DataError with the row whose value cannot be."""
    base = spec.model_dump(mode="json") | {"seeds": [], "folds": []}
    for path, column in zip(grid, columns, strict=True):
        for row, value in enumerate(test.frame[column].tolist()):
            try:
                SweepSpec.model_validate(base | {"grid": {path: [value]}})
            except ValidationError as error:
                reason = explain(error).rpartition(f"{path}: ")[2]
                raise test.wrong(row, f"{column} is {value:g}: {reason}") from None
    try:
        return SweepSpec.model_validate(base | {"grid": grid})
    except ValidationError as error:
        raise DataError(f"{test.path}: {explain(error)}") from None


def _only(folder: Path, word: str) -> Path:
    try:
        found = sorted(path for path in folder.glob(f"*{word}*.csv") if path.is_file())
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror or error}") from None
    if len(found) != 1:
        raise DataError(f"{folder}: expected one file *{word}*.csv, found {', '.join(p.name for p in found) or 'none'}")
    return found[0]


def _read(path: Path, metrics: tuple[str, ...], swept: list[str] | None = None) -> NumberTable:
    """The metrics and what was swept; without names for that, every column that is there."""
    for reason, lines in read_table(path, metrics).dropped.items():  # refuses what is no such table, with the place
        raise DataError(f"{path}: {places(lines)}: {reason}. A run that is half read is no run")
    return read_numbers(path, metrics, swept)


def _path(column: str) -> str:
    """The dotted path of a parameter from its last part."""
    sections: dict[str, Any] = RunConfig().model_dump()
    found = [f"{section}.{name}" for section, values in sections.items() for name in values if name == column]
    if not found:
        names = [name for values in sections.values() for name in values]
        raise ConfigError(
            f"column {column} is no parameter of a run{did_you_mean(column, names) or ';'} "
            "`gaintrace config show phase2` lists them"
        )
    return found[0]


def _run(index: int, swept: dict[str, Any], config: RunConfig, data: DataReference) -> PlannedRun:
    return PlannedRun(
        run_id=content_hash([config.config_hash, data.hash, IMPORTED])[:12],
        index=index,
        shard=0,
        swept=swept,
        config=config,
        config_hash=config.config_hash,
    )


def _write(store: Store, run: PlannedRun, plan: Plan, epochs: pd.DataFrame, test: dict[Any, Any]) -> None:
    best = epochs.iloc[int(epochs["valid_e1_auc"].to_numpy().argmax())]
    buffer = io.StringIO()
    epochs[["epoch", *EPOCH_METRICS]].to_csv(buffer, index=False, lineterminator="\n")
    folder = store.child(layout.run(run.run_id))
    folder.write("config.json", run.config.model_dump_json(indent=1).encode())
    folder.write("epochs.csv", buffer.getvalue().encode())
    result = RunResult(
        run_id=run.run_id,
        status="succeeded",
        config_hash=run.config_hash,
        data=DataName(name=plan.data.name, hash=plan.data.hash),
        code_version=IMPORTED,
        best_epoch=int(best["epoch"]),
        epochs_trained=int(epochs["epoch"].iloc[-1]) + int(epochs["epoch"].iloc[0] == 0),
        valid=_metrics(best["valid_e1_auc"], best["valid_e2_auc"]),
        test=_metrics(test["test_e1_auc"], test["test_e2_auc"]),
    )
    folder.write(layout.RESULT, result.model_dump_json(indent=1).encode())


def _metrics(e1: float, e2: float) -> Metrics:
    return Metrics(e1=EncoderMetrics(auc=float(e1)), e2=EncoderMetrics(auc=float(e2)))
