"""A delimited text file that may not be what it claims: a bad cell costs its own row, and every row lost is counted."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pandas.api.types import is_integer_dtype
from pyarrow import compute

from gaintrace.data.readers.blocks import read_cells
from gaintrace.data.readers.cells import Cells, by_text, categorical
from gaintrace.data.readers.files import check_start
from gaintrace.data.readers.ids import same_ids
from gaintrace.data.readers.records import Records, clean
from gaintrace.errors import DataError

DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
EXAMPLES = 3
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")

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
        if mask.all():
            return
        self.drop(self.frame.index[~mask], reason)
        if self.student is not None:
            self.unusable.setdefault(reason, Counter()).update(self.frame[self.student][~mask].dropna())
        self.frame = self.frame[mask]

    def ids(self, *columns: str, joints: str = "") -> None:
        """One way of writing for what a column names; see `same_ids`."""
        for column in columns:
            values = self.frame[column]
            values, notes = same_ids(categorical(values) if is_integer_dtype(values) else values, joints)
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
        if is_integer_dtype(values):
            return
        if by_text(values, lambda texts: texts.str.fullmatch("[+-]?[0-9]{1,18}")).all():
            self.frame = self.frame.assign(**{column: by_text(values, whole_numbers)})
            return
        exact = {text: Decimal(text) for text in values.unique() if NUMBER.fullmatch(text)}
        rank = {number: place for place, number in enumerate(sorted(set(exact.values())))}
        found = {text: rank[number] for text, number in exact.items()}
        ranks = by_text(values, lambda texts: texts.map(found))
        self.keep(ranks.notna(), f"{column} is not a number")
        self.frame = self.frame.assign(**{column: ranks.dropna().astype("int64")})

    def binary(self, column: str) -> None:
        """Drop rows whose response is neither 0 nor 1."""
        numbers = by_text(self.frame[column], lambda texts: pd.to_numeric(texts, errors="coerce"))
        self.frame = self.frame.assign(**{column: numbers})
        self.keep(numbers.isin([0, 1]), f"{column} is neither 0 nor 1")
        self.frame = self.frame.assign(**{column: self.frame[column].astype("int8")})

    def unique(self, columns: list[str]) -> None:
        """Drop repetitions of a row that should stand once."""
        if any(self.frame[column].is_unique for column in columns if self.frame[column].dtype == "int64"):
            return
        again = self.frame.duplicated(columns)
        self.drop(self.frame.index[again], f"duplicate {', '.join(columns)}")
        self.frame = self.frame[~again]


def whole_numbers(texts: "pd.Series[str]") -> "pd.Series[int]":
    """Texts of digits, maybe signed, as numbers."""
    try:
        return pd.Series(compute.cast(pa.array(texts), pa.int64()).to_numpy(), texts.index, name=texts.name)
    except pa.ArrowInvalid:  # a plus sign
        return texts.astype("int64")


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
    packed: bool = False,
) -> Table:
    """The named columns of a delimited text file, plain, .gz or .zip, as strings; of the optional ones, those it has.

    `quoted`: whether a quotation mark opens a cell; by default, where the separator is no tab. `packed`: columns whose
    texts come often are categories, others of whole numbers are numbers. Raises DataError naming the file, the place,
    what was expected and what to do.
    """
    wanted = list(columns)
    encoding = check_start(path, f"a table with columns {', '.join(wanted)}")
    records = Records(path, separator, quoted)
    wanted += (name for name in optional if name in records.header)
    where = places_of(records, wanted, [name for name in wanted if name not in optional])
    lost = defaultdict[str, list[int]](list)
    cells = Cells(wanted)
    read_cells(records, where, cells, lost)
    frame, unreadable, read_as = cells.frame(packed)
    notes = [f"{path.name} is not UTF-8; read as {read_as}"] if read_as else []
    notes += [] if encoding.startswith("utf-8") else [f"{path.name} is read as {encoding.upper()}, as it begins"]
    table = Table(path, frame, len(frame) + sum(map(len, lost.values())), notes, dict(lost))
    table.keep(pd.Series(~unreadable, frame.index), "not readable as text")
    return table


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
            f"{_advice(records.first_line, required, records.separator)}"
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
