"""A delimited text file that may not be what it claims: a bad cell costs its own row, and every row lost is counted."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from operator import itemgetter
from pathlib import Path

import numpy as np
import pandas as pd

from gaintrace.data.readers.files import check_start
from gaintrace.data.readers.ids import same_ids
from gaintrace.data.readers.records import ENCODINGS, FOREIGN, Records, clean, decoded, encoding_of
from gaintrace.errors import DataError

DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
EXAMPLES = 3
MISSING = frozenset(
    {"", "NA", "N/A", "n/a", "<NA>", "#NA", "#N/A", "#N/A N/A", "NULL", "null", "None", "NaN", "nan", "-NaN", "-nan"}
    | {"1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"}
)
"""What programs write where a value is missing; pandas' list."""

NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\udc80-\udcff]")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
Row = tuple[str, ...]
PIECE = 100_000
"""Rows."""

FILE = 2**32
"""Lines of a file in a folder's index: line 7 of file 2 is 2 · FILE + 7."""


PUBLISHED: dict[str, tuple[tuple[str, ...], str]] = {}
"""By data set: the columns that identify its file, and what its publisher calls it. The package puts them here, where
every reader can see whose file it was given."""


@dataclass
class Table:
    """Rows of a file, cells as strings without the space around them, indexed by their line in the file.

    `dropped`: the lines of the rows left out, by reason. `notes` say what else a reader of the numbers should know.
    `student`: the column that names students; `unusable`: of how many answers that cannot be used each is, by reason.
    `unit`: what the index counts. Where the table is a folder, `files` are its files, and the index counts
    `FILE` lines of each.
    """

    path: Path
    frame: pd.DataFrame
    rows_read: int
    notes: list[str] = field(default_factory=list)
    dropped: dict[str, list[int]] = field(default_factory=dict)
    student: str | None = None
    unusable: dict[str, Counter[str]] = field(default_factory=dict)
    unit: str = "line"
    files: list[Path] = field(default_factory=list)

    def places(self, lines: list[int]) -> str:
        """The first of some rows, for a person."""
        if not self.files:
            return places(lines, self.unit)
        found = (divmod(line, FILE) for line in sorted(lines)[:EXAMPLES])
        shown = ", ".join(f"{self.files[file].name} line {line}" for file, line in found)
        return shown + (", …" if len(lines) > EXAMPLES else "")

    def drop(self, lines: Iterable[int], reason: str) -> None:
        """Count rows as left out. Taking them out of the frame is the caller's."""
        lost = list(lines)
        if lost:
            self.dropped.setdefault(reason, []).extend(lost)

    def keep(self, mask: "pd.Series[bool]", reason: str) -> None:
        """Keep the rows of a mask; count the others under a reason."""
        self.drop(self.frame.index[~mask], reason)
        if self.student is not None and not mask.all():
            self.unusable.setdefault(reason, Counter()).update(self.frame[self.student][~mask].dropna())
        self.frame = self.frame[mask]

    def ids(self, *columns: str, joints: str = "") -> None:
        """One way of writing for what a column names; see `same_ids`."""
        for column in columns:
            values, notes = same_ids(self.frame[column], joints)
            self.frame = self.frame.assign(**{column: values})
            self.notes += notes

    def require(self, columns: Iterable[str]) -> None:
        """Drop rows that lack a value in one of the columns."""
        for column in columns:
            self.keep(self.frame[column].notna(), f"missing {column}")

    def numeric(self, column: str) -> None:
        """Turn a column into numbers that compare as the written ones do, exactly; drop rows where it is none.

        Whole numbers are themselves if all are and fit; else each is replaced by its rank.
        """
        values = self.frame[column]
        if values.str.fullmatch("[+-]?[0-9]{1,18}").all():
            self.frame = self.frame.assign(**{column: values.astype("int64")})
            return
        exact = {text: Decimal(text) for text in values.unique() if NUMBER.fullmatch(text)}
        rank = {number: place for place, number in enumerate(sorted(set(exact.values())))}
        ranks = values.map({text: rank[number] for text, number in exact.items()})
        self.keep(ranks.notna(), f"{column} is not a number")
        self.frame = self.frame.assign(**{column: ranks.dropna().astype("int64")})

    def binary(self, column: str) -> None:
        """Drop rows whose response is neither 0 nor 1."""
        numbers = pd.to_numeric(self.frame[column], errors="coerce")
        self.frame = self.frame.assign(**{column: numbers})
        self.keep(numbers.isin([0, 1]), f"{column} is neither 0 nor 1")

    def unique(self, columns: list[str]) -> None:
        """Drop repetitions of a row that should stand once."""
        again = self.frame.duplicated(columns)
        self.drop(self.frame.index[again], f"duplicate {', '.join(columns)}")
        self.frame = self.frame[~again]


def places(lines: list[int], unit: str = "line") -> str:
    """The first of some lines, for a person."""
    shown = ", ".join(map(str, sorted(lines)[:EXAMPLES]))
    return f"{unit}{'s' if len(lines) > 1 else ''} {shown}" + (", …" if len(lines) > EXAMPLES else "")


