"""Numbers made of predictions."""

import numpy as np
import pandas as pd
import pytest
import torch

from gaintrace.config import DataConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.dataset import Dataset
from gaintrace.data.split import TEST_FOLD
from gaintrace.data.synthetic import generate
from gaintrace.data.windows import window_starts
from gaintrace.model.dual import build_mastery, build_performance
from gaintrace.training.evaluation import gain_score, predict
from tests.conftest import small_run
from tests.data.test_batches import made


def test_gains_are_told_apart_by_the_response_they_follow():
    score = gain_score(torch.tensor([0.2, 0.4, 0.9]), torch.tensor([False, False, True]))
    assert (score.mean, score.after_correct, score.after_wrong) == pytest.approx((0.5, 0.9, 0.3))
    assert score.std == pytest.approx(torch.tensor([0.2, 0.4, 0.9]).std(correction=0).item())
    assert gain_score(torch.tensor([0.5]), torch.tensor([True])).after_wrong is None


@pytest.mark.parametrize("gain", ["scalar", "per_skill"])
def test_every_target_comes_with_the_gain_and_the_response_before_it(gain):
    config = small_run(model={"gain": gain})
    dataset = generate(config.data.synthetic)
    data = DeviceData(dataset, config.data, torch.device("cpu"))
    found = predict(build_mastery(config, data.skills, data.train_students), data, data.test)
    assert found.gain.shape == found.logit.shape == found.mastery.shape
    assert ((found.gain > 0) & (found.gain < 1)).all()
    before = dataset.interactions["response"].to_numpy()[found.index.numpy() - 1]
    assert (found.answered.numpy() == before).all()


NEW = {"gain": "linear", "curve": "per_skill", "ability": "inferred", "target": "past", "position": "distance"}
EVIDENCE = NEW | {"gain": "evidence"}


@pytest.mark.parametrize("model", [{}, NEW, EVIDENCE])
@pytest.mark.parametrize(("overlap", "skills_per_answer"), [(0, 1), (7, 2), (11, 2)])
def test_a_target_is_predicted_from_its_window_as_if_that_were_all_its_history(model, overlap, skills_per_answer):
    """Sliding windows against a naive way: each target is the last row of a student who has nothing but its window."""
    data_config = {"max_sequence_length": 12, "evaluation_overlap": overlap}
    config = small_run(model=model, data=data_config)
    dataset = made([35, 14, 9] * 12, skills_per_answer)
    data = DeviceData(dataset, config.data, torch.device("cpu"))
    alone, row_of = one_student_a_target(dataset, config.data)
    naive = DeviceData(alone, DataConfig(max_sequence_length=12, min_sequence_length=2), torch.device("cpu"))
    assert naive.train_students == data.train_students
    for encoder in (build_performance(config, data.skills), build_mastery(config, data.skills, data.train_students)):
        found, expected = predict(encoder, data, data.test), predict(encoder, naive, naive.test)
        slow = {
            row_of[row]: value
            for row, value in zip(expected.index.tolist(), expected.logit[0].tolist(), strict=True)
            if row in row_of
        }
        assert set(found.index.tolist()) <= slow.keys()
        assert found.logit[0].tolist() == pytest.approx([slow[row] for row in found.index.tolist()], abs=1e-5)


def one_student_a_target(dataset, config):
    """The data set with its test students replaced: by one for each of their rows, who ends with it.

    Also, of the last rows of these students, which row of the original each is.
    """
    frame = dataset.interactions
    fold = dataset.students["fold"].to_numpy()
    kept = frame[fold[frame["student"]] != TEST_FOLD]
    position = frame.groupby("student").cumcount().to_numpy()
    start = window_starts(position, config.max_sequence_length, config.evaluation_overlap)
    parts, row_of = [kept], {}
    filled, student = len(kept), len(fold)
    for row in frame.index[(fold[frame["student"]] == TEST_FOLD) & (position > start)]:
        part = frame.iloc[row - position[row] + start[row] : row + 1].assign(student=student)
        parts.append(part.astype(frame.dtypes))
        filled, student = filled + len(part), student + 1
        row_of[filled - 1] = row
    folds = np.concatenate([fold, np.full(student - len(fold), TEST_FOLD)])
    students = pd.DataFrame({"uid": [str(n) for n in range(student)], "fold": folds})
    return Dataset("alone", pd.concat(parts, ignore_index=True), students, dataset.skills), row_of
