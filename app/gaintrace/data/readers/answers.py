"""What readers share: answers in time order, and what is one answer where it needs several skills."""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_integer_dtype

from gaintrace.data.readers.cells import Numbers, by_text, categorical, coded
from gaintrace.data.readers.common import Table
from gaintrace.errors import DataError

JOINTS = "~~|[_,;|]"
"""What releases of ASSISTments data and tools around them put between the skills of an answer."""
SEVERAL = "\0"
"""What stands between the skills of an answer once they are told apart; no cell of a file has it."""


@dataclass
class Answers:
    """Answers in time order, a row for each answer and skill.

    `frame` columns: uid (string), answer (any value; the neighbouring rows of a student that share it are one answer),
    item (string or missing), skill (string), response (0 or 1), line (of the file that the answer is from), where there
    are several tables, table (its place among them), and, where the source has a split, fold.
    `tables`: the files, which count the rows left out. `beside`: files that say more of what the answers are to.
    """

    frame: pd.DataFrame
    tables: list[Table]
    beside: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Reader:
    """How to read one data set. `columns` identify its files; `public_name` is what their publisher calls them."""

    columns: tuple[str, ...]
    public_name: str
    read: Callable[[list[Path]], Answers]


def single(paths: list[Path], name: str) -> Path:
    """The one raw file of a data set that has one."""
    if len(paths) != 1:
        raise DataError(f"{name} is made of one raw file; {len(paths)} were given")
    return paths[0]


def located(paths: list[Path], name: str, folders: tuple[str, ...], reader: str) -> Path:
    """A raw file by its name: one of those given, or in or beside one of them, maybe in one of some folders."""
    near = (place for path in paths for place in (path, *list(path.parents)[:2]))
    inside = (place / folder / name for place in near for folder in folders)
    for place in (*(path for path in paths if path.name == name), *inside):
        if os.path.exists(place):  # noqa: PTH110 - Path.exists raises where the name is too long
            return place
    raise DataError(
        f"{', '.join(map(str, paths))}: no {name} there, nor in {' or '.join(filter(None, folders))}. "
        f"Give the folder that {reader} was unpacked to"
    )


def in_time_order(frame: pd.DataFrame, student: str, time: str | list[str]) -> pd.DataFrame:
    """Students in order of first appearance, each one's rows sorted by time; ties keep the file's order.

    The index, lines of the file, becomes the column `line`.
    """
    order = _in_order([frame[key] for key in ([time] if isinstance(time, str) else time)], frame[student])
    line = frame.index.to_numpy()
    line = line.astype(np.int32 if line.max(initial=0) < 2**31 else np.int64)
    return pd.DataFrame({name: frame[name].array.take(order) for name in frame} | {"line": line[order]}, copy=False)


def _in_order(times: "list[pd.Series[Any]]", student: "pd.Series[Any]") -> Numbers:
    """Places of rows by student, where these are equal by the first time, and so on. By radix: 16 bits at a time."""
    order: Numbers = np.arange(len(student), dtype=np.int32 if len(student) < 2**31 else np.int64)
    for values in (*reversed(times), student):
        key: Numbers = values.to_numpy() if is_integer_dtype(values) else _ranked(values, values is not student)
        least, most = (int(key.min()), int(key.max())) if len(key) else (0, 0)
        for shift in range(0, (most - least).bit_length(), 16):
            digit = ((key[order] - least) >> shift).astype(np.uint16)
            if (digit[1:] < digit[:-1]).any():
                order = order[digit.argsort(kind="stable")]
    return order


def _ranked(values: "pd.Series[Any]", sort: bool) -> Numbers:
    return pd.factorize(values, sort=sort)[0].astype(np.int64, copy=False)


