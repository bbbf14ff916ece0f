"""A delimited text file that may not be what it claims: a bad cell costs its own row, and every row lost is counted."""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Literal, Self

import numpy as np
import pandas as pd

from gaintrace.data.readers.files import check_start, text_lines
from gaintrace.data.readers.ids import same_ids
from gaintrace.errors import DataError

DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons"}
LONGEST_CELL = 2**31 - 1
"""Characters. A student's whole history is one cell of pyKT's files."""

EXAMPLES = 3
END = "\0end\n"
"""Follows the last line of a file, to tell a quotation mark that is never closed."""

MISSING = frozenset(
    {"", "NA", "N/A", "n/a", "<NA>", "#NA", "#N/A", "#N/A N/A", "NULL", "null", "None", "NaN", "nan", "-NaN", "-nan"}
    | {"1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"}
)
"""What programs write where a value is missing; pandas' list."""

NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\udc80-\udcff]")
NO_UTF8 = re.compile(r"[\udc80-\udcff]")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
Row = tuple[str, ...]


PUBLISHED: dict[str, tuple[tuple[str, ...], str]] = {}
"""By data set: the columns that identify its file, and what its publisher calls it. The package puts them here, where
every reader can see whose file it was given."""


@dataclass
class Table:
    """Rows of a file, cells as strings without the space around them, indexed by their line in the file.

    `dropped`: the lines of the rows left out, by reason. `notes` say what else a reader of the numbers should know.
    `student`: the column that names students; `unusable`: of how many answers that cannot be used each is, by reason.
    """

    path: Path
    frame: pd.DataFrame
    rows_read: int
    notes: list[str] = field(default_factory=list)
    dropped: dict[str, list[int]] = field(default_factory=dict)
    student: str | None = None
    unusable: dict[str, Counter[str]] = field(default_factory=dict)

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


def places(lines: list[int]) -> str:
    """The first of some lines, for a person."""
    shown = ", ".join(map(str, sorted(lines)[:EXAMPLES]))
    return f"line{'s' if len(lines) > 1 else ''} {shown}" + (", …" if len(lines) > EXAMPLES else "")


def read_table(path: Path, columns: Iterable[str], separator: str = ",", optional: Iterable[str] = ()) -> Table:
    """The named columns of a delimited text file, plain, .gz or .zip, as strings; of the optional ones, those it has.

    Raises DataError naming the file, the place, what was expected and what to do.
    """
    wanted = list(columns)
    check_start(path, f"a table with columns {', '.join(wanted)}")
    records = _Records(path, separator)
    wanted += (name for name in optional if name in records.header)
    where = _columns(records, wanted, [name for name in wanted if name not in optional])
    rows: list[Row] = []
    lines: list[int] = []
    lost = defaultdict[str, list[int]](list)
    no_text = []
    pick = itemgetter(*where)
    for line, cells in records.rows(where, lost):
        row = pick(cells)
        if NO_TEXT.search("".join(row)):
            no_text.append(len(rows))
        rows.append(row)
        lines.append(line)
    notes = [f"{path.name} is not UTF-8; read as Latin-1"] if _decode(rows, no_text) else []
    readable = np.full(len(rows), True)
    for place in no_text:
        if NO_TEXT.search("".join(rows[place])):
            readable[place] = False
            rows[place] = ("",) * len(wanted)
    columns_read = zip(*rows, strict=True) if rows else ([] for _ in wanted)
    frame = pd.DataFrame({name: _texts(cells) for name, cells in zip(wanted, columns_read, strict=True)})
    frame = frame.set_axis(pd.Index(lines, dtype="int64"))
    table = Table(path, frame, len(rows) + sum(map(len, lost.values())), notes, dict(lost))
    table.keep(pd.Series(readable, frame.index), "not readable as text")
    return table


def _texts(cells: Iterable[str]) -> "pd.Series[str]":
    values = pd.Series(cells, dtype="str").str.strip()
    return values.mask(values.isin(MISSING))


def _decode(rows: list[Row], no_text: list[int]) -> bool:
    """Read the cells that are not UTF-8 as Latin-1, unless others show that the file is UTF-8. Whether it did.

    The published ASSISTments files carry names in Latin-1. In a file of UTF-8 such a cell is damage.
    """
    foreign = [place for place in no_text if NO_UTF8.search("".join(rows[place]))]
    if not foreign or any(not cell.isascii() and not NO_UTF8.search(cell) for row in rows for cell in row):
        return False
    for place in foreign:
        rows[place] = tuple(cell.encode("utf-8", "surrogateescape").decode("latin-1") for cell in rows[place])
    return True


