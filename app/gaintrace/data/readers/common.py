"""What readers share: opening a table that may not be what it claims, and counting what is dropped."""

import csv
import gzip
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from gaintrace.errors import DataError

SNIFFED = 4096
# A password is a RuntimeError, a compression we lack a NotImplementedError, which is one too.
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, RuntimeError)
DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons"}


@dataclass
class Answers:
    """Answers in time order, a row for each answer and skill.

    `frame` columns: uid (string), answer (any value; the neighbouring rows of a student that share it are one answer),
    item (string or missing), skill (string), response (0 or 1) and, where the source has a split, fold.
    `dropped` counts rows of the files by reason; `notes` say what else a reader of the numbers should know.
    """

    frame: pd.DataFrame
    files: list[Path]
    rows_read: int
    dropped: dict[str, int]
    notes: list[str]


@dataclass(frozen=True)
class Reader:
    """How to read one data set. `columns` identify its files; `public_name` is what their publisher calls them."""

    columns: tuple[str, ...]
    public_name: str
    read: Callable[[list[Path]], Answers]


READERS: dict[str, Reader] = {}
"""Every reader by its data set's name: the package puts them here, where all can see whose file they were given."""


@dataclass
class Table:
    """Raw rows of a file as strings, and a count of those dropped for each reason."""

    path: Path
    frame: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows_read = len(self.frame)

    def answers(self, frame: pd.DataFrame) -> Answers:
        """Answers made of what is left of the rows."""
        return Answers(frame, [self.path], self.rows_read, self.dropped, self.notes)

    def keep(self, mask: "pd.Series[bool]", reason: str) -> None:
        """Keep the rows of a mask; count the others under a reason."""
        lost = int((~mask).sum())
        if lost:
            self.dropped[reason] = self.dropped.get(reason, 0) + lost
            self.frame = self.frame[mask]

    def require(self, columns: Iterable[str]) -> None:
        """Drop rows that lack a value in one of the columns. Space around a value is no part of it."""
        for column in columns:
            values = self.frame[column].str.strip()
            self.frame = self.frame.assign(**{column: values})
            self.keep(values.notna() & (values != ""), f"missing {column}")

    def numeric(self, column: str) -> None:
        """Turn a column into numbers; drop rows where it is none."""
        numbers = pd.to_numeric(self.frame[column], errors="coerce")
        self.frame = self.frame.assign(**{column: numbers})
        self.keep(numbers.notna() & np.isfinite(numbers), f"{column} is not a number")

    def binary(self, column: str) -> None:
        """Drop rows whose response is neither 0 nor 1."""
        numbers = pd.to_numeric(self.frame[column], errors="coerce")
        self.frame = self.frame.assign(**{column: numbers})
        self.keep(numbers.isin([0, 1]), f"{column} is neither 0 nor 1")

    def unique(self, columns: list[str]) -> None:
        """Drop repetitions of a row that should stand once."""
        self.keep(~self.frame.duplicated(columns), f"duplicate {', '.join(columns)}")


def read_table(path: Path, columns: Iterable[str], separator: str = ",", optional: Iterable[str] = ()) -> Table:
    """The named columns of a delimited text file, plain, .gz or .zip, as strings; of the optional ones, those it has.

    Raises DataError naming the file, the place, what was expected and what to do.
    """
    wanted = list(columns)
    _check_start(path, wanted, separator)
    wanted += optional
    try:
        return Table(path, _parse(path, wanted, separator, "utf-8"))
    except UnicodeDecodeError:
        # The published ASSISTments files carry names in Latin-1; what we read of them is ASCII either way.
        return Table(path, _parse(path, wanted, separator, "latin-1"), [f"{path.name} is not UTF-8; read as Latin-1"])


def _parse(path: Path, columns: list[str], separator: str, encoding: str) -> pd.DataFrame:
    # Tab-separated files come from databases that quote nothing: a quotation mark there is part of a name.
    quoting: Literal[0, 3] = csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL

    def named(column: str) -> bool:
        return _clean(column) in columns

    try:
        return pd.read_csv(
            path,
            sep=separator,
            usecols=named,
            index_col=False,  # a delimiter at the end of every row makes no index of the first column
            dtype=str,
            encoding=encoding,
            quoting=quoting,
        ).rename(columns=_clean)
    except UnicodeDecodeError:
        raise
    except pd.errors.ParserError as error:
        reason = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise DataError(f"{path}: not a well-formed table: {reason}. Download the file again") from None
    except DAMAGED as error:
        raise DataError(f"{path}: the archive is damaged or cut short ({error}). Download the file again") from None


