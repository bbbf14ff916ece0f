"""`reproduce`: train a finished run again and compare number by number."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from gaintrace.cli import sweep as sweeps
from gaintrace.cli.watcher import ConsoleWatcher
from gaintrace.errors import RegressionError

if TYPE_CHECKING:
    from gaintrace.runs.reproduction import Reproduction

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of a finished run, as results.csv names it.")]


def reproduce(
    run: RunId,
    out: sweeps.Out = "store",
    data: Annotated[
        str | None, typer.Option("--data", metavar="URI", help="The run's data set, if it lies elsewhere now.")
    ] = None,
    device: sweeps.Device = "auto",
    threads: sweeps.Threads = None,
) -> None:
    """Train a finished run again, beside the original, and compare number by number."""
    from gaintrace.pipeline.reproduction import reproduce as train_again
    from gaintrace.pipeline.sweep import Machine
    from gaintrace.store import open_store

    console = Console()
    machine = Machine(device, threads)
    with ConsoleWatcher(console) as watcher:
        found = train_again(open_store(out), run, data=data, machine=machine, watcher=watcher)
    _show(console, found)
    if found.verdict == "different":
        raise RegressionError(f"run {run} is not reproduced: {found.text}")


def _show(console: Console, found: "Reproduction") -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("number")
    table.add_column("largest at")
    for name in ("recorded", "reproduced", "difference"):
        table.add_column(name, justify="right", no_wrap=True)
    for item in found.compared:
        difference = f"{item.difference:+.1e}" if item.difference else "0"
        table.add_row(item.name, item.where, f"{item.recorded:.6f}", f"{item.reproduced:.6f}", difference)
    console.print()
    console.print(table)
    console.print()
    console.print(f"[bold]{found.verdict}[/]: {found.text}", highlight=False)
    if found.explanations:
        console.print("What differs between the two trainings:", highlight=False)
        for line in found.explanations:
            console.print(f"- {line}", highlight=False, markup=False)
    elif found.verdict != "identical":
        console.print("Nothing recorded differs between the two trainings.", highlight=False)