class _Lines:
    """Lines of a file, with a way back."""

    def __init__(self, path: Path) -> None:
        self.rest = text_lines(path)
        self.ahead: list[str] = []  # lines to be read again, the next one last
        self.taken: list[str] = []  # what was read since this was emptied
        self.number = 0
        self.ended = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self.ahead.pop() if self.ahead else next(self.rest, END)
        if line == END:
            if self.ended:
                raise StopIteration
            self.ended = True
        elif not line.endswith(("\n", "\r")):
            line += "\n"
        self.number += 1
        self.taken.append(line)
        return line

    def give_back(self) -> None:
        """Read all that was taken but the first line again."""
        self.ended = False
        self.number -= len(self.taken) - 1
        self.ahead += reversed(self.taken[1:])


class _Records:
    """The header and the rows of a file."""

    def __init__(self, path: Path, separator: str) -> None:
        self.path = path
        self.separator = separator
        self.lines = _Lines(path)
        csv.field_size_limit(LONGEST_CELL)
        # Tab-separated files come from databases that quote nothing: a quotation mark there is part of a name.
        quoting: Literal[0, 3] = csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL
        self.reader = csv.reader(self.lines, delimiter=separator, quoting=quoting, skipinitialspace=separator != "\t")
        names = next(self.reader, [])
        if END in self.lines.taken or any("\n" in name or "\r" in name for name in names):
            raise DataError(
                f"{path}: line 1: a quotation mark among the names of the columns is not closed. "
                "Check that it is the right file"
            )
        self.header = [_clean(name) for name in names]

    def rows(self, needed: list[int], lost: dict[str, list[int]]) -> Iterator[tuple[int, list[str]]]:
        """Line and cells of each row, as many as the header has; lines of rows that have no such cells go to `lost`."""
        width = len(self.header)
        taken = self.lines.taken
        taken.clear()
        for cells in self.reader:
            if len(taken) == 1 and len(cells) == width:
                yield self.lines.number, cells
                taken.clear()
                continue
            start = self.lines.number - len(taken) + 1
            extra = any(cell.strip() for cell in cells[width:])
            if len(taken) > 1 and (extra or self._swallowed(cells, needed)):
                # The lines below are rows of their own. Left to itself, csv would make all of them one cell.
                lost["unbalanced quotation mark"].append(start)
                self.lines.give_back()
            elif extra:
                lost["more cells than the header"].append(start)
            elif taken[0] != END and (len(cells) > 1 or any(cell.strip() for cell in cells)):
                yield start, cells + [""] * (width - len(cells))
            taken.clear()

    def _swallowed(self, cells: list[str], needed: list[int]) -> bool:
        """Whether a row of several lines is a quotation mark that opens by mistake, not a text of several lines."""
        width = len(self.header)
        if END in self.lines.taken or len(cells) < width or any("\n" in cells[i] or "\r" in cells[i] for i in needed):
            return True
        for place, cell in enumerate(cells[:width]):
            first, *others = (piece.count(self.separator) for piece in cell.split("\n"))
            # From the middle of one row to the same column of another, with as many cells between as rows have.
            if others and [first, *others] == [width - 1 - place, *[width - 1] * (len(others) - 1), place]:
                return True
        return False


def _columns(records: _Records, wanted: list[str], required: list[str]) -> list[int]:
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


def _clean(name: str) -> str:
    """A column's name without byte order mark, space and quotation marks."""
    return name.lstrip("\ufeff").strip().strip('"').strip()


def _advice(header: str, columns: list[str], separator: str) -> str:
    """What to do about a file that lacks a column."""
    for other, kind in DELIMITERS.items():
        names = {_clean(name) for name in header.split(other)}
        if names.issuperset(columns):
            return f"Its columns are separated by {kind}: save it with {DELIMITERS[separator]}"
        for name, (known, _) in PUBLISHED.items():
            if names.issuperset(known):
                return f"It looks like {name}: `gaintrace data prepare {name} …`"
    for name, (known, called) in PUBLISHED.items():
        if list(known) == columns:
            return f"The publisher's file for {name} is {called}"
    return "Check that it is the right file"
