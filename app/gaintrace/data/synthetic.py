"""Simulated students whose ability, learning curves and mastery are known.

For student i, skill s, after n earlier answers of i on s:

    practice     = n                                   each answer is one unit
    mastery      = M_sat[s] · sigmoid(β[s] · γ[i] · practice − offset[s])
    p(correct)   = sigmoid((mastery − threshold[s]) / TEMPERATURE + ABILITY_WEIGHT · ability[i])

The curve is that of the mastery encoder, so what it learns can be compared with the truth. Students answer in runs
on one skill and sometimes return to an earlier one, as in a tutoring system.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gaintrace.config import SyntheticConfig
from gaintrace.data.dataset import COLUMNS, TRUE_MASTERY, Dataset
from gaintrace.data.split import split_students

TEMPERATURE = 0.18
ABILITY_WEIGHT = 0.7
MEAN_RUN = 6
"""Answers on one skill before the student changes it, on average."""
SHORTEST = 3

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
Integers = np.ndarray[tuple[int], np.dtype[np.integer[Any]]]


@dataclass(frozen=True)
class Truth:
    """What the students were simulated with: `ability`, `velocity` (γ) a student; the others a skill."""

    ability: Floats
    velocity: Floats
    beta: Floats
    m_sat: Floats
    offset: Floats
    threshold: Floats


def generate(config: SyntheticConfig) -> Dataset:
    """Simulated students as a data set; equal configurations give equal ones."""
    return simulate(config)[0]


def simulate(config: SyntheticConfig) -> tuple[Dataset, Truth]:
    """Simulated students and what they were simulated with."""
    rng = np.random.Generator(np.random.PCG64(config.seed))
    truth = _truth(rng, config)
    length = SHORTEST + rng.poisson(max(0, config.mean_length - SHORTEST), config.students)
    student = np.repeat(np.arange(config.students), length)
    skill = _practised_skills(rng, student, config.skills)
    practice = _earlier_answers(student, skill, config.skills)
    slope = truth.beta[skill] * truth.velocity[student]
    mastery = truth.m_sat[skill] / (1 + np.exp(truth.offset[skill] - slope * practice))
    logit = (mastery - truth.threshold[skill]) / TEMPERATURE + ABILITY_WEIGHT * truth.ability[student]
    response = rng.random(len(student)) < 1 / (1 + np.exp(-logit))
    step = np.arange(len(student)) - np.repeat(np.cumsum(length) - length, length)
    frame = pd.DataFrame({"student": student, "step": step, "item": -1, "skill": skill, "response": response}).astype(
        COLUMNS
    )
    frame[TRUE_MASTERY] = mastery.astype("float32")
    students = pd.DataFrame(
        {"uid": [f"student-{i}" for i in range(config.students)], "fold": split_students(config.students).fold}
    )
    skills = [f"skill-{s}" for s in range(config.skills)]
    return Dataset("synthetic", frame, students, skills), truth


def _truth(rng: np.random.Generator, config: SyntheticConfig) -> Truth:
    return Truth(
        ability=rng.normal(0, 1, config.students),
        velocity=rng.lognormal(0, 0.4, config.students),
        beta=rng.uniform(0.15, 0.6, config.skills),
        m_sat=rng.uniform(0.6, 1.0, config.skills),
        offset=rng.uniform(0.5, 2.5, config.skills),
        threshold=rng.uniform(0.2, 0.6, config.skills),
    )


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


def _earlier_answers(student: Integers, skill: Integers, skills: int) -> Integers:
    """How often each answer's student has answered on its skill before."""
    key = student * skills + skill
    return pd.Series(key).groupby(key).cumcount().to_numpy()
