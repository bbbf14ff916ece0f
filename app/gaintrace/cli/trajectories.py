"""`trajectories`: mastery of every skill over time, of some students, as a finished run sees it."""

import io
from typing import Annotated

import typer

from gaintrace.cli import named
from gaintrace.cli import sweep as sweeps
from gaintrace.cli.console import plain
from gaintrace.cli.reproduce import RunData, RunId, recorded


def trajectories(
    run: RunId,
    students: Annotated[int, typer.Option(min=1, max=1000, help="How many students of the test set.")] = 10,
    against: Annotated[
        str | None, typer.Option(metavar="RUN", help="Another run, whose mastery is drawn beside this one's.")
    ] = None,
    monotone: Annotated[
        bool,
        typer.Option(
            "--monotone",
            help="Draw mastery with hindsight as if nothing were forgotten, so that it never falls (where it is "
            "evidence); the table has both.",
        ),
    ] = False,
    out: sweeps.Out = "store",
    data: RunData = None,
) -> None:
    """Write mastery of every skill over time for some test students, as Parquet and figures."""
    from gaintrace.report import mastery_curves
    from gaintrace.report import trajectories as module
    from gaintrace.report.figures import mastery as figures
    from gaintrace.runs.predictions import read_predictions
    from gaintrace.store import layout, open_store

    store = open_store(out)
    run = named.finished_run(store, run)
    other = named.finished_run(store, against) if against is not None else None
    trained, dataset = recorded(store, run, data)
    encoder = module.load_encoder(store, run, trained.config, len(dataset.skills))
    chosen = module.choose_students(dataset, trained.config, students)
    table = module.trajectory_table(encoder, chosen.histories, dataset.skills)
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    drawn = module.panels(encoder, chosen.histories[: figures.MOST_PANELS], dataset.skills, monotone)
    runs = {"this run": run} | ({f"run {other}": other} if other is not None else {})
    predictions = {label: read_predictions(store, which) for label, which in runs.items()}
    curves = mastery_curves.curves(predictions)
    count = len(chosen.histories)
    choice = f"mastery-{count}-student{'' if count == 1 else 's'}"
    files = {
        f"{choice}.parquet": buffer.getvalue(),
        f"{choice}.svg": figures.trajectories(drawn).encode(),
    }
    console = plain()
    console.print(f"{chosen.rule}.")
    console.print(module.lines_in_words(encoder, monotone))
    if curves:
        practised = figures.practice_curves(curves, [dataset.skills[curve.skill] for curve in curves])
        files["practice.svg" if other is None else f"practice-against-{other}.svg"] = practised.encode()
    else:
        least, (most, all_students) = mastery_curves.LEAST_STUDENTS, mastery_curves.asked_twice(predictions["this run"])
        console.print(
            f"No figure of mastery by practice: it takes {least} test students who are asked one skill twice, and of "
            f"this run's {all_students} at most {most} were."
        )
    for name, content in files.items():
        key = layout.run(run, f"trajectories/{name}")
        store.write(key, content)
        console.print(f"{store.uri}/{key}", soft_wrap=True)
