"""algebra2005: algebra_2005_2006_train.txt of the KDD Cup 2010, tab-separated. A step may need several skills.

An item is a problem and a step of it. pyKT expands the skills of a step into interactions one after another; a model
that reads them so sees the response to a step before predicting it. Here they stay one answer.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from gaintrace.data.readers.answers import Answers, Reader, in_time_order, one_row_a_skill, single
from gaintrace.data.readers.common import read_table

STUDENT, PROBLEM, STEP = "Anon Student Id", "Problem Name", "Step Name"
TIME, RESPONSE, SKILLS = "First Transaction Time", "Correct First Attempt", "KC(Default)"
COLUMNS = (STUDENT, PROBLEM, STEP, TIME, RESPONSE, SKILLS)
SEPARATOR = "~~"


def read(paths: list[Path]) -> Answers:
    """Steps without a skill are dropped."""
    table = read_table(single(paths, "algebra2005"), COLUMNS, "\t")
    table.student = STUDENT
    table.ids(STUDENT, PROBLEM, STEP)
    table.ids(SKILLS, joints=SEPARATOR)
    table.require(COLUMNS)
    skills = table.frame[SKILLS].map(lambda text: [skill for part in text.split(SEPARATOR) if (skill := part.strip())])
    table.keep(skills.map(bool).astype(bool), f"missing {SKILLS}")
    table.binary(RESPONSE)
    when = pd.to_datetime(table.frame[TIME], errors="coerce", format="ISO8601", utc=True)
    table.frame = table.frame.assign(**{TIME: when})
    table.keep(when.notna(), f"{TIME} is not a time")
    table.unique(list(COLUMNS))
    frame = in_time_order(table.frame, STUDENT, TIME)
    frame = pd.DataFrame(
        {
            "uid": frame[STUDENT],
            "answer": np.arange(len(frame)),
            "item": frame[PROBLEM] + "----" + frame[STEP],
            "skill": skills.loc[frame["line"]].to_numpy(),
            "response": frame[RESPONSE],
            "line": frame["line"],
        }
    )
    return Answers(one_row_a_skill(table, frame), [table])


READER = Reader(COLUMNS, "algebra_2005_2006_train.txt", read)
