"""`reproduce`: train a finished run again and compare number by number."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from gaintrace.cli import named
from gaintrace.cli import sweep as sweeps
from gaintrace.cli.console import plain
from gaintrace.cli.watcher import ConsoleWatcher
from gaintrace.errors import RegressionError

if TYPE_CHECKING:
    from gaintrace.data.dataset import Dataset
    from gaintrace.runs.reproduction import RecordedRun, Reproduction
    from gaintrace.store import Store

RunId = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="A finished run: its id, as the ranking names it, the id's beginning, or a sweep's best."
    ),
]
RunData = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="URI",
        callback=named.data_given,
        help="The run's data set, if it lies elsewhere now: folder, URI, or name in the store.",
    ),
]


def recorded(store: "Store", run: str, data: str | None) -> "tuple[RecordedRun, Dataset]":
    """A finished run, and the data set that it was trained on. Raises DataError where that is another by now."""
    from gaintrace.runs.reproduction import RecordedRun
    from gaintrace.sweeps.data import load_data, load_own

    trained = RecordedRun.read(store, run)
    if data is None:
        dataset = load_own(store, trained.config, trained.result.data.hash)
    else:
        dataset = load_data(trained.spec(named.dataset(store, data)).base)
    trained.check_data(dataset.hash)
    return trained, dataset


def reproduce(
    run: RunId,
    out: sweeps.Out = "store",
    data: RunData = None,
    device: sweeps.Device = "auto",
    threads: sweeps.Threads = None,
) -> None:
    """Train a finished run again, beside the original, and compare number by number."""
    from gaintrace.pipeline.reproduction import reproduce as train_again
    from gaintrace.pipeline.training import Machine
    from gaintrace.store import open_store

    store, console = open_store(out), plain()
    run = named.finished_run(store, run)
    uri = named.dataset(store, data) if data is not None else None
    machine = Machine(device, threads)
    with ConsoleWatcher(console) as watcher:
        found = train_again(store, run, data=uri, machine=machine, watcher=watcher)
    _show(console, found)
    if found.verdict == "different":
        raise RegressionError(f"run {run} is not reproduced: {found.text}")


def _show(console: Console, found: "Reproduction") -> None:
    from gaintrace.report.fitting import fitted

    rows = [
        [
            item.name,
            item.where,
            f"{item.recorded:.6f}",
            f"{item.reproduced:.6f}",
            f"{item.difference:+.1e}" if item.difference else "0",
        ]
        for item in found.compared
    ]
    columns = ["number", "largest at", "recorded", "reproduced", "difference"]
    console.print()
    console.print(fitted(console.width, columns, rows, left=columns[:2]))
    console.print()
    console.print(Text.assemble((found.verdict, "bold"), f": {found.text}"))
    if found.explanations:
        console.print("What differs between the two trainings:")
        for line in found.explanations:
            console.print(f"- {line}")
    elif found.verdict != "identical":
        console.print("Nothing recorded differs between the two trainings.")
