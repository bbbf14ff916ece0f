"""assist2012: 2012-2013-data-with-predictions-4-final.csv. One skill an answer; start_time orders them.

More than half of the rows have no skill and are dropped, as everywhere in the field. pyKT cuts partial credit off to 0;
here such answers are left out, as in the other ASSISTments data.
"""

from pathlib import Path

import numpy as np

from gaintrace.data.readers.answers import JOINTS, Answers, Reader, in_time_order, one_row_a_skill, single, split_joined
from gaintrace.data.readers.common import read_table
from gaintrace.data.readers.times import in_order

COLUMNS = ("user_id", "problem_id", "skill_id", "correct", "start_time", "end_time")


def read(paths: list[Path]) -> Answers:
    """Rows equal in every column read are taken for copies."""
    table = read_table(single(paths, "assist2012"), COLUMNS)
    table.student = "user_id"
    table.ids("user_id", "problem_id")
    table.ids("skill_id", joints=JOINTS)
    table.require(COLUMNS)
    table.binary("correct")
    in_order(table, "start_time")
    table.unique(list(COLUMNS))
    split_joined(table, "skill_id")
    frame = in_time_order(table.frame, "user_id", "start_time")
    frame = frame.rename(columns={"user_id": "uid", "problem_id": "item", "skill_id": "skill", "correct": "response"})
    frame["answer"] = np.arange(len(frame))
    return Answers(one_row_a_skill(table, frame[["uid", "answer", "item", "skill", "response", "line"]]), [table])


READER = Reader(COLUMNS, "2012-2013-data-with-predictions-4-final.csv", read)