def answer_starts(frame: pd.DataFrame, also: Iterable[str] = ()) -> "tuple[pd.Series[bool], pd.Series[Any]]":
    """Where answers begin in files that have a row for each skill, and the runs of rows between which one must begin.

    `frame` is in time order. The rows of an answer stand together, with one student (uid), item and response (`also`:
    and what else is one) and no skill twice, so a new one begins where any of these changes or a skill comes again.
    """
    same = ["uid", "item", "response", *also]
    run = (frame[same] != frame[same].shift()).any(axis=1).cumsum()
    # Inside a run, the n-th time of a skill belongs to the n-th answer.
    repetition = frame.groupby([run, frame["skill"]]).cumcount()
    return (repetition != repetition.shift()) | (run != run.shift()), run


def split_joined(table: Table, column: str) -> None:
    """Tell apart the skills of a column in which one cell may join several: SEVERAL stands between them then.

    `1_13` is two skills where the parts are whole numbers, as in the collapsed release of assist2009, or where each
    stands alone elsewhere in the file; else it is a name. Rows without any are dropped.
    """
    known = table.frame[column].drop_duplicates()
    alone = set(known[~known.str.contains(JOINTS, regex=True)])
    lists = {}
    names = []
    for value in known:
        parts = [part for part in map(str.strip, re.split(JOINTS, value)) if part]
        if value in alone or all(part in alone or re.fullmatch("[0-9]+", part) for part in parts):
            lists[value] = parts
        else:
            lists[value] = [value]
            names.append(value)
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        table.notes.append(f"taken for the name of one {column}, not of several: {'; '.join(names[:3])}{more}")
    set_skills(table, column, lists)


def set_skills(table: Table, column: str, lists: dict[str, list[str]], without: str = "") -> None:
    """Write a column as the skills that its cells mean, with SEVERAL between them; drop rows without any.

    `without`: the reason for that, if it is not that the column is empty.
    """
    joined = {cell: SEVERAL.join(skills) for cell, skills in lists.items() if skills}
    skills = by_text(table.frame[column], lambda cells: cells.map(joined))
    table.frame = table.frame.assign(**{column: skills})
    table.keep(skills.notna(), without or f"missing {column}")


def one_row_a_skill(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """A row for each answer and skill, of rows that have SEVERAL between skills. Rows that add no skill are counted."""
    cells = categorical(frame["skill"])
    number, names = cells.cat.codes.to_numpy(), cells.cat.categories
    parts = [name.split(SEVERAL) for name in names]
    count = np.array([len(part) for part in parts], dtype=np.int64)
    found, kinds = pd.factorize(pd.Series([skill for part in parts for skill in part], dtype="str"))
    skill = found.astype(np.int32)
    if len(count) and count.max() > 1:
        times, start = count[number], np.cumsum(count) - count
        row = np.repeat(np.arange(len(frame)), times)
        place = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)
        skill = skill[start[number[row]] + place]
        rows = frame.iloc[row].reset_index(drop=True)
    else:
        skill, rows = skill[number], frame.reset_index(drop=True)
    rows = rows.assign(skill=coded(skill, kinds))
    answer = frame["answer"]
    if len(rows) == len(frame) and is_integer_dtype(answer) and (np.diff(answer) > 0).all():
        return rows
    rows = rows[~pd.DataFrame({"answer": rows["answer"], "skill": skill}).duplicated()].reset_index(drop=True)
    table.drop(np.setdiff1d(frame["line"], rows["line"]).tolist(), "duplicate answer and skill")
    return rows


def dropped(tables: list[Table]) -> tuple[dict[str, int], dict[str, str]]:
    """Rows left out of all tables by reason: how many, and where the first of them are."""
    reasons = dict.fromkeys(reason for table in tables for reason in table.dropped)
    counts = {reason: sum(len(table.dropped.get(reason, [])) for table in tables) for reason in reasons}
    found = {
        reason: "; ".join(
            (f"{table.path.name} " if len(tables) > 1 else "") + table.places(table.dropped[reason])
            for table in tables
            if reason in table.dropped
        )
        for reason in reasons
    }
    return counts, found
