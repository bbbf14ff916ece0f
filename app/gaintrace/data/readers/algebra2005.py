"""algebra2005: algebra_2005_2006_train.txt of the KDD Cup 2010, tab-separated. A step may need several skills.

An item is a problem and a step of it. pyKT expands the skills of a step into interactions one after another; a model
that reads them so sees the response to a step before predicting it. Here they stay one answer.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from gaintrace.data.readers.common import Answers, Reader, in_time_order, read_table, single

STUDENT, PROBLEM, STEP = "Anon Student Id", "Problem Name", "Step Name"
TIME, RESPONSE, SKILLS = "First Transaction Time", "Correct First Attempt", "KC(Default)"
COLUMNS = (STUDENT, PROBLEM, STEP, TIME, RESPONSE, SKILLS)
SEPARATOR = "~~"


def read(paths: list[Path]) -> Answers:
    """Steps without a skill are dropped."""
    table = read_table(single(paths, "algebra2005"), COLUMNS, "\t")
    table.require(COLUMNS)
    table.keep(table.frame[SKILLS].str.strip(SEPARATOR + " ") != "", f"missing {SKILLS}")
    table.binary(RESPONSE)
    when = pd.to_datetime(table.frame[TIME], errors="coerce", format="ISO8601")
    table.frame = table.frame.assign(**{TIME: when})
    table.keep(when.notna(), f"{TIME} is not a time")
    table.unique(list(COLUMNS))
    frame = in_time_order(table.frame, STUDENT, TIME)
    frame = pd.DataFrame(
        {
            "uid": frame[STUDENT],
            "answer": np.arange(len(frame)),
            "item": frame[PROBLEM] + "----" + frame[STEP],
            "skill": frame[SKILLS].str.split(SEPARATOR),
            "response": frame[RESPONSE],
        }
    )
    frame = frame.explode("skill", ignore_index=True)
    frame = frame.assign(skill=frame["skill"].str.strip())
    frame = frame[frame["skill"] != ""]  # a separator at either end of the list
    return table.answers(frame.drop_duplicates(["answer", "skill"], ignore_index=True))


READER = Reader(COLUMNS, "algebra_2005_2006_train.txt", read)
