"""`evaluate`: a finished run on test again, by pyKT's windowed protocol."""

from typing import Annotated

import typer

from gaintrace.cli import named
from gaintrace.cli import sweep as sweeps
from gaintrace.cli.console import plain
from gaintrace.cli.reproduce import RunId


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
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="URI",
            callback=named.data_given,
            help="The run's data set, if it lies elsewhere now: folder, URI, or name in the store.",
        ),
    ] = None,
    device: sweeps.Device = "auto",
) -> None:
    """Predict a finished run's test responses from windows that overlap, and print AUCs under pyKT's names."""
    from gaintrace.report.fitting import fitted
    from gaintrace.report.pykt import COLUMNS, described, pykt_rows
    from gaintrace.runs.evaluation import evaluate_in_windows
    from gaintrace.runs.reproduction import RecordedRun
    from gaintrace.store import open_store
    from gaintrace.sweeps.data import load_data
    from gaintrace.training.device import choose_device

    store = open_store(out)
    run = named.finished_run(store, run)
    trained = RecordedRun.read(store, run)
    dataset = load_data(trained.spec(named.dataset(store, data) if data is not None else None).base)
    trained.check_data(dataset.hash)
    found = evaluate_in_windows(store, trained, dataset, overlap, choose_device(device))
    console = plain()
    console.print(fitted(console.width, ["AUC", *COLUMNS], pykt_rows(found), left=["AUC"]))
    console.print(described(found), soft_wrap=True)