def _clean(name: str) -> str:
    """A column's name without byte order mark (in UTF-8, or that read as Latin-1), space and quotation marks."""
    return name.lstrip("\ufeffï»¿").strip().strip('"')


def _check_start(path: Path, columns: list[str], separator: str) -> None:
    start = _first_bytes(path)
    if not start.strip():
        raise DataError(
            f"{path}: the file is empty; expected a table with columns {', '.join(columns)}. Download the file again"
        )
    if b"\0" in start:
        raise DataError(
            f"{path}: a binary file; expected text with columns {', '.join(columns)}. "
            "Compressed files must be named .gz or .zip; save a spreadsheet as CSV"
        )
    line = start.decode("latin-1").splitlines()[0]
    if _clean(line).lower().startswith(("<!doctype", "<html", "<?xml")):
        raise DataError(
            f"{path}: a web page, not the data; expected a table with columns {', '.join(columns)}. "
            "Open the page in a browser and download the file it links to"
        )
    found = _names(line, separator)
    missing = [name for name in columns if name not in found]
    if missing:
        shown = ", ".join(found[:8]) + (", …" if len(found) > 8 else "")
        raise DataError(
            f"{path}: line 1: no column {', '.join(missing)}; expected {', '.join(columns)} separated by "
            f"{DELIMITERS[separator]}, found {shown[:200] or 'an empty line'}. {_advice(line, columns, separator)}"
        )


def _names(header: str, separator: str) -> list[str]:
    return [_clean(name) for name in header.split(separator)]


def _advice(header: str, columns: list[str], separator: str) -> str:
    """What to do about a file that lacks a column."""
    for other, kind in DELIMITERS.items():
        names = _names(header, other)
        if set(names).issuperset(columns):
            return f"Its columns are separated by {kind}: save it with {DELIMITERS[separator]}"
        for name, reader in READERS.items():
            if set(names).issuperset(reader.columns):
                return f"It looks like {name}: `gaintrace data prepare {name} …`"
    for name, reader in READERS.items():
        if list(reader.columns) == columns:
            return f"The publisher's file for {name} is {reader.public_name}"
    return "Check that it is the right file"


def _first_bytes(path: Path) -> bytes:
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
                if len(names) != 1:
                    raise DataError(f"{path}: holds {len(names)} files; unpack it and give the data file itself")
                with archive.open(names[0]) as member:
                    return member.read(SNIFFED)
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rb") as file:
            start: bytes = file.read(SNIFFED)
            return start
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise DataError(f"{path}: a folder; give the data file itself") from None
    except DAMAGED as error:
        raise DataError(f"{path}: not a readable {path.suffix} file ({error}). Download the file again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def single(paths: list[Path], name: str) -> Path:
    """The one raw file of a data set that has one."""
    if len(paths) != 1:
        raise DataError(f"{name} is made of one raw file; {len(paths)} were given")
    return paths[0]


def in_time_order(frame: pd.DataFrame, student: str, time: str) -> pd.DataFrame:
    """Students in order of first appearance, each one's rows sorted by time; ties keep the file's order."""
    first = frame.groupby(student, sort=False).ngroup()
    return (
        frame.assign(_student=first)
        .sort_values(["_student", time], kind="stable", ignore_index=True)
        .drop(columns="_student")
    )


def number_answers(frame: pd.DataFrame) -> "pd.Series[int]":
    """A number for each answer, in files that have a row for each skill of it. `frame` is in time order.

    The rows of an answer stand together, with one student (uid), item and response and no skill twice, so a new one
    begins where any of the three changes or a skill comes again.
    """
    same = ["uid", "item", "response"]
    run = (frame[same] != frame[same].shift()).any(axis=1).cumsum()
    # Inside a run, the n-th time of a skill belongs to the n-th answer.
    repetition = frame.groupby([run, frame["skill"]]).cumcount()
    return (repetition != repetition.shift()).astype(int).where(run == run.shift(), 1).cumsum()
