"""pyKT's preprocessed data: train_valid.csv and test.csv, a row a student, with pyKT's folds kept as they are.

An answer that needs several skills is in these files in one of three ways, and is one answer here in each: as an
interaction a skill, all but the first marked in `is_repeat`; as one of concepts `a_b` (the question-level files); or as
unmarked neighbours, where pyKT's own source had a row a skill (assist2009), which `questions` tells.
"""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from gaintrace.data.readers.answers import Answers, Reader, answer_starts
from gaintrace.data.readers.common import Table, places, read_table
from gaintrace.data.readers.ids import same_ids
from gaintrace.data.split import TEST_FOLD
from gaintrace.errors import DataError

COLUMNS = ("fold", "uid", "concepts", "responses")
OPTIONAL = ("questions", "is_repeat", "selectmasks")
PADDING = "-1"


def read(paths: list[Path]) -> Answers:
    """The files, or the one folder that holds both."""
    files = [
        file
        for path in paths
        for file in ([path / "train_valid.csv", path / "test.csv"] if _is_folder(path) else [path])
    ]
    tables = [students(path) for path in files]
    return histories(tables, cut=False)


def histories(tables: list[Table], cut: bool) -> Answers:
    """The answers of files of pyKT; `cut`: a student may have several rows, one after another."""
    _same_ids(tables)
    _one_place_a_student(tables, cut)
    frame = pd.concat([_interactions(table, place) for place, table in enumerate(tables)], ignore_index=True)
    if cut:
        first = frame.groupby("uid", sort=False).ngroup()
        frame = frame.iloc[first.argsort(kind="stable")].reset_index(drop=True)
    for column, joints in (("item", ""), ("skill", "_")):
        frame[column], notes = same_ids(frame[column], joints)
        tables[0].notes += notes
    frame["answer"] = _answers(frame)
    frames = [_usable(table, frame[frame["table"] == place]) for place, table in enumerate(tables)]
    frame = pd.concat(frames, ignore_index=True)
    return Answers(frame.drop_duplicates(["answer", "skill"], ignore_index=True), tables)


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises where the name is too long


def students(path: Path, cut: bool = False) -> Table:
    """A row a student, or `cut` into several, the lists as one cell."""
    table = read_table(path, COLUMNS, optional=OPTIONAL)
    if "selectmasks" in table.frame and not cut:
        raise DataError(
            f"{path}: histories that pyKT has cut and padded (column selectmasks); expected whole ones. "
            "Give train_valid.csv and test.csv (`prepare xes3g5m` reads that data set's, which has no others)"
        )
    table.require(COLUMNS)
    table.frame = table.frame.assign(fold=_folds(path, table.frame["fold"]))
    return table


def _interactions(table: Table, place: int) -> pd.DataFrame:
    """A row an interaction: fold, uid, item, skill (maybe `a_b`), response, repeat, line, table."""
    students = table.frame.reindex(columns=[*COLUMNS, *OPTIONAL])
    lists = ["concepts", "responses", *(c for c in OPTIONAL if c in table.frame)]
    for column in lists:
        students[column] = students[column].str.split(",").astype(object)
        uneven = students[column].str.len() != students["concepts"].str.len()
        if uneven.any():
            row = students[uneven].iloc[0]
            counts = [len(row[c]) if isinstance(row[c], list) else 0 for c in ("concepts", column)]
            raise DataError(
                f"{table.path}: line {_line(uneven)}: student {row['uid']} has {counts[0]} concepts and "
                f"{counts[1]} {column}; expected as many of one as of the other. Export the files again with pyKT"
            )
    students = students.assign(line=students.index, table=place).explode(lists, ignore_index=True)
    for column in lists:
        students[column] = students[column].astype("str").str.strip()
    if "selectmasks" in lists:  # else padding, or what another row has too
        students = students[students["selectmasks"] == "1"]
    return students.rename(
        columns={"concepts": "skill", "responses": "response", "questions": "item", "is_repeat": "repeat"}
    )


def _answers(frame: pd.DataFrame) -> "pd.Series[Any]":
    marked = (frame["repeat"] == "1") & (frame["uid"] == frame["uid"].shift())
    if marked.any() or frame["item"].isna().any() or frame["skill"].str.contains("_", regex=False).any():
        return (~marked).astype(int).cumsum()
    return answer_starts(frame)[0].cumsum()


def _usable(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """The interactions of a file that have skills, in a row each, and a response. The others are noted."""
    skills = frame["skill"].map(lambda text: [skill for part in text.split("_") if (skill := part.strip())])
    responses = pd.to_numeric(frame["response"], errors="coerce")
    usable = frame.assign(skill=skills, response=responses)
    whole = set(usable["line"])
    reasons = dict[int, list[str]]()
    for mask, reason, none in (
        ((frame["skill"] != PADDING) | (frame["response"] != PADDING), "of padding (-1)", "padding alone"),
        (skills.map(len) > 0, "without a concept", "no concept"),
        (responses.isin([0, 1]), "whose response is neither 0 nor 1", "no response is 0 or 1"),
    ):
        lost = usable[~mask.loc[usable.index]]
        if len(lost):
            s = "s" if len(lost) > 1 else ""
            where = places(lost["line"].drop_duplicates().tolist())
            table.notes.append(f"{table.path.name}: left out {len(lost):,} interaction{s} {reason}, {where}")
            usable = usable.drop(lost.index)
            if none != "padding alone":
                table.unusable[f"interactions {reason}"] = Counter(lost["uid"])
            for line in lost["line"].unique():
                reasons.setdefault(line, []).append(none)
    for line in sorted(whole - set(usable["line"])):
        table.drop([line], reasons[line][0] if len(reasons[line]) == 1 else "no usable interaction")
    usable = usable.explode("skill")
    return usable.assign(skill=usable["skill"].astype("str"))


def _folds(path: Path, folds: "pd.Series[str]") -> "pd.Series[int]":
    numbers = pd.to_numeric(folds, errors="coerce")
    wrong = ~numbers.isin(range(TEST_FOLD, 5))
    if wrong.any():
        raise DataError(f"{path}: line {_line(wrong)}: fold {folds[wrong].iloc[0]!r}; expected -1 for test, or 0 to 4")
    return numbers.astype("int8")


def _same_ids(tables: list[Table]) -> None:
    """One way of writing for a student, whichever file the others are in."""
    uids, notes = same_ids(pd.concat([table.frame["uid"] for table in tables]))
    tables[0].notes += notes
    start = 0
    for table in tables:
        table.frame = table.frame.assign(uid=uids.iloc[start : start + len(table.frame)])
        start += len(table.frame)


def _one_place_a_student(tables: list[Table], cut: bool) -> None:
    """A student of two rows would be in two folds, or in training and test, unless these are parts of one history."""
    seen: set[str] = set()
    for table in tables:
        uids = table.frame["uid"]
        again = uids.isin(seen)
        again |= table.frame.groupby("uid")["fold"].transform("nunique") > 1 if cut else uids.duplicated()
        if again.any():
            raise DataError(
                f"{table.path}: line {_line(again)}: student {uids[again].iloc[0]} is there a second time; expected a "
                f"{'fold' if cut else 'row'} a student. Give pyKT's train_valid.csv and test.csv, each once"
            )
        seen.update(uids)


def _line(mask: "pd.Series[bool]") -> int:
    """Line in the file of the first row of a mask."""
    return int(mask.index[mask][0])


READER = Reader(COLUMNS, "train_valid.csv and test.csv", read)
