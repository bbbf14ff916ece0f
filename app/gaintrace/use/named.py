"""What a person means by a name: a data set, a run. Importable without torch."""

from typing import TYPE_CHECKING

from gaintrace.config import as_text
from gaintrace.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    from gaintrace.store import Store

DEFAULT = "default"
"""Names the run whose weights are those of the default in force."""


def few(names: list[str], most: int = 3) -> str:
    """Some names, for a sentence."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def dataset(store: "Store", text: str) -> str:
    """A data set's URI: as it is, or of the one of that name in the store. Raises ConfigError, DataError."""
    from gaintrace.store import layout, open_store

    text = as_text(text)
    if "/" in text:
        return text
    inside = f"{store.uri}/{layout.dataset(text)}"
    there = store.exists(layout.dataset(text, "dataset.json"))
    if open_store(text).exists("dataset.json"):
        if there:
            raise ConfigError(f"{text} is the folder ./{text} and a data set of the store; write ./{text} or {inside}")
        return text
    if not there:
        names = layout.dataset_names(store)
        known = f" {store.uri} has {', '.join(names)};" if names else ""
        raise DataError(
            f"{text}: no prepared data set there{did_you_mean(text, names) or '.'}{known} "
            "`gaintrace data prepare` makes one; give its folder, or its name in the store's datasets"
        )
    return as_text(inside)


def finished_run(store: "Store", text: str, sweep_id: str | None = None) -> str:
    """The id of the run that is meant by an id, by how only one id begins, by a sweep, whose best it is, or `default`.

    Looks among the finished runs of the store, or the planned runs of a sweep. Raises ConfigError.
    """
    from gaintrace.defaults.promotion import read_summary
    from gaintrace.store import layout
    from gaintrace.sweeps.plan import find_sweep, read_plan

    if not text.strip():
        raise ConfigError("RUN is empty; give a run's id, its beginning, or a sweep whose best run is meant")
    if sweep_id is None and text == DEFAULT:
        return _default_run(store)
    if sweep_id is None and store.exists(layout.run(text, layout.RESULT)):
        return text
    runs = layout.run_ids(store) if sweep_id is None else [run.run_id for run in read_plan(store, sweep_id).runs]
    meant = [text] if text in runs else [run for run in runs if run.startswith(text)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise ConfigError(f"run {text}: {len(meant)} runs begin so: {', '.join(meant[:5])}; write more of its id")
    sweeps = layout.sweep_ids(store)
    names = {sweep.rpartition("-")[0] for sweep in sweeps}
    if text in names.union(sweeps):
        summary = read_summary(store, find_sweep(store, text))
        if summary.best is None:
            raise ConfigError(f"sweep {summary.sweep_id}: no run succeeded, so it has no best run")
        return str(summary.best["run_id"])
    if not runs and not sweeps:
        raise ConfigError(f"{store.uri} has no finished run {text}, nor any other; say with --out where they are")
    where = store.uri if sweep_id is None else f"sweep {sweep_id}"
    raise ConfigError(
        f"{where} has no finished run {text}{did_you_mean(text, [*names, *sweeps]) or ';'} "
        "the ranking and the run_id column of a sweep's results.csv name them"
    )


def _default_run(store: "Store") -> str:
    """The run of the default in force, as long as it is among the store's runs."""
    from gaintrace.defaults.weights import default_weights
    from gaintrace.store import layout

    run, _ = default_weights(store)
    if not store.exists(layout.run(run, layout.RESULT)):
        raise ConfigError(
            f"run {run} of the default in force is no longer among the runs of {store.uri}; its weights are kept, "
            "and `gaintrace predict default` and `gaintrace export default` use them"
        )
    return run
