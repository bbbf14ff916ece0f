"""`predict`: what a finished run says of students."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gaintrace.cli import named
from gaintrace.cli import sweep as sweeps
from gaintrace.cli.console import plain
from gaintrace.cli.places import file
from gaintrace.errors import ConfigError, DataError
from gaintrace.use.named import few

if TYPE_CHECKING:
    from gaintrace.data.readers.csv import Columns
    from gaintrace.store import Store
    from gaintrace.use.answered import Answered
    from gaintrace.use.trained import Trained

TABLES = (".csv", ".tsv", ".txt", ".gz", ".zip", ".parquet", ".pq")
"""What the name of a table ends in, so that one that is not there is not taken for a data set."""


Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A finished run: its id, the id's beginning, or a sweep's best; `default`: the default in force.",
    ),
]


def predict(
    run: Run,
    to: Annotated[str, typer.Option("--to", metavar="FILE", help="Table that gets the predictions: .parquet or .csv.")],
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DATA",
            callback=named.data_given,
            help="Whose answers: a table (CSV, plain, .gz or .zip, or Parquet), or a prepared data set by its folder, "
            "URI or name in the store. Without it the data set that the run was trained on.",
        ),
    ] = None,
    student: Annotated[str | None, typer.Option(metavar="COLUMN", help="Of a table: who answered.")] = None,
    skill: Annotated[str | None, typer.Option(metavar="COLUMN", help="Of a table: what was practised.")] = None,
    correct: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Of a table: 1 for a right answer, or 0.")
    ] = None,
    item: Annotated[str | None, typer.Option(metavar="COLUMN", help="Of a table: the exercise.")] = None,
    time: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Of a table: when; else rows are in order.")
    ] = None,
    order: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Of a table: what comes first of one student at one time.")
    ] = None,
    skill_separator: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Of a table: what stands between the skills of one answer.")
    ] = None,
    skills: Annotated[
        list[str] | None,
        typer.Option("--skills", metavar="A,B", help="Which skills; all without it. Repeatable."),
    ] = None,
    at: Annotated[
        Literal["last", "every"],
        typer.Option(
            help="When: after the last answer, or at every one: before each, what it was expected to be, or, with "
            "--skills, these skills after each. There, `--skills all` is every skill."
        ),
    ] = "last",
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    out: sweeps.Out = "store",
    device: sweeps.Device = "auto",
) -> None:
    """Predict the next answers of students, seen or never seen, on every skill, and say how far each is mastered."""
    from gaintrace.store import open_store
    from gaintrace.use.output import checked_table, write_table

    path = checked_table("--to", file("--to", to), force)
    if data is not None and path.exists() and Path(data).exists() and path.samefile(data):
        raise ConfigError(f"--to {path} is what --data names: predictions would replace the answers; name another file")
    columns = _columns(student, skill, correct, item, time, order, skill_separator)
    store = open_store(out)
    table = _table(store, data, columns)

    from gaintrace.training.device import choose_device
    from gaintrace.use.default import load_named
    from gaintrace.use.predictions import predicted, schema

    trained = load_named(store, run, choose_device(device))
    chosen = _chosen(trained, skills)
    answered = _answered(store, trained, data, table, columns)
    given = at == "every" and chosen is None
    rows = write_table(path, schema(at, given), predicted(trained, answered, at, chosen))
    console = plain()
    for note in answered.notes:
        console.print(note, soft_wrap=True)
    if not rows and at == "every":
        console.print(
            "no student has an answer with another before it, so none could be predicted; --at last asks what is next"
        )
    console.print(f"{rows:,} predictions by run {trained.run}: {path}", soft_wrap=True)


def _columns(
    student: str | None,
    skill: str | None,
    correct: str | None,
    item: str | None,
    time: str | None,
    order: str | None,
    skill_separator: str | None,
) -> "Columns | None":
    """None where no column is named. Raises ConfigError where one that must be is not."""
    from gaintrace.data.readers.csv import Columns

    needed = {"--student": student, "--skill": skill, "--correct": correct}
    others = {"--item": item, "--time": time, "--order": order, "--skill-separator": skill_separator}
    for option, value in (needed | others).items():
        if value is not None and not value.strip():
            raise ConfigError(f"{option} is empty; leave it out or give the column's name")
    if not any(value is not None for value in (needed | others).values()):
        return None
    missing = [option for option, value in needed.items() if value is None]
    if missing:
        raise ConfigError(f"a table's columns need {', '.join(needed)}; missing {', '.join(missing)}")
    return Columns(str(student), str(skill), str(correct), item, time, order, skill_separator)


def _table(store: "Store", data: str | None, columns: "Columns | None") -> Path | None:
    """The table that is meant, or None for a data set. Raises ConfigError where columns do not fit it."""
    from gaintrace.data.dataset import load_info

    is_table = data is not None and "://" not in data and (Path(data).is_file() or data.endswith(TABLES))
    if is_table and columns is None:
        from gaintrace.data.readers.csv import columns_of

        there = few(columns_of(Path(str(data))), most=30)
        raise ConfigError(
            f"--data {data}: say with --student, --skill and --correct which columns are meant; it has {there}"
        )
    if not is_table and columns is not None:
        what = "without --data the run's own data set is read"
        if data is not None and Path(data).is_dir() and not Path(data, "dataset.json").exists():
            raise DataError(f"--data {data}: a folder, and no prepared data set; name the file of a table in it")
        if data is not None:
            load_info(named.dataset(store, data))  # else it is none, which is what to say of it
            what = f"--data {data} is no table but a data set"
        raise ConfigError(f"{what}, whose columns are known; leave out --student, --skill, --correct and the like")
    return Path(str(data)) if is_table else None


def _chosen(trained: "Trained", skills: list[str] | None) -> list[int] | None:
    """Numbers of the skills that are asked for; None where none are named."""
    if skills is None:
        return None
    names: list[str] = []
    for text in skills:
        if not text.strip():
            raise ConfigError("--skills is empty; leave it out or name skills")
        known = text in trained.skill_numbers
        names += [text] if known else [name.strip() for name in text.split(",") if name.strip()]
    if names == ["all"] and "all" not in trained.skill_numbers:
        return list(range(len(trained.skills)))
    return trained.numbers_of(names)


def _answered(
    store: "Store", trained: "Trained", data: str | None, table: Path | None, columns: "Columns | None"
) -> "Answered":
    from gaintrace.data.dataset import load_dataset
    from gaintrace.data.readers.csv import read
    from gaintrace.sweeps.data import load_own
    from gaintrace.use.answered import of_answers, of_dataset

    if table is not None and columns is not None:
        return of_answers(trained, read(table, columns), str(table))
    if data is None:
        return of_dataset(trained, load_own(store, trained.config, trained.result.data.hash))
    return of_dataset(trained, load_dataset(named.dataset(store, data)))
