"""Training files of the KDD Cup 2010, tab-separated, a row a step. A step may need several skills, joined by `~~`.

An item is a problem and a step of it. pyKT expands the skills of a step into interactions one after another; a model
that reads them so sees the response to a step before predicting it. Here they stay one answer.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from gaintrace.data.readers.answers import Answers, Reader, in_time_order, one_row_a_skill, set_skills, single
from gaintrace.data.readers.common import read_table

STUDENT, PROBLEM, STEP = "Anon Student Id", "Problem Name", "Step Name"
TIME, RESPONSE = "First Transaction Time", "Correct First Attempt"
SEPARATOR = "~~"


def _parts(cell: str) -> list[str]:
    return [skill for part in cell.split(SEPARATOR) if (skill := part.strip())]


def steps(name: str, skills: str, public_name: str) -> Reader:
    """The reader of one of the files; `skills` is its column of them."""
    columns = (STUDENT, PROBLEM, STEP, TIME, RESPONSE, skills)

    def read(paths: list[Path]) -> Answers:
        """Steps without a skill are dropped."""
        table = read_table(single(paths, name), columns, "\t")
        table.student = STUDENT
        table.ids(STUDENT, PROBLEM, STEP)
        table.ids(skills, joints=SEPARATOR)
        table.require(columns)
        written = table.frame[skills]
        set_skills(table, skills, {cell: _parts(cell) for cell in written.unique()})
        table.binary(RESPONSE)
        when = pd.to_datetime(table.frame[TIME], errors="coerce", format="ISO8601", utc=True)
        table.frame = table.frame.assign(**{TIME: when})
        table.keep(when.notna(), f"{TIME} is not a time")
        table.unique(list(columns))
        frame = in_time_order(table.frame, STUDENT, TIME)
        rows = pd.DataFrame(
            {
                "uid": frame[STUDENT],
                "answer": np.arange(len(frame)),
                "item": frame[PROBLEM] + "----" + frame[STEP],
                "skill": frame[skills],
                "response": frame[RESPONSE],
                "line": frame["line"],
            }
        )
        return Answers(one_row_a_skill(table, rows), [table])

    return Reader(columns, public_name, read)


ALGEBRA2005 = steps("algebra2005", "KC(Default)", "algebra_2005_2006_train.txt")
BRIDGE2ALGEBRA2006 = steps("bridge2algebra2006", "KC(SubSkills)", "bridge_to_algebra_2006_2007_train.txt")
