"""Simulated students whose mastery is known.

Students answer in runs on one skill and sometimes return to an earlier one, as in a tutoring system. What their mastery
is and how they answer is the simulator's: gaintrace.data.simulators.
"""

from typing import Any

import numpy as np
import pandas as pd

from gaintrace.config import SyntheticConfig
from gaintrace.data.dataset import COLUMNS, TRUE_MASTERY, Dataset
from gaintrace.data.simulators import DRAWN, Students
from gaintrace.data.split import split_students

MEAN_RUN = 6
"""Answers on one skill before the student changes it, on average."""
SHORTEST = 3

Integers = np.ndarray[tuple[int], np.dtype[np.integer[Any]]]


def generate(config: SyntheticConfig) -> Dataset:
    """Simulated students as a data set; equal configurations give equal ones."""
    return simulate(config)[0]


def simulate(config: SyntheticConfig) -> tuple[Dataset, Students]:
    """Simulated students and what they were simulated with."""
    rng = np.random.Generator(np.random.PCG64(config.seed))
    truth = DRAWN[config.simulator](rng, config)
    length = SHORTEST + rng.poisson(max(0, config.mean_length - SHORTEST), config.students)
    student = np.repeat(np.arange(config.students), length)
    skill = _practised_skills(rng, student, config.skills)
    response, mastery, item = truth.answers(rng, student, skill)
    step = np.arange(len(student)) - np.repeat(np.cumsum(length) - length, length)
    columns = {"student": student, "step": step, "item": -1 if item is None else item, "skill": skill}
    frame = pd.DataFrame(columns | {"response": response}).astype(COLUMNS)
    frame[TRUE_MASTERY] = mastery.astype("float32")
    students = pd.DataFrame(
        {"uid": [f"student-{i}" for i in range(config.students)], "fold": split_students(config.students).fold}
    )
    skills = [f"skill-{s}" for s in range(config.skills)]
    items = [] if item is None else [f"item-{i}" for i in range(int(item.max()) + 1)]
    return Dataset("synthetic", frame, students, skills, simulator=config.simulator, items=items), truth


def _practised_skills(rng: np.random.Generator, student: Integers, skills: int) -> Integers:
    """The skill of each answer: runs of one skill, moving on from a starting place of the student's own."""
    starts = np.diff(student, prepend=-1) != 0
    changes = starts | (rng.random(len(student)) < 1 / MEAN_RUN)
    change_rows = np.flatnonzero(changes)
    # Mostly on to the next skill of the course, sometimes back to any.
    onward = np.where(rng.random(len(change_rows)) < 0.7, 1, rng.integers(1, max(2, skills), len(change_rows)))
    onward[starts[change_rows]] = rng.integers(0, skills, int(starts.sum()))
    total = np.cumsum(onward)
    first_of_student = np.maximum.accumulate(np.where(starts[change_rows], np.arange(len(change_rows)), 0))
    before = (total - onward)[first_of_student]
    chosen = (total - before) % skills
    return np.repeat(chosen, np.diff(change_rows, append=len(student)))
