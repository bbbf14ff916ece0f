"""`gaintrace data`: prepare, look at and export data sets."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from pydantic import ValidationError

from gaintrace.config import SyntheticConfig
from gaintrace.errors import ConfigError, DataError

if TYPE_CHECKING:
    from gaintrace.data.dataset import Dataset, DatasetInfo

app = typer.Typer(help="Prepare, look at and export data sets.", no_args_is_help=True)

Out = Annotated[str, typer.Option("--out", metavar="URI", help="Folder that gets the data set.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a different data set there.")]


@app.command()
def prepare(
    name: Annotated[str, typer.Argument(help="assist2009, assist2015, assist2017, algebra2005 or pykt.")],
    raw: Annotated[list[Path], typer.Option("--raw", metavar="FILE", help="Raw file, plain, .gz or .zip; repeatable.")],
    out: Out,
    force: Force = False,
) -> None:
    """Read a public data set's raw file, drop what is unusable, split the students as pyKT does, and store it."""
    from gaintrace.data.prepare import prepare as prepare_dataset

    _store(prepare_dataset(name, raw), out, force)


@app.command()
def simulate(
    out: Out,
    students: Annotated[int, typer.Option(min=1)] = 600,
    skills: Annotated[int, typer.Option(min=1)] = 12,
    mean_length: Annotated[int, typer.Option(min=3, help="Mean answers of a student.")] = 40,
    seed: Annotated[int, typer.Option(min=0)] = 7,
    force: Force = False,
) -> None:
    """Store simulated students whose mastery is known."""
    from gaintrace.data.synthetic import generate

    try:
        config = SyntheticConfig(students=students, skills=skills, mean_length=mean_length, seed=seed)
    except ValidationError as error:
        refused = ((str(item["loc"][0]).replace("_", "-"), item["input"], item["msg"]) for item in error.errors())
        raise ConfigError("; ".join(f"--{option} {value}: {reason}" for option, value, reason in refused)) from None
    _store(generate(config), out, force)


@app.command()
def info(uri: Annotated[str, typer.Argument(metavar="URI", help="A prepared data set.")]) -> None:
    """Show what a prepared data set holds, and check that it is whole."""
    from gaintrace.data.dataset import load_dataset

    _show(load_dataset(uri).info)


@app.command()
def export(
    uri: Annotated[str, typer.Argument(metavar="URI", help="A prepared data set.")],
    out: Annotated[Path, typer.Option("--out", help="Folder that gets the files.")],
    format: Annotated[Literal["pykt"], typer.Option("--format", help="pykt: train_valid.csv and test.csv.")] = "pykt",
) -> None:
    """Write a prepared data set in another toolkit's format."""
    from gaintrace.data.dataset import load_dataset
    from gaintrace.data.export import export_pykt

    for path in export_pykt(load_dataset(uri), out):
        print(path)


def _store(dataset: "Dataset", out: str, force: bool) -> None:
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
        try:
            load_dataset(out)
            print(f"{out} holds this data set already")
        except DataError as damage:
            # Its own dataset.json says that the same belongs here, so nothing is lost by writing it again.
            print(f"Written again: {damage}")
            save_dataset(dataset, store)
    else:
        save_dataset(dataset, store)
    _show(dataset.info)
    print(f"\nNext: gaintrace sweep phase2 --data {shlex.quote(out)}")


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
    _line("made of", sources or ["simulation"])
    if info.rows_read is not None:
        _line("rows read", [f"{info.rows_read:,}"])
    _line("rows dropped", [f"{count:,} {reason}" for reason, count in info.dropped.items()])
    _line("note", info.notes)


def _line(label: str, texts: list[str]) -> None:
    for position, text in enumerate(texts):
        print(f"{'' if position else label:>14}  {text}")
