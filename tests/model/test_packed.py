"""A batch packed into rows gives every target the logit, and the gradient, that it gets in length groups."""

import pytest
import torch

from gaintrace.config import DataConfig, LearningCurveConfig, ModelConfig, RunConfig
from gaintrace.data.batches import DeviceData, Members
from gaintrace.model.dual import build_side, stack
from gaintrace.model.layers import no_dropout
from gaintrace.model.mastery import MasteryPrediction
from tests.data.test_batches import made

CPU = torch.device("cpu")
MODELS = {
    "published": {},
    "per_skill gains": {"gain": "per_skill", "curve": "per_skill", "ability": "inferred", "interaction": "composed"},
    "past": {"position": "distance", "target": "past", "gain": "linear", "curve": "per_skill"},
    "evidence": {
        "position": "distance", "target": "past", "gain": "evidence", "curve": "per_skill", "ability": "inferred",
        "growth": "inferred", "items": "difficulty", "aggregate": "mastery",
    },
}  # fmt: skip


def predicted(encoder, data, split, layouts, streams):
    """By stream and row of the target: logits K, and the gradient of their squares in every parameter."""
    members = Members.of(streams, max(streams) + 1, CPU)
    found, total = {}, 0.0
    for layout in layouts:
        batch = data.gather(split, layout)
        output = encoder(batch.inputs.for_members(members), no_dropout)
        for values in (output.logit, output.mastery) if isinstance(output, MasteryPrediction) else (output,):
            real = members.expand(batch.targets.real)
            total = total + values[real].square().sum()
            index = members.expand(split.start[layout.chunk] + layout.position + 1)
            for k, value in enumerate(values):
                rows = zip(index[k][real[k]].tolist(), value[real[k]].tolist(), strict=True)
                for row, number in rows:
                    found.setdefault((k, row), []).append(number)
    learned = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
    gradients = torch.autograd.grad(total, learned, allow_unused=True)
    return found, gradients


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("skills_per_answer", [1, 3])
@pytest.mark.parametrize("side", ["e1", "e2", "e3"])
def test_packed_rows_give_what_length_groups_give(model, skills_per_answer, side):
    dataset = made([3, 5, 9, 14, 16, 17, 22, 31, 40] * 4, skills_per_answer)
    dataset.interactions["item"] = dataset.interactions["skill"] % 5
    data = DeviceData(dataset, DataConfig(max_sequence_length=18), CPU)
    size = {"d_model": 8, "n_heads": 2, "n_blocks": 2, "d_ff": 16}
    config = RunConfig(
        model=ModelConfig(**size, **model),
        data=DataConfig(max_sequence_length=18),
        learning_curve=LearningCurveConfig(mastery_threshold_init=0.4),
    )
    if side not in config.sides:
        pytest.skip("this model has no third encoder")
    torch.manual_seed(3)
    encoder = stack([build_side(side, config, data.skills, data.train_students, data.item_answers) for _ in range(3)])
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    packing = data.train.packed(8)
    streams = [0, 1, 0]
    layouts = [data.train.training(8, 1, [4, 9], packed) for packed in (None, packing)]
    assert any(layout.length_groups[0].rows < len(set(layout.chunk[0].tolist())) for layout in layouts[1])
    (expected, slopes), (found, own) = (predicted(encoder, data, data.train, each, streams) for each in layouts)
    assert found.keys() == expected.keys()
    for place, numbers in expected.items():
        assert found[place] == pytest.approx(numbers, abs=2e-5)
    for a, b in zip(own, slopes, strict=True):
        assert (a is None and b is None) or torch.allclose(a, b, atol=1e-3, rtol=1e-3)
