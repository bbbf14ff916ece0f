"""poj: poj_log.csv, submissions to an online judge. A skill is a problem; accepted is right, other verdicts wrong."""

from pathlib import Path

import numpy as np

from gaintrace.data.readers.answers import Answers, Reader, in_time_order, single
from gaintrace.data.readers.common import read_table
from gaintrace.data.readers.times import in_order

COLUMNS = ("User", "Problem", "Result", "Submit Time")
RIGHT = "accepted"
WRONG = (
    *("compile error", "wrong answer", "presentation error", "runtime error", "system error", "validator error"),
    *("memory limit exceeded", "output limit exceeded", "time limit exceeded"),
)


def read(paths: list[Path]) -> Answers:
    """Submissions without a verdict (`Waiting`, `Compiling`) are dropped; rows equal in every column are copies."""
    table = read_table(single(paths, "poj"), COLUMNS)
    table.student = "User"
    table.ids("User", "Problem")
    table.require(COLUMNS)
    response = table.frame["Result"].str.lower().map({RIGHT: 1} | dict.fromkeys(WRONG, 0))
    table.keep(response.notna(), "Result is no verdict")
    table.frame = table.frame.assign(Result=response.dropna().astype("int8"))
    in_order(table, "Submit Time")
    table.unique(list(COLUMNS))
    frame = in_time_order(table.frame, "User", "Submit Time")
    frame = frame.rename(columns={"User": "uid", "Problem": "skill", "Result": "response"})
    frame = frame.assign(answer=np.arange(len(frame)), item=None)
    return Answers(frame[["uid", "answer", "item", "skill", "response", "line"]], [table])


READER = Reader(COLUMNS, "poj_log.csv", read)
