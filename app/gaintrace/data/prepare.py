"""From raw files to a data set."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from gaintrace.data.dataset import COLUMNS, Dataset, SourceFile
from gaintrace.data.readers import READERS
from gaintrace.data.readers.answers import Answers, dropped
from gaintrace.data.readers.common import Table
from gaintrace.data.split import split_students
from gaintrace.errors import ConfigError, DataError

MIN_ANSWERS = 3
"""Students with fewer answers are dropped before the split, as pyKT does."""


def prepare(reader: str, raw: list[Path], name: str = "") -> Dataset:
    """Read the raw files of a data set. It is called as its reader without a name.

    Raises DataError where the files are not what they claim.
    """
    if reader not in READERS:
        raise ConfigError(f"no data set {reader!r}; known are {', '.join(READERS)}")
    answers = READERS[reader].read(raw)
    return of_answers(answers, name or reader, reader, _names(raw), [_source(table.path) for table in answers.tables])


def of_answers(
    answers: Answers, name: str, reader: str | None, where: str, sources: Sequence[SourceFile] = ()
) -> Dataset:
    """The data set of some answers. `where`: what they are from, for errors. Raises DataError where none are left."""
    frame = answers.frame
    if frame.empty:
        raise DataError(f"{where}: no usable row{_reasons(answers.tables)}")
    few = frame.groupby("uid", sort=False)["answer"].transform("nunique") < MIN_ANSWERS
    for place, table in enumerate(answers.tables):
        of_table = frame["table"] == place if "table" in frame else True
        table.drop(frame["line"][few & of_table].unique(), f"of students with fewer than {MIN_ANSWERS} answers")
    frame = frame[~few]
    if frame.empty:
        raise DataError(f"{where}: no student with {MIN_ANSWERS} answers or more{_reasons(answers.tables)}")
    interactions, students, skills, items = _numbered(frame)
    counts, found = dropped(answers.tables)
    return Dataset(
        name,
        interactions,
        students,
        skills,
        reader=reader,
        sources=list(sources),
        dropped=counts,
        dropped_at=found,
        rows_read=sum(table.rows_read for table in answers.tables),
        notes=[note for table in answers.tables for note in table.notes],
        items=items,
    )


def _numbered(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, list[str], list[str]]:
    """Interactions, students and the names of skills and items, everything numbered in order of first appearance."""
    student, uids = pd.factorize(frame["uid"])
    skill, skills = pd.factorize(frame["skill"])
    item, items = pd.factorize(frame["item"])  # -1 where missing
    answer = pd.Series(pd.factorize(frame["answer"])[0])
    step = answer - answer.groupby(student).transform("min")
    interactions = pd.DataFrame(
        {"student": student, "step": step, "item": item, "skill": skill, "response": frame["response"].to_numpy()}
    ).astype(COLUMNS)
    if "fold" in frame:
        fold = frame.groupby("uid", sort=False)["fold"].first().to_numpy("int8")
    else:
        fold = split_students(len(uids)).fold
    students = pd.DataFrame({"uid": uids.astype(str), "fold": fold})
    return interactions, students, [str(s) for s in skills], [str(i) for i in items]


def _source(path: Path) -> SourceFile:
    name = os.fsencode(path.name).decode("utf-8", "replace")  # may have bytes that no text has
    with path.open("rb") as file:
        return SourceFile(name=name, sha256=hashlib.file_digest(file, "sha256").hexdigest())


def _names(raw: list[Path]) -> str:
    return ", ".join(map(str, raw))


def _reasons(tables: list[Table]) -> str:
    counts, found = dropped(tables)
    told = "; ".join(f"{count:,} {reason}, {found[reason]}" for reason, count in counts.items())
    return f" (dropped: {told})" if told else ""
