"""`gaintrace data`: prepare, look at and export data sets."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from pydantic import ValidationError

from gaintrace.cli.console import LASTS
from gaintrace.cli.places import folder
from gaintrace.config import Simulator, SyntheticConfig
from gaintrace.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from gaintrace.data.dataset import Dataset, DatasetInfo
    from gaintrace.data.readers.csv import Columns

app = typer.Typer(help="Prepare, look at and export data sets.", no_args_is_help=True)

DatasetPlace = Annotated[
    str, typer.Argument(metavar="URI", help="A prepared data set: folder, URI, or name in the store ./store.")
]
Out = Annotated[str, typer.Option("--out", metavar="URI", help="Folder that gets the data set.")]
Name = Annotated[
    str | None, typer.Option("--name", help="What records of the data set go by; without it, the folder's name.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace a different data set there.")]


@app.command()
def prepare(
    reader: Annotated[
        str,
        typer.Argument(
            metavar="READER",
            help="csv: any table. Public data sets: assist2009, assist2012, assist2015, assist2017, algebra2005, "
            "bridge2algebra2006, statics2011, poj, nips_task34, ednet, ednet5000, xes3g5m; pykt: pyKT's files.",
        ),
    ],
    raw: Annotated[
        list[str],
        typer.Option(
            "--raw", metavar="FILE", help="Raw file, plain, .gz or .zip, or the folder of several; repeatable."
        ),
    ],
    out: Out,
    student: Annotated[str | None, typer.Option(help="csv: the column that names the student.")] = None,
    skill: Annotated[str | None, typer.Option(help="csv: the column that names the skill.")] = None,
    correct: Annotated[str | None, typer.Option(help="csv: the column that says whether the answer was right.")] = None,
    item: Annotated[str | None, typer.Option(help="csv: the column that names the exercise.")] = None,
    time: Annotated[str | None, typer.Option(help="csv: when the answer was given, as numbers or dates.")] = None,
    order: Annotated[str | None, typer.Option(help="csv: numbers in the order of a student's answers.")] = None,
    skill_separator: Annotated[
        str | None, typer.Option(help="csv: what joins the skills of an answer in one cell, as ~~.")
    ] = None,
    name: Name = None,
    force: Force = False,
) -> None:
    """Read a data set's raw file, drop what is unusable, split the students as pyKT does, and store it."""
    from gaintrace.data.prepare import CSV, prepare_table
    from gaintrace.data.prepare import prepare as prepare_dataset

    if not all(text.strip() for text in raw):
        raise ConfigError("--raw is empty; give the raw file")
    called = _name(name, out)
    paths = [Path(text) for text in raw]
    given = {
        "student": student,
        "skill": skill,
        "correct": correct,
        "item": item,
        "time": time,
        "order": order,
        "skill_separator": skill_separator,
    }
    if reader == CSV:
        dataset = prepare_table(*_any_table(paths, given), called)
    else:
        asked = [name for name, value in given.items() if value is not None]
        if asked:
            raise ConfigError(f"--{asked[0].replace('_', '-')} is for `prepare csv`; the columns of {reader} are known")
        dataset = prepare_dataset(reader, paths, called)
    _store(dataset, out, name is not None, force)


@app.command()
def simulate(
    out: Out,
    students: Annotated[int, typer.Option(min=1)] = 600,
    skills: Annotated[int, typer.Option(min=1)] = 12,
    mean_length: Annotated[int, typer.Option(min=3, help="Mean answers of a student.")] = 40,
    seed: Annotated[int, typer.Option(min=0)] = 7,
    simulator: Annotated[
        Simulator,
        typer.Option(
            help="What mastery is: the study's own learning curve, a skill that is known or not (Bayesian knowledge "
            "tracing), or ability and a growing state of each skill (item response theory)."
        ),
    ] = "curve",
    forgetting: Annotated[
        float | None,
        typer.Option(help="Lost at each interaction; without it, 0 for bkt and 0.02 for irt. A curve forgets nothing."),
    ] = None,
    name: Name = None,
    force: Force = False,
) -> None:
    """Store simulated students whose mastery is known."""
    from gaintrace.data.synthetic import generate

    called = _name(name, out)
    try:
        config = SyntheticConfig(
            students=students,
            skills=skills,
            mean_length=mean_length,
            seed=seed,
            simulator=simulator,
            forgetting=forgetting,
        )
    except ValidationError as error:
        raise ConfigError("; ".join(map(_refused, error.errors()))) from None
    dataset = generate(config)
    _store(replace(dataset, name=called or dataset.name), out, name is not None, force)


@app.command()
def info(
    uri: DatasetPlace,
) -> None:
    """Show what a prepared data set holds, and check that it is whole."""
    from gaintrace.data.dataset import load_dataset

    _show(load_dataset(_located(uri)).info)


