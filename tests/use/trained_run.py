"""Runs that are trained in a second, for tests of their use."""

import numpy as np
import pandas as pd
import torch

from gaintrace.config import SweepSpec
from gaintrace.data.dataset import COLUMNS, Dataset
from gaintrace.data.split import split_students
from gaintrace.data.synthetic import generate
from gaintrace.sweeps.data import reference
from gaintrace.sweeps.plan import make_plan, write_plan
from gaintrace.sweeps.shard import ShardTrainer
from gaintrace.training.reporter import Silent
from tests.conftest import small_run

EVIDENCE = {
    "gain": "evidence",
    "curve": "per_skill",
    "ability": "inferred",
    "growth": "inferred",
    "items": "difficulty",
}
PAST = {"target": "past", "position": "distance", "interaction": "composed"}
IRT = {"synthetic": {"students": 90, "skills": 4, "mean_length": 25, "seed": 3, "simulator": "irt"}}


def train(store, dataset=None, **sections):
    """A run of a small configuration: its id. `dataset`: instead of what the configuration simulates."""
    if dataset is not None:
        sections = sections | {"data": sections.get("data", {}) | {"synthetic": None}}
    spec = SweepSpec(name="used", base=small_run(**sections))
    if dataset is None:
        dataset = generate(spec.base.data.synthetic)
    plan = make_plan(spec, reference(spec.base, dataset))
    write_plan(store, plan)
    ShardTrainer(store, plan, dataset, lambda: torch.device("cpu"), Silent(), lambda: False).train(0)
    return plan.runs[0].run_id


def of_several_skills(students=90, skills=6, answers=14):
    """A data set whose answers need one to three skills, with items that are named."""
    random = np.random.default_rng(5)
    rows = [
        (s, step, int(random.integers(8)), int(skill), response)
        for s in range(students)
        for step in range(int(random.integers(3, answers)))
        for response in [int(random.random() < 0.3 + 0.5 * (s % 2))]
        for skill in random.choice(skills, int(random.integers(1, 4)), replace=False)
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS)[:5]).astype(COLUMNS)
    people = pd.DataFrame({"uid": [f"pupil {s}" for s in range(students)], "fold": split_students(students).fold})
    names = [f"skill {s}" for s in range(skills)]
    return Dataset("several", frame, people, names, items=[f"exercise {i}" for i in range(8)])
