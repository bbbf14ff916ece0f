"""The code version names the code's numbers: while it stays, these trainings give what is recorded under it.

It is a name, not a hash of sources, so that a better word in a docstring retrains nobody's runs. What guards it is
here: trainings that use every option of model and training. Where one of them gives other numbers on purpose,
gaintrace.identity.NUMBERS gets a new name, and `python -m tests.test_numbers` records what it stands for. The same
command records the case of a new option under the name that there is.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from gaintrace.config import ModelConfig, TrainingConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.dataset import COLUMNS, Dataset
from gaintrace.data.split import split_students
from gaintrace.data.synthetic import generate
from gaintrace.identity import code_version
from gaintrace.store import open_store
from gaintrace.training.checkpoint import Pace
from gaintrace.training.loop import train
from gaintrace.training.reporter import Silent
from tests.conftest import small_run

RECORDED = Path(__file__).with_name("numbers.json")
ROUNDING = 2e-6
"""Other threads and other instructions of a processor add in another order: 1e-7 was seen, and 2e-4 in bf16."""

READABLE = {"gain": "linear", "curve": "per_skill", "ability": "inferred"}
PRESET = READABLE | {"target": "past", "position": "distance", "interaction": "composed"}
EVIDENCE = PRESET | {"gain": "evidence"}
CASES = {
    "published": [{"training": {"clip_scope": "global"}}],
    "per_skill gain": [{"model": {"gain": "per_skill", "position": "distance"}}],
    "composed": [{"model": {"interaction": "composed", "gain": "linear"}}],
    "past": [{"model": {"target": "past", "curve": "per_skill"}}],
    "preset": [{"model": PRESET, "training": {"weight_average": 0.9, "curve_learning_rate": 0.02}}],
    "learned weights": [{"model": READABLE, "training": {"loss_weighting": "learned", "bce_loss_weight": 0.6}}],
    "bf16": [{"model": PRESET, "training": {"precision": "bf16"}}],
    "seeds": [{"training": {"seed": seed, "selection_metric": "per_encoder"}} for seed in (1, 2, 1)],
    "moving weights": [
        {"training": {"bce_loss_weight": 0.2, "bce_loss_weight_end": 0.9, "loss_weight_schedule": schedule}}
        for schedule in ("linear", "cosine", "inverse")
    ],
    "one norm over both": [
        {"model": PRESET, "training": {"clip_scope": "global", "gradient_clip": clip}} for clip in (0.05, 1.0)
    ],
    "evidence": [{"model": EVIDENCE, "training": {"weight_average": 0.9, "curve_learning_rate": 0.02}}],
    "evidence alone": [{"model": EVIDENCE | {"ability": "none"}, "learning_curve": {"mastery_threshold_init": 0.5}}],
    "inferred growth": [{"model": EVIDENCE | {"growth": "inferred"}, "training": {"weight_average": 0.9}}],
    "items": [{"model": EVIDENCE | {"items": "difficulty"}, "training": {"weight_average": 0.9}}],
    "aggregate": [
        {
            "model": EVIDENCE | {"items": "difficulty", "aggregate": "mastery"},
            "training": {"aggregate_loss_weight": weight},
        }
        for weight in (0.5, 2.0)
    ],
    "items of a curve": [{"model": READABLE | {"items": "difficulty"}}],
    "sliding": [{"model": EVIDENCE, "data": {"max_sequence_length": 15, "evaluation_overlap": 11}}],
    "the study's training": [
        {"training": {"loss": "double_sigmoid", "batch_order": "pykt", "clip_scope": "global", "seed": seed}}
        for seed in (1, 2)
    ],
    "combined": [{"training": {"selection_metric": "valid_combined", "weight_decay": 0.01}}],
}


@pytest.mark.parametrize(
    ("case", "skills_per_answer"),
    [
        *((case, "one") for case in CASES),
        ("preset", "several"),
        *(pytest.param(case, "several", marks=pytest.mark.thorough) for case in CASES if case != "preset"),
    ],
)
def test_trainings_give_the_numbers_of_this_code_version(case, skills_per_answer):
    recorded = json.loads(RECORDED.read_text())
    assert recorded["code_version"] == code_version(), "record with `python -m tests.test_numbers`"
    name = f"{case}, {skills_per_answer}"
    found = numbers(case, skills_per_answer)
    assert found.keys() == recorded["numbers"][name].keys()
    for number, value in found.items():
        loose = 500 if case == "bf16" else 1
        assert value == pytest.approx(recorded["numbers"][name][number], rel=0, abs=loose * ROUNDING), number


def test_the_cases_use_every_option():
    """An option without a case could change its numbers under the same name."""
    used = [small_run(**sections) for members in CASES.values() for sections in members]
    for section, model in (("model", ModelConfig), ("training", TrainingConfig)):
        schema = model.model_json_schema()["properties"]
        for field, values in ((name, found["enum"]) for name, found in schema.items() if "enum" in found):
            assert {getattr(getattr(run, section), field) for run in used} == set(values), field


def test_the_recorder_adds_missing_cases_and_changes_none_under_the_same_name(tmp_path, monkeypatch):
    path, module = tmp_path / "numbers.json", sys.modules[__name__]
    monkeypatch.setattr(module, "numbers", lambda case, skills_per_answer: {"loss": 0.7})
    first = f"{next(iter(CASES))}, one"
    path.write_text(json.dumps({"code_version": code_version(), "numbers": {first: {"loss": 0.5}}}))
    record(path)
    added = json.loads(path.read_text())["numbers"]
    assert added.pop(first) == {"loss": 0.5}
    assert len(added) == 2 * len(CASES) - 1
    assert all(found == {"loss": 0.7} for found in added.values())
    with pytest.raises(SystemExit, match="name new ones"):
        record(path)
    monkeypatch.setattr(module, "code_version", lambda: "another")
    record(path)
    assert json.loads(path.read_text())["numbers"][first] == {"loss": 0.7}


def numbers(case: str, skills_per_answer: str) -> dict[str, float]:
    """What the runs of a case came to, as numbers that any change of their arithmetic moves."""
    runs = {str(member): small_run(**sections) for member, sections in enumerate(CASES[case])}
    runs = {name: config.model_copy(update={"training": _two_epochs(config)}) for name, config in runs.items()}
    first = runs["0"]
    dataset = generate(first.data.synthetic) if skills_per_answer == "one" else _answers_of_several_skills()
    frame = dataset.interactions
    frame["item"] = (4 * frame["skill"] + frame["step"] % 4).astype(COLUMNS["item"])
    found: dict[str, float] = {}

    def book(ended):
        for row in ended.history.rows:
            found.update({f"{ended.run} {row['epoch']} {k}": v for k, v in row.items() if k.endswith("_loss")})
        for side, score in ended.test.items():
            found[f"{ended.run} test {side} loss"] = score.loss
        for name in ("e1", "e2", "e3", "mastery", "ability", "growth", "difficulty"):
            if name in ended.predictions:
                values = ended.predictions[name].to_numpy(np.float64)
                found[f"{ended.run} {name} mean"] = values.mean()
                found[f"{ended.run} {name} deviation"] = values.std()

    with tempfile.TemporaryDirectory() as folder:
        train(
            runs,
            DeviceData(dataset, first.data, torch.device("cpu")),
            runs=open_store(folder),
            checkpoints={},
            on_ended=book,
            reporter=Silent(),
            say=lambda _: None,
            interrupted=lambda: False,
            pace=Pace(),
        )
    return dict(sorted(found.items()))


def _two_epochs(config):
    return config.training.model_copy(update={"epochs": 2})


def _answers_of_several_skills() -> Dataset:
    random = np.random.default_rng(0)
    rows = [
        (student, step, -1, int(skill), int(random.integers(2)))
        for student in range(80)
        for step in range(int(random.integers(4, 45)))
        for skill in random.permutation(7)[: int(random.integers(1, 4))]
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    students = pd.DataFrame({"uid": [str(student) for student in range(80)], "fold": split_students(80).fold})
    return Dataset("several", frame, students, [str(skill) for skill in range(7)])


def record(path: Path = RECORDED) -> None:
    """Write numbers.json: all cases of a new code version, and of the recorded one those that are missing.

    What stands recorded under the name that the code has is never changed.
    """
    recorded = json.loads(path.read_text()) if path.exists() else {}
    kept = recorded["numbers"] if recorded.get("code_version") == code_version() else {}
    cases = [(case, kind) for case in CASES for kind in ("one", "several")]
    missing = [(case, kind) for case, kind in cases if f"{case}, {kind}" not in kept]
    if not missing:
        sys.exit(f"{path} holds the numbers of {code_version()}; name new ones in gaintrace.identity.NUMBERS first")
    torch.set_num_threads(1)
    found = kept | {f"{case}, {kind}": numbers(case, kind) for case, kind in missing}
    path.write_text(json.dumps({"code_version": code_version(), "numbers": found}, indent=1) + "\n")


if __name__ == "__main__":
    record()
