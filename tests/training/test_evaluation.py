"""Numbers made of predictions."""

import pytest
import torch

from gaintrace.data.batches import DeviceData
from gaintrace.data.synthetic import generate
from gaintrace.model.dual import build_mastery
from gaintrace.training.evaluation import gain_score, predict
from tests.conftest import small_run


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