@app.command()
def export(
    uri: DatasetPlace,
    out: Annotated[str, typer.Option("--out", metavar="FOLDER", help="Folder that gets the files.")],
    format: Annotated[Literal["pykt"], typer.Option("--format", help="pykt: train_valid.csv and test.csv.")] = "pykt",
    force: Annotated[bool, typer.Option("--force", help="Replace files of these names there.")] = False,
) -> None:
    """Write a prepared data set in another toolkit's format."""
    from gaintrace.data.dataset import load_dataset
    from gaintrace.data.export import export_pykt

    to = folder("--out", out)
    for path in export_pykt(load_dataset(_located(uri)), to, force):
        print(path)


def _located(text: str) -> str:
    """A data set's folder or URI; a name that is no folder is looked for in ./store, the store of other commands."""
    from gaintrace.cli import named
    from gaintrace.store import open_store

    inside = "/" not in text and Path("store").is_dir()
    return named.dataset(open_store("store"), text) if inside else text


def _any_table(paths: list[Path], given: dict[str, str | None]) -> "tuple[Path, Columns]":
    """The file and which of its columns is what."""
    from gaintrace.data.readers.answers import single
    from gaintrace.data.readers.csv import Columns, columns_of

    path = single(paths, "csv")
    missing = [f"--{role}" for role in ("student", "skill", "correct") if given[role] is None]
    if missing:
        found = ", ".join(columns_of(path)[:30])
        raise ConfigError(f"csv needs {' and '.join(missing)}: which column of {path} it is. It has {found}")
    return path, Columns(**{role: value for role, value in given.items() if value is not None})


def _refused(error: "ErrorDetails") -> str:
    reason = error["msg"].removeprefix("Value error, ")
    return f"--{str(error['loc'][0]).replace('_', '-')} {error['input']}: {reason}" if error["loc"] else reason


def _name(name: str | None, out: str) -> str:
    """What a data set is called, by itself or by its place. Refuses an impossible place before work is done for it."""
    from gaintrace.data.names import checked_name, name_of_place
    from gaintrace.store import open_store

    if not out.strip():
        raise ConfigError("--out is empty; give a folder, file:///path or s3://bucket/prefix")
    open_store(out)
    return checked_name(name) if name is not None else name_of_place(out)


def _store(dataset: "Dataset", out: str, named: bool, force: bool) -> None:
    from gaintrace.data.dataset import load_dataset, load_info, save_dataset
    from gaintrace.store import open_store

    store = open_store(out)
    if store.exists("dataset.json") and not force:
        there = load_info(out)
        if there.hash != dataset.hash:
            raise ConfigError(
                f"{out} holds another data set ({there.name}, {there.hash}; "
                f"this one is {dataset.name}, {dataset.hash}). Choose another folder, or --force to replace it"
            )
        if not named:  # one that was prepared before keeps the name that its records go by
            dataset = replace(dataset, name=there.name)
        try:
            load_dataset(out)
            print(f"{out} holds this data set already")
            if dataset.name != there.name:
                print(f"It was called {there.name}; what is recorded under that name stays there")
                save_dataset(dataset, store)
        except DataError as damage:
            # Its own dataset.json says that the same belongs here, so nothing is lost by writing it again.
            print(f"Written again: {damage}")
            save_dataset(dataset, store)
    else:
        save_dataset(dataset, store)
    _show(dataset.info)
    print(f"\nNext: gaintrace train gaintrace --data {shlex.quote(out)}")
    print(f"      ({LASTS})")


def _show(info: "DatasetInfo") -> None:
    several = info.interactions - info.answers
    lines = {
        "data set": f"{info.name}, content hash {info.hash}",
        "students": f"{info.students:,}",
        "interactions": f"{info.interactions:,}"
        + (f" of {info.answers:,} answers (some need several skills)" if several else ""),
        "skills": f"{len(info.skills):,}",
        "items": f"{info.items:,}" if info.items else "not named by the source",
        "correct": f"{info.correct_ratio:.1%}",
        "longest": f"{info.longest:,} interactions of one student",
    }
    for label, text in lines.items():
        _line(label, [text])
    sources = [f"{source.name} (sha256 {source.sha256[:12]}…)" for source in info.sources]
    made = "a table in memory" if info.reader else "simulation" + (f" ({info.simulator})" if info.simulator else "")
    _line("made of", sources or [made])
    if info.reader is not None:
        _line("read as", [info.reader])
    if info.rows_read is not None:
        _line("rows read", [f"{info.rows_read:,}"])
    places = {reason: f" ({where})" for reason, where in info.dropped_at.items()}
    _line("rows dropped", [f"{count:,} {reason}{places.get(reason, '')}" for reason, count in info.dropped.items()])
    _line("note", info.notes)


def _line(label: str, texts: list[str]) -> None:
    for position, text in enumerate(texts):
        print(f"{'' if position else label:>14}  {text}")
