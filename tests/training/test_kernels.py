"""What a step launches on a device where launching costs: few operators, and the numbers of the plain way."""

from collections import Counter

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gaintrace.config import ModelConfig, RunConfig, TrainingConfig
from gaintrace.data.batches import DeviceData
from gaintrace.model.layers import Dropout, Index, look_up
from gaintrace.training.population import Population
from tests.data.test_batches import made

CPU = torch.device("cpu")
NO_KERNEL = {"empty", "empty_like", "empty_strided", "new_empty", "detach", "_record_function_enter_new"}
NO_KERNEL |= {"_record_function_exit"}
EVIDENCE = {
    "interaction": "composed", "position": "distance", "target": "past", "gain": "evidence", "curve": "per_skill",
    "ability": "inferred", "growth": "inferred", "items": "difficulty",
}  # fmt: skip


class Operators(TorchDispatchMode):
    """Counts what is dispatched but views and memory: about a kernel each on a GPU."""

    def __init__(self):
        super().__init__()
        self.seen = Counter()

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        name = operator._schema.name.split("::")[1]
        view = any(found.alias_info and not found.alias_info.is_write for found in operator._schema.returns)
        if not view and name not in NO_KERNEL:
            self.seen[name] += 1
        return operator(*args, **(kwargs or {}))


def population(members, joined, model=None, **training):
    dataset = made([6, 9, 14, 31, 40, 25, 12] * 12)
    dataset.interactions["item"] = dataset.interactions["skill"] % 5
    size = {"d_model": 16, "n_heads": 2, "d_ff": 16, **(model or {})}
    if not joined:
        size["dropout"] = 0.0
    configs = {
        str(k): RunConfig(
            model=ModelConfig(**size), training=TrainingConfig(bce_loss_weight=0.2 + 0.1 * k, batch_size=16, **training)
        )
        for k in range(members)
    }
    found = Population(configs, DeviceData(dataset, next(iter(configs.values())).data, CPU))
    found.packing = found.data.train.packed(16)
    for side in found.sides.values():
        side.joined = joined
    return found


@pytest.mark.parametrize(
    ("model", "most"), [({}, 500), (EVIDENCE | {"n_blocks": 2}, 800)], ids=["published", "evidence"]
)
def test_a_step_of_one_run_launches_few_operators(model, most):
    own = population(1, joined=True, model=model)
    epoch = own.begin_epoch(1)
    epoch.advance()
    epoch.advance()
    with Operators() as operators:
        own.train(epoch.batches[2])
    assert operators.seen.total() <= most, operators.seen


def test_more_members_launch_hardly_more():
    counts = []
    for members in (1, 6):
        own = population(members, joined=True)
        epoch = own.begin_epoch(1)
        epoch.advance()
        with Operators() as operators:
            own.train(epoch.batches[1])
        counts.append(operators.seen.total())
    assert counts[1] < 1.4 * counts[0]


@pytest.mark.parametrize("model", [{}, EVIDENCE], ids=["published", "evidence"])
@pytest.mark.parametrize("clip", [1.0, 1e-3])
def test_joined_steps_train_like_others(model, clip):
    plain, joined = (
        population(3, flag, model | {"dropout": 0.0, "n_blocks": 1}, gradient_clip=clip) for flag in (False, True)
    )
    for own in (plain, joined):
        epoch = own.begin_epoch(1)
        for _ in range(3):
            epoch.advance()
    for name, side in plain.sides.items():
        for (key, one), other in zip(
            side.module.named_parameters(), joined.sides[name].module.parameters(), strict=True
        ):
            assert torch.allclose(one, other, atol=2e-5), key


def test_masks_drawn_at_once_belong_to_seeds():
    streams = torch.tensor([0, 1, 0])
    calls = [(4, torch.float32), (8, torch.float32)]
    drop = Dropout(0.25, [5, 6], streams, calls)
    drop.draw(1000)
    first, second = (drop(torch.ones(3, 1000, width)) for width, _ in calls)
    assert torch.equal(first[0], first[2]) and not torch.equal(first[0], first[1])
    for mask in (first, second):
        assert mask.unique().tolist() == pytest.approx([0.0, 4 / 3])
        assert (mask == 0).float().mean() == pytest.approx(0.25, abs=0.02)
    alone = Dropout(0.25, [6], torch.tensor([0]), calls)
    alone.draw(1000)
    assert torch.equal(alone(torch.ones(1, 1000, 4))[0], first[1])
    drop.draw(1000)
    assert not torch.equal(drop(torch.ones(3, 1000, 4)), first)


@pytest.mark.parametrize("members", [1, 3])
def test_rows_looked_up_by_a_product_are_those_of_an_embedding(members):
    table = torch.randn(members, 9, 5, requires_grad=True)
    number = torch.randint(0, 9, (members, 40))
    found = [look_up(table, Index(number, multiplied)) for multiplied in (False, True)]
    assert torch.equal(*found)
    slopes = [torch.autograd.grad((each * each).sum(), table)[0] for each in found]
    assert torch.allclose(*slopes, atol=1e-5)
