"""From raw files to a data set."""

import hashlib
from pathlib import Path

import pandas as pd

from gaintrace.data.dataset import COLUMNS, Dataset, SourceFile
from gaintrace.data.readers import READERS
from gaintrace.data.split import split_students
from gaintrace.errors import ConfigError, DataError

MIN_ANSWERS = 3
"""Students with fewer answers are dropped before the split, as pyKT does."""


def prepare(name: str, raw: list[Path]) -> Dataset:
    """Read the raw files of a data set. Raises DataError where they are not what they claim."""
    if name not in READERS:
        raise ConfigError(f"no data set {name!r}; known are {', '.join(READERS)}")
    answers = READERS[name].read(raw)
    dropped = dict(answers.dropped)
    frame = answers.frame
    if frame.empty:
        raise DataError(f"{_names(raw)}: no usable row{_reasons(dropped)}")
    count = frame.groupby("uid", sort=False)["answer"].transform("nunique")
    few = count < MIN_ANSWERS
    if few.any():
        dropped[f"of students with fewer than {MIN_ANSWERS} answers"] = int(few.sum())
        frame = frame[~few]
    if frame.empty:
        raise DataError(f"{_names(raw)}: no student with {MIN_ANSWERS} answers or more{_reasons(dropped)}")
    interactions, students, skills = _numbered(frame)
    sources = [_source(path) for path in answers.files]
    return Dataset(name, interactions, students, skills, sources, dropped, answers.rows_read, answers.notes)


def _numbered(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Interactions, students and skill names, everything numbered in order of first appearance."""
    student, uids = pd.factorize(frame["uid"])
    skill, skills = pd.factorize(frame["skill"])
    item = pd.factorize(frame["item"])[0]  # -1 where missing
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
    return interactions, students, [str(s) for s in skills]


def _source(path: Path) -> SourceFile:
    with path.open("rb") as file:
        return SourceFile(name=path.name, sha256=hashlib.file_digest(file, "sha256").hexdigest())


def _names(raw: list[Path]) -> str:
    return ", ".join(map(str, raw))


def _reasons(dropped: dict[str, int]) -> str:
    return f" (dropped: {', '.join(f'{count} {reason}' for reason, count in dropped.items())})" if dropped else ""
