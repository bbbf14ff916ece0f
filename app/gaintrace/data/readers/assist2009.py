"""assist2009: skill_builder_data.csv. A problem that needs several skills has a row for each.

The public file gives those rows one order_id; other copies number them through. Either way they stand together, with
one student, problem and response, and no skill twice: such rows are one answer.
"""

from pathlib import Path

import pandas as pd

from gaintrace.data.readers.common import Answers, Reader, in_time_order, read_table, single

COLUMNS = ("order_id", "user_id", "problem_id", "skill_id", "correct")


def read(paths: list[Path]) -> Answers:
    """Rows without a skill are dropped, as everywhere in the field."""
    table = read_table(single(paths, "assist2009"), COLUMNS)
    table.require(COLUMNS)
    table.numeric("order_id")
    table.binary("correct")
    table.unique(["user_id", "order_id", "skill_id"])
    frame = in_time_order(table.frame, "user_id", "order_id")
    frame = frame.rename(columns={"user_id": "uid", "problem_id": "item", "skill_id": "skill", "correct": "response"})
    frame["answer"] = _answers(frame)
    return Answers(frame[["uid", "answer", "item", "skill", "response"]], table.dropped)


def _answers(frame: pd.DataFrame) -> "pd.Series[int]":
    """A number for each answer: a new one where student, problem or response changes, or a skill comes again."""
    same = ["uid", "item", "response"]
    run = (frame[same] != frame[same].shift()).any(axis=1).cumsum()
    # Inside a run, the n-th time of a skill belongs to the n-th answer.
    repetition = frame.groupby([run, frame["skill"]]).cumcount()
    return (repetition != repetition.shift()).astype(int).where(run == run.shift(), 1).cumsum()


READER = Reader(COLUMNS, "skill_builder_data.csv", read)
