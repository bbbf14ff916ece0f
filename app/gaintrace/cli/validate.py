"""`validate`: train the current default on data sets and compare with what is recorded."""

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gaintrace.cli import named
from gaintrace.cli import sweep as sweeps
from gaintrace.cli.attempts import Attempt, Retries, check_attempt
from gaintrace.cli.console import plain
from gaintrace.cli.devices import chosen_device
from gaintrace.cli.watcher import ConsoleWatcher
from gaintrace.config import listed_overrides
from gaintrace.defaults import MARGIN, SEEDS, SEEDS_A_LOOK
from gaintrace.errors import (
    ConfigError,
    GaintraceError,
    IncompleteError,
    InterruptedRunError,
    RegressionError,
    StoreError,
)

if TYPE_CHECKING:
    from gaintrace.defaults.validation import Validation


DECIDED = {"seeds": "--seeds", "base.training.seed": "--seeds", "folds": "--folds", "base.data.fold": "--folds"}
DECIDED |= dict.fromkeys(("base.data.dataset", "base.data.synthetic"), "DATASET")
"""Paths that a validation sets itself, and by what."""


def validate(
    datasets: Annotated[
        list[str], typer.Argument(metavar="DATASET…", help="URIs of prepared data sets, or names under STORE/datasets.")
    ],
    out: sweeps.Out = "store",
    folds: Annotated[str, typer.Option(help="Folds to train, as in 0,1 or 0-4.")] = "0",
    seeds: Annotated[
        str, typer.Option(help="Seeds to train with, as in 42,43 or 42-71: as many as it takes to tell, in this order.")
    ] = SEEDS,
    seeds_a_look: Annotated[
        int, typer.Option(min=2, help="Seeds to train before each look at whether they tell.")
    ] = SEEDS_A_LOOK,
    margin: Annotated[float, typer.Option(help="Smallest difference in AUC that matters.")] = MARGIN,
    record: Annotated[bool, typer.Option("--record", help="Record the result as what the default does.")] = False,
    label: Annotated[
        str, typer.Option(help="Name of this validation; one that was interrupted goes on. The time without it.")
    ] = "",
    recalibrate: Annotated[
        bool, typer.Option("--recalibrate", help="Also sweep the loss weight, and say which suits each data set.")
    ] = False,
    weights: Annotated[
        str, typer.Option(help="Loss weights that --recalibrate tries, besides the default's.")
    ] = "0.1,0.3,0.5,0.7,0.9",
    epochs: Annotated[str, typer.Option(help="Most epochs; empty leaves it to the default.")] = "",
    more: Annotated[str, typer.Option("--overrides", metavar="LIST", help="PATH=VALUE, separated by semicolons.")] = "",
    device: sweeps.Device = "auto",
    gpus: sweeps.Gpus = None,
    threads: sweeps.Threads = None,
    metrics: sweeps.MetricsAddress = None,
    pushgateway: sweeps.Pushgateway = "",
    attempt: Attempt = None,
    retries: Retries = 4,
) -> None:
    """Train the current default on each data set and compare with what is recorded for it there."""
    from gaintrace.analysis.intervals import AUC_ROUNDING
    from gaintrace.defaults.metrics import validation_metrics
    from gaintrace.defaults.recalibration import recalibration_spec
    from gaintrace.defaults.validation import default_spec, failed
    from gaintrace.pipeline.training import Machine
    from gaintrace.pipeline.validation import validate as validate_on
    from gaintrace.store import open_store
    from gaintrace.telemetry.push import push

    label = label or f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}", label):
        raise ConfigError(f"--label {label}: use letters, digits, dots and dashes")
    if not AUC_ROUNDING <= margin < 0.5:
        raise ConfigError(
            f"--margin {margin:g}: expected a difference in AUC below 0.5, and at least {AUC_ROUNDING:g}, "
            "which rounding alone may make"
        )
    chosen_folds, chosen_seeds = ranges("--folds", folds), ranges("--seeds", seeds)
    chosen_weights = _weights(weights) if recalibrate else []
    changes = listed_overrides(epochs, more)
    _check_effect(changes)
    store = open_store(out)
    check_attempt(store, attempt, retries)
    if not all(text.strip() for text in datasets):
        raise ConfigError("DATASET is empty; give the data set's folder, URI or name in the store")
    planned = default_spec(store, changes, chosen_folds, chosen_seeds)  # a mistake in it is no data set's fault
    if recalibrate:
        recalibration_spec(planned, chosen_weights)
    console = plain()
    machine = Machine(chosen_device(device, gpus), threads, metrics=metrics)
    found, errors = [], []
    with ConsoleWatcher(console) as watcher:
        for text in datasets:
            absent = True
            try:
                uri = named.dataset(store, text)
                absent = _absent(uri)
                own_changes = ["base.data.synthetic=null", f"base.data.dataset={json.dumps(uri)}", *changes]
                spec = default_spec(store, own_changes, chosen_folds, chosen_seeds)
                validation = validate_on(
                    store,
                    spec,
                    label,
                    margin=margin,
                    seeds_a_look=seeds_a_look,
                    record=record,
                    weights=chosen_weights,
                    machine=machine,
                    watcher=watcher,
                )
            except InterruptedRunError:
                raise
            except GaintraceError as error:
                validation = failed(store, _name(text), label, str(error), found=not absent)
                errors.append(error)
            console.print(f"{validation.verdict}: {validation.text}", soft_wrap=True)
            registry = validation_metrics(validation)
            problem = push(pushgateway, registry, "nightly", validation.dataset) if pushgateway else None
            if problem:
                console.print(problem)
            found.append(validation)
    _show(console, found)
    _exit(found, errors)


