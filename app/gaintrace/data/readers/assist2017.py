"""assist2017: anonymized_full_release_competition_dataset.csv. One skill an answer; startTime orders them.

A student who tries a problem again answers again: only rows equal in every column read are taken for copies.
"""

from pathlib import Path

import numpy as np

from gaintrace.data.readers.answers import JOINTS, Answers, Reader, in_time_order, one_row_a_skill, single, split_joined
from gaintrace.data.readers.common import read_table

COLUMNS = ("studentId", "problemId", "skill", "correct", "startTime", "timeTaken")


def read(paths: list[Path]) -> Answers:
    """`timeTaken` only tells copies from answers given in the same second."""
    table = read_table(single(paths, "assist2017"), COLUMNS)
    table.student = "studentId"
    table.ids("studentId", "problemId")
    table.ids("skill", joints=JOINTS)
    table.require(("studentId", "problemId", "skill", "correct", "startTime"))
    table.numeric("startTime")
    table.binary("correct")
    table.unique(list(COLUMNS))
    split_joined(table, "skill")
    frame = in_time_order(table.frame, "studentId", "startTime")
    frame = frame.rename(columns={"studentId": "uid", "problemId": "item", "correct": "response"})
    frame["answer"] = np.arange(len(frame))
    frame = frame[["uid", "answer", "item", "skill", "response", "line"]]
    return Answers(one_row_a_skill(table, frame), [table])


READER = Reader(COLUMNS, "anonymized_full_release_competition_dataset.csv", read)
