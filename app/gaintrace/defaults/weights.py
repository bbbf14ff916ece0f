"""The weights of a default: a run of its configuration, kept beside the defaults, whatever becomes of the store's runs.

Importable without torch.
"""

from collections.abc import Iterable

from gaintrace.defaults import history
from gaintrace.errors import ConfigError
from gaintrace.runs.files import file_name
from gaintrace.runs.result import RunResult
from gaintrace.store import MissingObjectError, Store, layout

WEIGHTS = "model.safetensors"
KEPT = (WEIGHTS, "config.json")
KEPT_IF_THERE = (layout.VOCABULARY, "predictions.parquet")
"""Runs of before have no vocabulary; predictions tell a model card how sure the metrics are."""


def keep_weights(store: Store, runs: Iterable[str]) -> str | None:
    """Keep the first of some runs that has weights, and return which; None where none has any."""
    for run in runs:
        if store.exists(layout.default_model(run, layout.RESULT)) or _kept(store, run):
            return run
    return None


def _kept(store: Store, run: str) -> bool:
    """Copy what predictions take, the result last; whether there was something to copy."""
    folder, copy = store.child(layout.run(run)), store.child(layout.default_model(run))
    if not _has_weights(folder):
        return False
    for name in (*KEPT, *KEPT_IF_THERE):
        try:
            copy.write(name, folder.read(file_name(folder, name)))
        except MissingObjectError:
            if name in KEPT:
                raise
    result = RunResult.model_validate_json(folder.read(layout.RESULT))
    copy.write(layout.RESULT, result.model_copy(update={"files": {}}).model_dump_json(indent=1).encode())
    return True


def default_weights(store: Store) -> tuple[str, Store]:
    """The run whose weights are those of the default in force, and the folder where they lie. Raises ConfigError."""
    default = history.current(store)
    if default is None:
        raise ConfigError(
            f"{store.uri} has no promoted default, so no weights of one; `gaintrace promote SWEEP` makes a sweep's "
            "best the default"
        )
    runs = [run for run in (default.provenance.model, *default.provenance.runs) if run is not None]
    for run in runs:
        if store.exists(layout.default_model(run, layout.RESULT)):
            return run, store.child(layout.default_model(run))
    for run in runs:
        if _has_weights(store.child(layout.run(run))):
            return run, store.child(layout.run(run))
    raise ConfigError(
        f"default {default.number} of {store.uri} has no weights: none of its runs ({', '.join(runs)}) is there with "
        "some. `gaintrace defaults show` prints it as a sweep: train that, and name its run"
    )


def _has_weights(folder: Store) -> bool:
    try:
        return folder.exists(file_name(folder, WEIGHTS))
    except MissingObjectError:
        return False
