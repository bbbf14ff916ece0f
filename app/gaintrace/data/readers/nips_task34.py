"""nips_task34: train_task_3_4.csv of the NeurIPS 2020 Education Challenge, and three files of its folder metadata.

An answer's time is in answer_metadata_task_3_4.csv. The skills of a question are its subjects of level 3, as in pyKT:
question_metadata_task_3_4.csv has all of its subjects, subject_metadata.csv their levels.
"""

import re
from pathlib import Path

import pandas as pd

from gaintrace.data.readers.answers import Answers, Reader, in_time_order, located, one_row_a_skill, set_skills
from gaintrace.data.readers.common import Table, read_table
from gaintrace.data.readers.ids import same_ids
from gaintrace.data.readers.times import in_order

COLUMNS = ("QuestionId", "UserId", "AnswerId", "IsCorrect")
FOLDERS = ("", "metadata", "train_data", "data/metadata", "data/train_data")
NAMES = {"UserId": "uid", "AnswerId": "answer", "QuestionId": "item", "SubjectId": "skill", "IsCorrect": "response"}
LEVEL = "3"


def read(paths: list[Path]) -> Answers:
    """The folder of the data set, or its files."""
    names = ("answer_metadata_task_3_4", "question_metadata_task_3_4", "subject_metadata", "train_task_3_4")
    *beside, path = (located(paths, f"{name}.csv", FOLDERS, "nips_task34") for name in names)
    times = read_table(beside[0], ("AnswerId", "DateAnswered"))
    questions = read_table(beside[1], ("QuestionId", "SubjectId"))
    levels = read_table(beside[2], ("SubjectId", "Level"))
    table = read_table(path, COLUMNS)
    table.student = "UserId"
    table.ids("UserId")
    table.require(COLUMNS)
    table.binary("IsCorrect")
    table.unique(["AnswerId"])
    _look_up(table, "AnswerId", times, "DateAnswered")
    in_order(table, "DateAnswered")
    _look_up(table, "QuestionId", questions, "SubjectId")
    levels.ids("SubjectId", "Level")
    wanted = set(levels.frame["SubjectId"][levels.frame["Level"] == LEVEL])
    known = {cell: [s for s in re.findall("[0-9]+", cell) if s in wanted] for cell in table.frame["SubjectId"].unique()}
    set_skills(table, "SubjectId", known, f"question without a subject of level {LEVEL}")
    frame = in_time_order(table.frame, "UserId", "DateAnswered")
    frame = frame.rename(columns=NAMES)[[*NAMES.values(), "line"]]
    return Answers(one_row_a_skill(table, frame), [table], beside)


def _look_up(table: Table, key: str, other: Table, column: str) -> None:
    """Add another file's column by a key; drop rows whose key it does not have."""
    other.require((key, column))
    both, notes = same_ids(pd.concat([table.frame[key], other.frame[key]], ignore_index=True))
    table.notes += notes
    ours, theirs = both[: len(table.frame)], both[len(table.frame) :]
    found = dict(zip(theirs, other.frame[column], strict=True))
    table.frame = table.frame.assign(**{key: ours.to_numpy(), column: ours.map(found).astype("str").to_numpy()})
    table.keep(table.frame[column].notna(), f"{key} has no {column} in {other.path.name}")


READER = Reader(COLUMNS, "train_task_3_4.csv", read)
