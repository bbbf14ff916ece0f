"""Any table of answers, a row each: a delimited text file, a Parquet file or a DataFrame, and which column is what.

A student's answers are in the order of `time`, then of `order`, then of the rows; without the two, of the rows alone.
An answer that needs several skills has them in one cell, joined by `skill_separator`, or a row for each: where there
are items, and times or an order, rows with one of each, one student, one response and no skill twice are one answer.
"""

import csv
import re
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from gaintrace.data.readers.answers import Answers, answer_starts, in_time_order, one_row_a_skill, set_skills
from gaintrace.data.readers.cells import by_text, categorical, nothing
from gaintrace.data.readers.common import DELIMITERS, Table, read_table
from gaintrace.data.readers.files import blocks, check_start
from gaintrace.data.readers.frames import frame_table, parquet_columns, parquet_table
from gaintrace.data.readers.records import FOREIGN, clean, decoded, encoding_of, texts_of
from gaintrace.data.readers.times import in_order
from gaintrace.errors import ConfigError, DataError, did_you_mean

RIGHT = frozenset({"true", "t", "yes", "y", "right", "correct"})
WRONG = frozenset({"false", "f", "no", "n", "wrong", "incorrect"})
ZERO_OR_ONE = re.compile(r"[+-]?0*([01])(?:[.,]0*)?(?:[eE][+-]?0+)?")
PARQUET = (".parquet", ".pq")
MOST = 30
"""Columns of a table that are listed."""

TOO_MANY = 0.5
"""Share of cells that say neither right nor wrong at which the column is not what it is taken for."""


@dataclass(frozen=True)
class Columns:
    """Which column of a table is what.

    `correct`: whether the answer was right: 0 and 1, true and false, yes and no, right and wrong. `item`: the exercise.
    `time`: numbers or dates; `order`: numbers. `skill_separator`: what joins the skills of an answer in one cell;
    without it, a cell is one skill.
    """

    student: str
    skill: str
    correct: str
    item: str | None = None
    time: str | None = None
    order: str | None = None
    skill_separator: str | None = None

    def named(self) -> dict[str, str]:
        """Role → column, of those that are given. Raises ConfigError where two that cannot be one are."""
        roles = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "skill_separator"}
        given = {role: name for role, name in roles.items() if name is not None}
        for role, name in given.items():
            if not name.strip():
                raise ConfigError(f"{role} is empty; give the name of a column")
        for role, other in (("student", "skill"), ("student", "correct"), ("skill", "correct"), ("student", "item")):
            if other in given and given[role] == given[other]:
                raise ConfigError(f"{role} and {other} are one column, {given[role]}; give each its own")
        if self.skill_separator == "":
            raise ConfigError("skill_separator is empty; give what stands between two skills, as ~~")
        return given


def read(source: pd.DataFrame | Path, columns: Columns) -> Answers:
    """The answers of a table. Raises ConfigError for a column it does not have, DataError for what is no table."""
    table, columns = _table(source, columns)
    roles = columns.named()
    often = {name for role, name in roles.items() if role not in ("time", "order")}
    table.frame = table.frame.assign(**{name: categorical(table.frame[name]) for name in often})
    table.student = columns.student
    names = list(dict.fromkeys(filter(None, (columns.student, columns.item))))
    table.ids(*names)
    if columns.skill != columns.item:
        table.ids(columns.skill, joints=re.escape(columns.skill_separator or ""))
    table.require(name for role, name in roles.items() if role != "item")
    _responses(table, columns.correct)
    if columns.order is not None:
        table.numeric(columns.order)
    if columns.time is not None and columns.time != columns.order:
        in_order(table, columns.time)
    _skills(table, columns)
    return Answers(_answers(table, columns), [table])


def columns_of(path: Path) -> list[str]:
    """Names of a file's columns."""
    return parquet_columns(path) if path.suffix.lower() in PARQUET else _header(path, [])[1]


def _table(source: pd.DataFrame | Path, columns: Columns) -> tuple[Table, Columns]:
    """The columns that are wanted, and these by the names that the table has for them."""
    roles = columns.named()
    if isinstance(source, pd.DataFrame):
        path = Path("DataFrame")
        names = _names(path, roles, [str(name) for name in source.columns])
        return frame_table(source, list(dict.fromkeys(names.values())), path), replace(columns, **names)
    if source.suffix.lower() in PARQUET:
        names = _names(source, roles, parquet_columns(source))
        return parquet_table(source, list(dict.fromkeys(names.values()))), replace(columns, **names)
    delimiter, found = _header(source, [clean(name) for name in roles.values()])
    names = _names(source, roles, found)
    table = read_table(source, dict.fromkeys(names.values()), delimiter, quoted=True, packed=True)
    return table, replace(columns, **names)


