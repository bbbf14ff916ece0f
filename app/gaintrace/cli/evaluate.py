"""`evaluate`: a finished run on test again, by pyKT's windowed protocol."""

from typing import Annotated

import typer

from gaintrace.cli import named
from gaintrace.cli import sweep as sweeps
from gaintrace.cli.console import plain
from gaintrace.cli.reproduce import RunData, RunId, recorded


def evaluate(
    run: RunId,
    overlap: Annotated[
        int | None,
        typer.Option(
            help="Interactions before a target that lies beyond its student's first window, at least; without it all "
            "that a window holds, which is pyKT's protocol and takes as many passes as there are such targets."
        ),
    ] = None,
    out: sweeps.Out = "store",
    data: RunData = None,
    device: sweeps.Device = "auto",
) -> None:
    """Predict a finished run's test responses from windows that overlap, and print AUCs under pyKT's names."""
    from gaintrace.report.fitting import fitted
    from gaintrace.report.pykt import described, pykt_columns, pykt_rows
    from gaintrace.runs.evaluation import evaluate_in_windows
    from gaintrace.store import open_store
    from gaintrace.training.device import choose_device

    store = open_store(out)
    run = named.finished_run(store, run)
    trained, dataset = recorded(store, run, data)
    found = evaluate_in_windows(store, trained, dataset, overlap, choose_device(device))
    console = plain()
    console.print(fitted(console.width, ["AUC", *pykt_columns(found)], pykt_rows(found), left=["AUC"]))
    console.print(described(found), soft_wrap=True)
