"""`trajectories`: mastery of every skill over time, of some students, as a finished run sees it."""

import io
from typing import Annotated

import typer
from rich.console import Console

from gaintrace.cli import sweep as sweeps
from gaintrace.cli.reproduce import RunId


def trajectories(
    run: RunId,
    students: Annotated[int, typer.Option(min=1, max=1000, help="How many students of the test set.")] = 10,
    against: Annotated[
        str | None, typer.Option(metavar="RUN", help="Another run, whose mastery is drawn beside this one's.")
    ] = None,
    out: sweeps.Out = "store",
    data: Annotated[
        str | None, typer.Option("--data", metavar="URI", help="The run's data set, if it lies elsewhere now.")
    ] = None,
) -> None:
    """Write mastery of every skill over time for some test students, as Parquet and figures."""
    from gaintrace.report import mastery_curves
    from gaintrace.report import trajectories as module
    from gaintrace.report.figures import mastery as figures
    from gaintrace.runs.predictions import read_predictions
    from gaintrace.runs.reproduction import RecordedRun
    from gaintrace.store import layout, open_store
    from gaintrace.sweeps.data import load_data

    store = open_store(out)
    trained = RecordedRun.read(store, run)
    dataset = load_data(trained.spec(data).base)
    trained.check_data(dataset.hash)
    encoder = module.load_encoder(store, run, trained.config, len(dataset.skills))
    chosen = module.choose_students(dataset, trained.config, students)
    table = module.trajectory_table(encoder, chosen.histories, dataset.skills)
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    drawn = module.panels(encoder, chosen.histories[: figures.MOST_PANELS], dataset.skills)
    labels = ["this run", f"run {against}"] if against else ["this run"]
    runs = dict(zip(labels, [run, against] if against else [run], strict=True))
    predictions = {label: read_predictions(store, str(which)) for label, which in runs.items()}
    curves = mastery_curves.curves(predictions)
    files = {
        "mastery.parquet": buffer.getvalue(),
        "mastery.svg": figures.trajectories(drawn).encode(),
        "practice.svg": figures.practice_curves(curves, [dataset.skills[curve.skill] for curve in curves]).encode(),
    }
    console = Console()
    console.print(f"{chosen.rule}.", highlight=False)
    for name, content in files.items():
        key = layout.run(run, f"trajectories/{name}")
        store.write(key, content)
        console.print(f"{store.uri}/{key}", highlight=False, markup=False, soft_wrap=True)