def _header(path: Path, wanted: list[str]) -> tuple[str, list[str]]:
    """The delimiter of a text file and the names of its columns: by those that are wanted, else by their number."""
    check_start(path, "a table with a row for each answer")
    lines = list(islice(texts_of(blocks(path)), 1))
    names = {
        d: [clean(name) for name in next(csv.reader(lines, delimiter=d, skipinitialspace=True), [])] for d in DELIMITERS
    }
    foreign = encoding_of(lines[0])
    for delimiter, found in names.items():
        names[delimiter] = [decoded(name, foreign) if FOREIGN.search(name) else name for name in found]
    return max(names.items(), key=lambda pair: (len(set(wanted) & set(pair[1])), len(pair[1])))


def _names(path: Path, roles: dict[str, str], found: list[str]) -> dict[str, str]:
    """What the table calls the columns of the roles; space around a name is no part of it."""
    names = {}
    for role, name in roles.items():
        same = [other for other in found if other == name] or [other for other in found if clean(other) == clean(name)]
        if len(same) > 1:
            raise DataError(f"{path}: more than one column {name}. Delete all but one")
        if not same:
            near = [other for other in found if other.casefold() == name.casefold()]
            hint = f"; did you mean {near[0]}?" if near else did_you_mean(name, found) or "."
            shown = ", ".join("".join(c if c.isprintable() else "?" for c in other) for other in found[:MOST])[:500]
            more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
            raise ConfigError(f"{path}: no column {name!r} ({role}){hint} It has {shown or 'none'}{more}")
        names[role] = same[0]
    return names


def _responses(table: Table, column: str) -> None:
    """Drop rows whose answer is neither right nor wrong. Raises DataError where the column is not about that."""
    values = table.frame[column]
    known = {text: _response(text) for text in values.unique()}
    responses = by_text(values, lambda texts: texts.map(known).astype("float32"))
    bad = values[responses.isna()]
    kept = responses.dropna() if len(bad) else responses
    if len(bad) > 1 and (len(bad) >= TOO_MANY * len(values) or (kept.nunique() == 1 and len(bad) * 10 > len(values))):
        raise DataError(
            f"{table.path}: column {column}: {len(bad):,} of {len(values):,} answers are neither right nor wrong, as "
            f"{bad.iloc[0][:40]!r} ({table.unit} {bad.index[0]}); expected 0 and 1, true and false, yes and no, or "
            "right and wrong. Give the column that says so, or make one of a score"
        )
    fraction = bad.str.fullmatch(r"0*[.,][0-9]+")
    for mask, what in ((fraction, "is a fraction"), (~fraction, "is neither right nor wrong")):
        if mask.any():
            wrong = table.frame.index.isin(bad.index[mask])
            table.keep(pd.Series(~wrong, table.frame.index), f"{column} {what}, as {bad[mask].iloc[0][:40]}")
    table.frame = table.frame.assign(**{column: kept.astype("int8")})


def _response(text: str) -> int | None:
    word = text.casefold()
    if number := ZERO_OR_ONE.fullmatch(text):
        return int(number[1])
    return 1 if word in RIGHT else 0 if word in WRONG else None


def _skills(table: Table, columns: Columns) -> None:
    """Make lists of the skills where a cell may hold several."""
    separator = columns.skill_separator
    if separator is None:
        return
    values = table.frame[columns.skill]
    if len(values) and not values.str.contains(separator, regex=False).any():
        table.notes.append(f"no cell of {columns.skill} has {separator} in it: every answer needs one skill")
    known = {text: [skill for part in text.split(separator) if (skill := part.strip())] for text in values.unique()}
    set_skills(table, columns.skill, known)


def _answers(table: Table, columns: Columns) -> pd.DataFrame:
    """A row an answer and skill, in time order."""
    keys = [name for name in (columns.time, columns.order) if name is not None]
    frame = in_time_order(table.frame, columns.student, keys)
    table.frame = table.frame.iloc[:0]  # memory that is needed from here on
    rows = pd.DataFrame(
        {
            "uid": frame[columns.student],
            "answer": np.arange(len(frame), dtype=np.int32),
            "item": frame[columns.item] if columns.item is not None else nothing(len(frame)),
            "skill": frame[columns.skill],
            "response": frame[columns.correct],
            "line": frame["line"],
        }
    )
    if columns.item is not None:
        nameless = int(rows["item"].isna().sum())
        if nameless:
            table.notes.append(f"{nameless:,} of {len(rows):,} rows have no {columns.item}; they are kept")
        rows["answer"] = _told_apart(table, rows, frame[keys])
    return one_row_a_skill(table, rows)


def _told_apart(table: Table, rows: pd.DataFrame, moments: pd.DataFrame) -> "pd.Series[int]":
    """The answer of each row. Without moments, every row is one."""
    if moments.columns.empty:
        again = len(rows) - int(answer_starts(rows)[0].sum())
        if again:
            table.notes.append(
                f"{again:,} rows follow one of the same student, item and response with another skill, and are answers "
                "of their own: if they are further skills of it, give a time or an order, or join them in one cell"
            )
        return rows["answer"]
    frame = rows.assign(**{f"moment {place}": moments[name] for place, name in enumerate(moments)})
    return answer_starts(frame, frame.columns[len(rows.columns) :])[0].astype(int).cumsum()