STYLES = {"worse": "bold red", "failed": "red", "not comparable": "yellow", "cannot tell": "yellow"}


def _check_effect(changes: list[str]) -> None:
    """Raises ConfigError for an override of what an option decides."""
    for change in changes:
        option = DECIDED.get(change.partition("=")[0].strip())
        if option:
            raise ConfigError(f"--overrides {change} has no effect: {option} decides that. Leave it out")


def _absent(uri: str) -> bool:
    """Whether there is surely no data set; a place that does not answer may well hold it."""
    from gaintrace.store import open_store

    try:
        return not open_store(uri).exists("dataset.json")
    except StoreError:
        return False


def _name(text: str) -> str:
    """What a data set that could not be read goes by."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text.rstrip("/").rsplit("/", 1)[-1]).strip(".-") or "unnamed"


def _show(console: Console, found: "list[Validation]") -> None:
    """One line an encoder of each data set."""
    from gaintrace.report.fitting import fitted

    columns = ["data set", "", "recorded", "now", "difference [95 %]", "verdict"]
    rows, styles = [], []
    for validation in found:
        style = STYLES.get(validation.verdict, "")
        for side in ("e1", "e2"):
            rows.append([validation.dataset, side.upper(), *_numbers_of(validation, side), validation.verdict])
            styles.append(style)
    console.print()
    console.print(fitted(console.width, columns, rows, left=["data set", "", "verdict"], styles=styles))
    for validation in found:
        if validation.recalibration is not None:
            console.print(f"{validation.dataset}: {validation.recalibration.text}")


def _numbers_of(validation: "Validation", side: str) -> list[str]:
    difference = validation.differences.get(side)
    if difference is not None:
        interval = "" if difference.low is None else f" [{difference.low:+z.4f}, {difference.high:+z.4f}]"
        return [f"{difference.recorded:.4f}", f"{difference.new:.4f}", f"{difference.mean:+z.4f}{interval}"]
    if not validation.runs:
        return ["–", "–", "–"]
    return ["–", f"{sum(getattr(run, side) for run in validation.runs) / len(validation.runs):.4f}", "–"]


def _exit(found: "list[Validation]", errors: list[GaintraceError]) -> None:
    """Say what went wrong, with the exit code that fits: of the errors if they agree, else what matters most."""
    worse = [validation.dataset for validation in found if validation.verdict == "worse"]
    broken = [validation.dataset for validation in found if validation.verdict in ("failed", "not comparable")]
    regression = f"{', '.join(worse)}: worse than recorded. If it is meant to be, --record makes it the new reference"
    if broken:
        error = IncompleteError(
            f"{', '.join(broken)}: no verdict; the lines above say why" + (f". {regression}" if worse else "")
        )
        if not worse and len(errors) == len(broken) and len({e.exit_code for e in errors}) == 1:
            error.exit_code = errors[0].exit_code
        raise error
    if worse:
        raise RegressionError(regression)


def ranges(option: str, text: str) -> list[int]:
    """Numbers and ranges of numbers, as in 0,2-4."""
    found: list[int] = []
    for part in text.split(","):
        ends = re.fullmatch(r"\s*(\d{1,10})(?:-(\d{1,10}))?\s*", part)
        first, last = (int(ends[1]), int(ends[2] or ends[1])) if ends else (1, 0)
        if not first <= last < first + MOST_NUMBERS:
            raise ConfigError(f"{option} {text}: expected whole numbers separated by commas, or ranges, as in 0,2-4")
        found += range(first, last + 1)
    return found


MOST_NUMBERS = 1000


def _weights(text: str) -> list[float]:
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"([0-9]+\.?[0-9]*|\.[0-9]+)(e-?[0-9]{1,2})?", part, re.I) for part in parts):
        raise ConfigError(f"--weights {text}: expected numbers separated by commas, as in 0.3,0.7")  # not 1_0, not nan
    return [float(part) for part in parts]
