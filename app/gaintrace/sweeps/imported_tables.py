"""Tables of other people's metrics, read cell by cell: what is no number, no AUC or there twice is named by place."""

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gaintrace.errors import DataError

NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?", re.ASCII)
WHOLE = re.compile(r"[-+]?[0-9]{1,15}", re.ASCII)
NOT_FINITE = re.compile(r"[-+]?(inf|infinity|nan)", re.IGNORECASE)
LAST_EPOCH = 10_000


@dataclass(frozen=True)
class NumberTable:
    """Rows of a CSV file as finite numbers, and the line of the file that each row is in."""

    path: Path
    frame: pd.DataFrame
    lines: list[int]

    def wrong(self, row: int, what: str) -> DataError:
        """An error about a row."""
        return DataError(f"{self.path}: line {self.lines[row]}: {what}")

    def rows(self, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """The values of some columns, row by row, as Python's numbers."""
        return list(zip(*(self.frame[column].tolist() for column in columns), strict=True))


def read_numbers(path: Path, columns: Sequence[str], optional: Sequence[str] | None = None) -> NumberTable:
    """Columns of a CSV file that hold finite numbers: the named ones, and of the optional ones those that are there.

    Without `optional` that is every other column. Raises DataError with file, line and column.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}: line {line}: not UTF-8 ({error.reason}); save it as CSV in UTF-8") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows, lines = [], []
    try:
        header = [name.strip() for name in next(reader, [])]
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num}: not a well-formed table: {error}") from None
    others = header if optional is None else [name for name in optional if name in header]
    wanted = [*(name for name in others if name not in columns), *columns]
    for name in wanted:
        if name not in header:
            raise DataError(f"{path}: line 1: no column {name}")
        if not name or header.count(name) > 1:
            raise DataError(f"{path}: line 1: " + (f"column {name} twice" if name else "a column has no name"))
    if not rows:
        raise DataError(f"{path}: the table has a header and no rows")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(header):
            raise DataError(f"{path}: line {line}: {len(row)} values for {len(header)} columns")
    frame = {name: _numbers(path, name, [row[header.index(name)] for row in rows], lines) for name in wanted}
    return NumberTable(path, pd.DataFrame(frame), lines)


def check_aucs(table: NumberTable, columns: Sequence[str]) -> None:
    """Raises DataError where a value is no AUC."""
    for column in columns:
        for row, value in enumerate(table.frame[column].tolist()):
            if not 0 <= value <= 1:
                hint = "; if it is per cent, divide by 100" if 2 <= value <= 100 else ""
                raise table.wrong(row, f"{column} is {float(value)!r}, not between 0 and 1{hint}")


def check_distinct(table: NumberTable, columns: Sequence[str]) -> None:
    """Raises DataError where two rows have the same values."""
    first: dict[tuple[Any, ...], int] = {}
    for row, values in enumerate(table.rows(columns)):
        if values in first:
            raise table.wrong(row, f"{named(columns, values)} twice, first in line {table.lines[first[values]]}")
        first[values] = row


def check_epochs(table: NumberTable, columns: Sequence[str]) -> None:
    """Raises DataError where the epochs of a configuration, which `columns` name, do not count up."""
    last: dict[tuple[Any, ...], tuple[Any, int]] = {}
    for row, (values, epoch) in enumerate(zip(table.rows(columns), table.frame["epoch"].tolist(), strict=True)):
        if epoch != int(epoch) or not 0 <= epoch <= LAST_EPOCH:
            raise table.wrong(row, f"epoch is {epoch:g}, not a whole number from 0 to {LAST_EPOCH}")
        before, line = last.get(values, (-1, 0))
        if epoch <= before:
            of = f"epoch {epoch:g} of {named(columns, values)}"
            how = "twice, first" if epoch == before else f"after epoch {before:g}, which is"
            raise table.wrong(row, f"{of} {how} in line {line}; column epoch must count up")
        last[values] = (epoch, table.lines[row])


def named(columns: Sequence[str], values: Sequence[Any]) -> str:
    """A configuration by its columns and values."""
    return ", ".join(f"{column} {value}" for column, value in zip(columns, values, strict=True))


def _numbers(path: Path, column: str, cells: Sequence[str], lines: Sequence[int]) -> list[Any]:
    texts = [cell.strip() for cell in cells]
    for text, line in zip(texts, lines, strict=True):
        if not NUMBER.fullmatch(text) or not math.isfinite(float(text)):
            finite = " finite" if NUMBER.fullmatch(text) or NOT_FINITE.fullmatch(text) else ""
            raise DataError(f"{path}: line {line}: {column} is {text!r}, not a{finite} number")
    return [(int if all(map(WHOLE.fullmatch, texts)) else float)(text) for text in texts]
