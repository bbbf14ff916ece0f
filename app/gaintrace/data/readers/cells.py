"""Cells of a table in little memory: most columns hold the same few texts again and again, and each is kept once."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute

from gaintrace.data.readers.records import ENCODINGS, FOREIGN, decoded, encoding_of

MISSING = frozenset(
    {"", "NA", "N/A", "n/a", "<NA>", "#NA", "#N/A", "#N/A N/A", "NULL", "null", "None", "NaN", "nan", "-NaN", "-nan"}
    | {"1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"}
)
"""What programs write where a value is missing; pandas' list."""

NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\udc80-\udcff]")
PIECE = 100_000
"""Rows that are packed together."""
WHOLE = "^(0|[1-9][0-9]{0,17})$"
"""Texts that a number is written back as, in 64 bits."""
OFTEN = 2
"""How often a column's texts come, on average, where each is kept once."""

Row = tuple[str, ...]
Numbers = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


def texts(cells: Iterable[str | None]) -> "pd.Series[str]":
    """Cells without the space around them, missing where programs write so."""
    values = pd.Series(cells, dtype="str").str.strip()
    return values.mask(values.isin(MISSING))


class Cells:
    """Cells of a table, row by row or many rows at once.

    Of a row that holds what is no text, the cells are kept apart until all are known.
    """

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.columns = [_Column() for _ in names]
        self.lines: list[Numbers] = []
        self.packed = 0
        self.rows: list[Row] = []
        self.rows_lines: list[int] = []
        self.odd: dict[int, Row] = {}  # by place
        self.utf8 = False  # whether some cell shows that the file is

    def add(self, line: int, row: Row) -> None:
        """The cells of one row, text or not."""
        joined = "".join(row)
        if NO_TEXT.search(joined):
            self.odd[self.packed + len(self.rows)] = row
            self.utf8 |= any(not cell.isascii() and not FOREIGN.search(cell) for cell in row)
            row = ("",) * len(row)
        elif not self.utf8 and not joined.isascii():
            self.utf8 = True
        self.rows.append(row)
        self.rows_lines.append(line)
        if len(self.rows) == PIECE:
            self._pack()

    def add_many(self, first_line: int, columns: list["pa.Array[pa.StringScalar]"], ascii: bool) -> None:
        """Rows of consecutive lines, whose cells are text. `ascii`: whether all of them are plain ASCII."""
        self._pack()
        self.utf8 |= not ascii
        self._put(columns, np.arange(first_line, first_line + len(columns[0]), dtype=np.int64))

    def frame(self, packed: bool = False) -> tuple[pd.DataFrame, Mask, str]:
        """The cells by line, which rows are unreadable, and what the cells that are not UTF-8 were read as.

        The published ASSISTments files carry names in Latin-1. In a file of UTF-8 such a cell is damage. `packed`:
        columns whose texts come often are categories, and others of whole numbers are numbers.
        """
        self._pack()
        foreign = [row for row in self.odd.values() if FOREIGN.search("".join(row))]
        read_as = "" if self.utf8 or not foreign else encoding_of("".join(map("".join, foreign)))
        read: dict[int, Row] = {}
        if read_as:
            self.odd = {place: tuple(decoded(cell, read_as) for cell in row) for place, row in self.odd.items()}
            read = {place: row for place, row in self.odd.items() if not NO_TEXT.search("".join(row))}
        cells = {}
        for number, (name, column) in enumerate(zip(self.names, self.columns, strict=True)):
            cells[name] = column.values({place: row[number] for place, row in read.items()}, packed)
        unreadable = np.full(self.packed, False)
        unreadable[[place for place in self.odd if place not in read]] = True
        return pd.DataFrame(cells, copy=False).set_axis(self._index()), unreadable, ENCODINGS.get(read_as, "")

    def _index(self) -> pd.Index:
        """The lines of the rows; in a sound file each has a row, and they take no memory."""
        first, last = (int(self.lines[0][0]), int(self.lines[-1][-1])) if self.lines else (0, -1)
        if last - first + 1 == self.packed:
            return pd.RangeIndex(first, last + 1)
        return pd.Index(np.concatenate(self.lines))

    def _pack(self) -> None:
        if self.rows:
            columns = [pa.array(cells, pa.string()) for cells in zip(*self.rows, strict=True)]
            self._put(columns, np.array(self.rows_lines))
            self.rows, self.rows_lines = [], []

    def _put(self, columns: list["pa.Array[pa.StringScalar]"], lines: Numbers) -> None:
        for column, array in zip(self.columns, columns, strict=True):
            column.add(array)
        self.lines.append(lines)
        self.packed += len(lines)


