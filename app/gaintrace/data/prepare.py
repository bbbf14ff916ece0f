"""From raw files to a data set."""

import hashlib
import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_integer_dtype

from gaintrace.data.dataset import COLUMNS, Dataset, SourceFile
from gaintrace.data.readers import READERS
from gaintrace.data.readers.answers import Answers, dropped
from gaintrace.data.readers.cells import Mask, numbered
from gaintrace.data.readers.common import Table
from gaintrace.data.readers.csv import Columns
from gaintrace.data.readers.csv import read as read_any
from gaintrace.data.split import split_students
from gaintrace.errors import ConfigError, DataError, did_you_mean

CSV, DATAFRAME = "csv", "DataFrame"
"""Readers of any table: of a file, and of one in memory."""

MIN_ANSWERS = 3
"""Students with fewer answers are dropped before the split, as pyKT does."""


def prepare(reader: str, raw: list[Path], name: str = "") -> Dataset:
    """Read the raw files of a data set. It is called as its reader without a name.

    Raises DataError where the files are not what they claim.
    """
    if reader not in READERS:
        raise ConfigError(
            f"no data set {reader!r}{did_you_mean(reader, READERS) or '.'} "
            f"Known are {', '.join(READERS)}, and csv for any table"
        )
    return _dataset(READERS[reader].read(raw), raw, reader, name)


def prepare_table(source: pd.DataFrame | Path, columns: Columns, name: str = "") -> Dataset:
    """Read any table, a row an answer: a delimited text file, a Parquet file or a DataFrame.

    Raises ConfigError for columns that the table does not have, and DataError where they do not hold answers.
    """
    answers = read_any(source, columns)
    told = ", ".join(f"{role} is {column}" for role, column in columns.named().items())
    answers.tables[0].notes.insert(0, told)
    if isinstance(source, pd.DataFrame):
        return _dataset(answers, [answers.tables[0].path], DATAFRAME, name)
    return _dataset(answers, [source], CSV, name)


def _dataset(answers: Answers, raw: list[Path], reader: str, name: str) -> Dataset:
    frame = answers.frame
    if frame.empty:
        raise DataError(f"{_names(raw)}: no usable row{_reasons(answers.tables)}")
    frame = _enough(frame, answers.tables)
    if frame.empty:
        raise DataError(f"{_names(raw)}: no student with {MIN_ANSWERS} answers or more{_reasons(answers.tables)}")
    interactions, students, skills, items = _numbered(frame)
    counts, found = dropped(answers.tables)
    return Dataset(
        name or reader,
        interactions,
        students,
        skills,
        reader=reader,
        sources=[] if reader == DATAFRAME else _sources(answers),
        dropped=counts,
        dropped_at=found,
        rows_read=sum(table.rows_read for table in answers.tables),
        notes=[note for table in answers.tables for note in table.notes],
        items=items,
    )


def _enough(frame: pd.DataFrame, tables: list[Table]) -> pd.DataFrame:
    """The rows of students with answers enough. Those that have too few for what was left out are told apart."""
    student, uids = numbered(frame["uid"])
    count = np.bincount(student[_begins(student, frame["answer"])], minlength=len(uids))
    few = {str(uids[int(place)]): int(count[place]) for place in np.flatnonzero(count < MIN_ANSWERS)}
    if not few:
        return frame
    lost = Counter[str]()
    why = defaultdict[str, list[str]](list)
    for table in tables:
        for reason, times in table.unusable.items():
            for uid in few.keys() & times.keys():
                lost[uid] += times[uid]
                why[uid] += [reason] if reason not in why[uid] else []
    reasons = {
        uid: f"of students with fewer than {MIN_ANSWERS} usable answers: {', '.join(why[uid])}"
        if number + lost[uid] >= MIN_ANSWERS
        else f"of students with fewer than {MIN_ANSWERS} answers"
        for uid, number in few.items()
    }
    reason_of = pd.Series([reasons.get(str(uid)) for uid in uids], dtype="str").take(student).set_axis(frame.index)
    for place, table in enumerate(tables):
        rows = frame[frame["table"] == place] if "table" in frame else frame
        for reason in dict.fromkeys(reasons.values()):
            table.drop(rows["line"][reason_of.loc[rows.index] == reason].unique(), reason)
    return frame[reason_of.isna()]


def _numbered(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, list[str], list[str]]:
    """Interactions, students and the names of skills and items, everything numbered in order of first appearance."""
    columns, names = {}, {}
    for column, source in (("student", "uid"), ("item", "item"), ("skill", "skill")):  # an item that is missing: -1
        columns[column], names[column] = numbered(frame[source])
    student, uids = columns["student"], names["student"]
    answer = np.cumsum(_begins(student, frame["answer"]), dtype=COLUMNS["step"])
    columns["step"] = answer - answer[np.flatnonzero(np.diff(student, prepend=-1))][student]
    columns["response"] = frame["response"].to_numpy(COLUMNS["response"])
    interactions = pd.DataFrame({name: columns[name] for name in COLUMNS}, copy=False)
    if "fold" in frame:
        fold = frame.groupby("uid", sort=False)["fold"].first().to_numpy("int8")
    else:
        fold = split_students(len(uids)).fold
    students = pd.DataFrame({"uid": uids.astype(str), "fold": fold})
    return interactions, students, [str(s) for s in names["skill"]], [str(i) for i in names["item"]]


def _begins(student: "np.ndarray[Any, np.dtype[np.int32]]", answer: "pd.Series[Any]") -> Mask:
    """Which rows are the first of an answer, whose rows are neighbours."""
    number = answer.to_numpy() if is_integer_dtype(answer) else pd.factorize(answer)[0]
    begins: Mask = np.diff(student, prepend=-1) != 0
    begins[1:] |= number[1:] != number[:-1]
    return begins


def _sources(answers: Answers) -> list[SourceFile]:
    files = [(table.path, table.files) for table in answers.tables] + [(path, []) for path in answers.beside]
    return [SourceFile(name=_name(path), sha256=_digest(path, inside)) for path, inside in files]


def _name(path: Path) -> str:
    return os.fsencode(path.name).decode("utf-8", "replace")  # may have bytes that no text has


def _digest(path: Path, inside: list[Path]) -> str:
    """SHA-256 of a file, or of the names and digests of a folder's files."""
    if inside:
        lines = (f"{_name(file)} {_digest(file, [])}\n" for file in inside)
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _names(raw: list[Path]) -> str:
    return ", ".join(map(str, raw))


def _reasons(tables: list[Table]) -> str:
    counts, found = dropped(tables)
    told = "; ".join(f"{count:,} {reason}, {found[reason]}" for reason, count in counts.items())
    return f" (dropped: {told})" if told else ""
