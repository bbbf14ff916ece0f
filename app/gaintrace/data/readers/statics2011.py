"""statics2011: AllData_student_step_2011F.csv, a row a step. A skill is a problem and a step of it, as in pyKT.

The file's own skills are finer and coarser at once, so the field takes the step; there is nothing else to be an item.
First attempts that ask for a hint are no answers. pyKT orders these students by their ids before it splits them.
"""

from pathlib import Path

import numpy as np

from gaintrace.data.readers.answers import Answers, Reader, in_time_order, single
from gaintrace.data.readers.common import read_table
from gaintrace.data.readers.times import in_order

STUDENT, PROBLEM, STEP = "Anon Student Id", "Problem Name", "Step Name"
TIME, RESPONSE = "First Transaction Time", "First Attempt"
COLUMNS = (STUDENT, PROBLEM, STEP, TIME, RESPONSE)


def read(paths: list[Path]) -> Answers:
    """Rows equal in every column read are taken for copies."""
    table = read_table(single(paths, "statics2011"), COLUMNS)
    table.student = STUDENT
    table.ids(STUDENT, PROBLEM, STEP)
    table.require(COLUMNS)
    attempt = table.frame[RESPONSE].str.lower()
    table.keep(attempt != "hint", f"{RESPONSE} is hint")
    response = attempt.map({"correct": 1, "incorrect": 0})[attempt != "hint"]
    table.keep(response.notna(), f"{RESPONSE} is neither correct nor incorrect")
    table.frame = table.frame.assign(**{RESPONSE: response.dropna().astype("int8")})
    in_order(table, TIME)
    table.unique(list(COLUMNS))
    frame = in_time_order(table.frame.sort_values(STUDENT, kind="stable"), STUDENT, TIME)
    frame = frame.rename(columns={STUDENT: "uid", RESPONSE: "response"})
    frame = frame.assign(answer=np.arange(len(frame)), item=None, skill=frame[PROBLEM] + "----" + frame[STEP])
    return Answers(frame[["uid", "answer", "item", "skill", "response", "line"]], [table])


READER = Reader(COLUMNS, "AllData_student_step_2011F.csv", read)
