"""assist2015: 2015_100_skill_builders_main_problems.csv. A sequence is a skill; log_id orders a student's answers."""

from pathlib import Path

import numpy as np

from gaintrace.data.readers.answers import JOINTS, Answers, Reader, in_time_order, one_row_a_skill, single, split_joined
from gaintrace.data.readers.cells import nothing
from gaintrace.data.readers.common import read_table

COLUMNS = ("user_id", "log_id", "sequence_id", "correct")


def read(paths: list[Path]) -> Answers:
    """One skill an answer; the file names no problems."""
    table = read_table(single(paths, "assist2015"), COLUMNS, packed=True)
    table.student = "user_id"
    table.ids("user_id")
    table.ids("sequence_id", joints=JOINTS)
    table.require(COLUMNS)
    table.numeric("log_id")
    table.binary("correct")  # the public file has partial credit between 0 and 1
    table.unique(["user_id", "log_id", "sequence_id"])
    split_joined(table, "sequence_id")
    frame = in_time_order(table.frame, "user_id", "log_id")
    frame = frame.rename(columns={"user_id": "uid", "sequence_id": "skill", "correct": "response"})
    frame = frame.assign(item=nothing(len(frame)), answer=np.arange(len(frame), dtype=np.int32))
    frame = frame[["uid", "answer", "item", "skill", "response", "line"]]
    return Answers(one_row_a_skill(table, frame), [table])


READER = Reader(COLUMNS, "2015_100_skill_builders_main_problems.csv", read)
