"""assist2009: skill_builder_data.csv. A problem that needs several skills has a row for each.

The public file gives those rows one order_id; other copies number them through. Either way they stand together, with
one student, problem and response, and no skill twice: such rows are one answer. The collapsed release (the one that
pyKT names) has a row an answer instead, with its skills joined: `1_13`.

pyKT makes every row an interaction of its own, so that the second skill of an answer is predicted from the response to
the first, which is the same; and it sorts order_id as text (10 before 9). Both are put right here. Counting answers,
not rows, also drops a few students of one or two answers that pyKT keeps for their three rows; with another number of
students the same shuffle gives other folds, so this split is pyKT's rule but not its very students.
"""

from pathlib import Path

import pandas as pd

from gaintrace.data.readers.answers import (
    JOINTS,
    SEVERAL,
    Answers,
    Reader,
    answer_starts,
    in_time_order,
    one_row_a_skill,
    single,
    split_joined,
)
from gaintrace.data.readers.common import read_table

COLUMNS = ("order_id", "user_id", "problem_id", "skill_id", "correct")


def read(paths: list[Path]) -> Answers:
    """Rows without a skill are dropped, as everywhere in the field."""
    table = read_table(single(paths, "assist2009"), COLUMNS)
    table.student = "user_id"
    table.ids("user_id", "problem_id")
    table.ids("skill_id", joints=JOINTS)
    table.require(COLUMNS)
    table.numeric("order_id")
    table.binary("correct")
    table.unique(["user_id", "order_id", "skill_id"])
    split_joined(table, "skill_id")
    frame = in_time_order(table.frame, "user_id", "order_id")
    frame = frame.rename(columns={"user_id": "uid", "problem_id": "item", "skill_id": "skill", "correct": "response"})
    frame["answer"] = _starts(frame).cumsum()
    frame = frame[["uid", "answer", "item", "skill", "response", "line"]]
    return Answers(one_row_a_skill(table, frame), [table])


def _starts(frame: pd.DataFrame) -> "pd.Series[bool]":
    joined = frame["skill"].str.contains(SEVERAL, regex=False)
    starts, run = answer_starts(frame)
    if not joined.any():
        return starts
    # Beside an answer whose skills are joined in one row, the others have theirs in one row too.
    order = ["uid", "order_id"]
    own = (frame[order] != frame[order].shift()).any(axis=1) | (run != run.shift())
    return own.where(joined.groupby(run).transform("any"), starts)


READER = Reader(COLUMNS, "skill_builder_data.csv", read)