class _Column:
    """Cells of one column: each text once and numbers that stand for it or, where texts hardly repeat, themselves.

    Of these, whole numbers in their plainest form are kept as numbers, in half the memory.
    """

    def __init__(self) -> None:
        self.pieces: list[pa.Array] = []
        self.repeats: bool | None = None
        self.whole = True

    def add(self, array: "pa.Array[pa.StringScalar]") -> None:
        if self.repeats is None:
            self.repeats = len(array.unique()) * OFTEN <= len(array)
        if self.repeats:
            self.pieces.append(array.dictionary_encode())
            return
        cells = pa.array(texts(array.to_pandas()))
        if self.whole and compute.all(compute.match_substring_regex(cells, WHOLE), skip_nulls=False).as_py():
            self.pieces.append(cells.cast(pa.int64()))
            return
        if self.whole:
            self.whole, self.pieces = False, [piece.cast(cells.type) for piece in self.pieces]
        self.pieces.append(cells)

    def values(self, instead: dict[int, str], packed: bool) -> "pd.Series[Any]":
        """All cells, some of them replaced. Gives up what is kept here."""
        pieces, self.pieces = self.pieces, []
        if not self.repeats:
            chunked = pa.chunked_array(pieces or [pa.array([], pa.string())])
            if packed and self.whole and pieces and not instead:
                return pd.Series(chunked.to_numpy())
            found = pd.Series(pd.array(chunked.cast(pa.large_string()), dtype="str"))
            found.iloc[list(instead)] = texts(instead.values()).to_numpy()
            return found
        chunked = pa.chunked_array(pieces).unify_dictionaries()
        numbers = np.concatenate([chunk.indices.to_numpy() for chunk in chunked.chunks])
        own = chunked.chunk(0).dictionary.to_pylist()
        numbers[list(instead)] = np.arange(len(own), len(own) + len(instead))
        number, names = pd.factorize(texts([*own, *instead.values()]))
        found = coded(number.astype(np.int32)[numbers], names)
        return found if packed else found.astype("str")


def coded(numbers: "np.ndarray[Any, np.dtype[Any]]", names: "pd.Index[str]") -> "pd.Series[str]":
    """Texts by their numbers in some names, −1 for a missing one, as categories."""
    categories = pd.Index(names, dtype="str")
    return pd.Series(pd.Categorical.from_codes(numbers.astype(np.int32), categories, validate=False))


def nothing(count: int) -> "pd.Series[str]":
    """So many missing texts."""
    return coded(np.full(count, -1, np.int32), pd.Index([], dtype="str"))


def numbered(values: "pd.Series[Any]") -> "tuple[np.ndarray[Any, np.dtype[np.int32]], pd.Index[str]]":
    """The number of each text in the order in which they first appear, −1 for a missing one, and the texts by number.

    As `pandas.factorize`, which would make an array of 64 bits a row beside a table of what it has seen.
    """
    cells = categorical(values)
    code, names = cells.cat.codes.to_numpy(), cells.cat.categories
    first = np.full(len(names) + 1, len(code))
    for begin in range(0, len(code), PIECE):
        part = code[begin : begin + PIECE]
        np.minimum.at(first, part, np.arange(begin, begin + len(part)))
    order = first[:-1].argsort(kind="stable")[: int((first[:-1] < len(code)).sum())]
    number = np.full(len(names) + 1, -1, np.int32)
    number[order] = np.arange(len(order))
    return number[code], names[order]


def by_text(values: "pd.Series[str]", found: Callable[["pd.Series[str]"], "pd.Series[Any]"]) -> "pd.Series[Any]":
    """What is found for each text of a column, which is looked for once a text where these are categories.

    `found`: gives a value, or a missing one, for each of some texts. Texts remain categories.
    """
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return found(values)
    used = values.cat.remove_unused_categories()
    answers = found(pd.Series(used.cat.categories, dtype="str"))
    numbers = used.cat.codes.to_numpy()
    if isinstance(answers.dtype, pd.StringDtype):
        number, kinds = pd.factorize(answers)
        new = coded(np.append(number, -1)[numbers], kinds)
    else:
        if (numbers < 0).any():
            answers = answers.reindex(range(len(answers) + 1))  # whose last is missing
        new = pd.Series(answers.to_numpy()[numbers])
    return _in_place_of(values, new)


def categorical(values: "pd.Series[str]") -> "pd.Series[str]":
    """Texts as categories, in the order in which they first appear."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values
    return _in_place_of(values, coded(*pd.factorize(values)))


def _in_place_of(values: "pd.Series[Any]", new: "pd.Series[Any]") -> "pd.Series[Any]":
    new.index, new.name = values.index, values.name
    return new