def read_table(
    path: Path,
    columns: Iterable[str],
    separator: str = ",",
    optional: Iterable[str] = (),
    quoted: bool | None = None,
) -> Table:
    """The named columns of a delimited text file, plain, .gz or .zip, as strings; of the optional ones, those it has.

    `quoted`: whether a quotation mark opens a cell; by default, where the separator is no tab. Raises DataError naming
    the file, the place, what was expected and what to do.
    """
    wanted = list(columns)
    encoding = check_start(path, f"a table with columns {', '.join(wanted)}")
    records = Records(path, separator, quoted)
    wanted += (name for name in optional if name in records.header)
    where = places_of(records, wanted, [name for name in wanted if name not in optional])
    lost = defaultdict[str, list[int]](list)
    cells = Cells(wanted)
    pick = itemgetter(*where)
    for line, row in records.rows(where, lost):
        cells.add(line, pick(row))
    frame, unreadable, read_as = cells.frame()
    notes = [f"{path.name} is not UTF-8; read as {read_as}"] if read_as else []
    notes += [] if encoding.startswith("utf-8") else [f"{path.name} is read as {encoding.upper()}, as it begins"]
    table = Table(path, frame, len(frame) + sum(map(len, lost.values())), notes, dict(lost))
    table.keep(pd.Series(~unreadable, frame.index), "not readable as text")
    return table


def texts(cells: Iterable[str | None]) -> "pd.Series[str]":
    """Cells without the space around them, missing where programs write so."""
    values = pd.Series(cells, dtype="str").str.strip()
    return values.mask(values.isin(MISSING))


class Cells:
    """Cells of a table, packed piece by piece: a million rows of Python strings would need ten times the memory."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.packed: list[pd.DataFrame] = []
        self.rows: list[Row] = []
        self.lines: list[int] = []
        self.odd: dict[int, Row] = {}  # by place: rows that hold what is no text
        self.utf8 = False  # whether some cell shows that the file is

    def add(self, line: int, row: Row) -> None:
        joined = "".join(row)
        if NO_TEXT.search(joined):
            self.odd[len(self.lines)] = row
            self.utf8 |= any(not cell.isascii() and not FOREIGN.search(cell) for cell in row)
            row = ("",) * len(row)
        elif not self.utf8 and not joined.isascii():
            self.utf8 = True
        self.rows.append(row)
        self.lines.append(line)
        if len(self.rows) == PIECE:
            self._pack()

    def frame(self) -> "tuple[pd.DataFrame, np.ndarray[tuple[int], np.dtype[np.bool_]], str]":
        """The cells by line, which rows are unreadable, and what the cells that are not UTF-8 were read as.

        The published ASSISTments files carry names in Latin-1. In a file of UTF-8 such a cell is damage.
        """
        self._pack()
        frame = pd.concat(self.packed, ignore_index=True)
        foreign = [row for row in self.odd.values() if FOREIGN.search("".join(row))]
        read_as = "" if self.utf8 or not foreign else encoding_of("".join(map("".join, foreign)))
        if read_as:
            self.odd = {place: tuple(decoded(cell, read_as) for cell in row) for place, row in self.odd.items()}
            read = {place: row for place, row in self.odd.items() if not NO_TEXT.search("".join(row))}
            for column in range(len(self.names) if read else 0):
                frame.iloc[list(read), column] = texts(row[column] for row in read.values()).to_numpy()
            self.odd = {place: row for place, row in self.odd.items() if place not in read}
        unreadable = np.full(len(frame), False)
        unreadable[list(self.odd)] = True
        return frame.set_axis(pd.Index(self.lines, dtype="int64")), unreadable, ENCODINGS.get(read_as, "")

    def _pack(self) -> None:
        columns = zip(*self.rows, strict=True) if self.rows else ([] for _ in self.names)
        self.packed.append(pd.DataFrame(dict(zip(self.names, map(texts, columns), strict=True))))
        self.rows = []


def places_of(records: Records, wanted: list[str], required: list[str]) -> list[int]:
    """Where the wanted columns are."""
    found = records.header
    missing = [name for name in required if name not in found]
    if missing:
        shown = ", ".join(found[:8]) + (", …" if len(found) > 8 else "")
        shown = "".join(c if c.isprintable() else "?" for c in shown)[:200]
        raise DataError(
            f"{records.path}: line 1: no column {', '.join(missing)}; "
            f"expected {', '.join(required)} separated by {DELIMITERS[records.separator]}, "
            f"found {shown or 'an empty line'}. "
            f"{_advice(records.lines.taken[-1], required, records.separator)}"
        )
    twice = [name for name in wanted if found.count(name) > 1]
    if twice:
        raise DataError(f"{records.path}: line 1: more than one column {', '.join(twice)}. Delete all but one")
    return [found.index(name) for name in wanted]


def _advice(header: str, columns: list[str], separator: str) -> str:
    """What to do about a file that lacks a column."""
    for other, kind in DELIMITERS.items():
        names = {clean(name) for name in header.split(other)}
        if names.issuperset(columns):
            return f"Its columns are separated by {kind}: save it with {DELIMITERS[separator]}"
        for name, (known, _) in PUBLISHED.items():
            if names.issuperset(known):
                return f"It looks like {name}: `gaintrace data prepare {name} …`"
    for name, (known, called) in PUBLISHED.items():
        if list(known) == columns:
            return f"The publisher's file for {name} is {called}"
    return "Check that it is the right file"
