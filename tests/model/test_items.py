"""Difficulties of items: what they do to both encoders, and what training makes of them."""

import numpy as np
import pandas as pd
import pytest
import torch

from gaintrace.config import DataConfig
from gaintrace.data.batches import DeviceData, Members
from gaintrace.data.dataset import COLUMNS, Dataset
from gaintrace.data.split import split_students
from gaintrace.model.dual import build_mastery, build_performance
from gaintrace.model.items import RELIABLE, VARIANCE, Difficulty
from gaintrace.model.layers import no_dropout
from gaintrace.training.population import Population
from tests.conftest import small_run

CPU = torch.device("cpu")
PAST = {"target": "past", "position": "distance"}
EVIDENCE = PAST | {"gain": "evidence", "curve": "per_skill", "ability": "inferred"}
LINEAR = PAST | {"gain": "linear", "curve": "per_skill"}


def answered(students=60, answers=20, items=10, seed=0, effect=2.0):
    """Students on two skills; the odd items of a skill are harder by twice `effect` logits than the even ones."""
    rng = np.random.default_rng(seed)
    rows = []
    for student in range(students):
        for step in range(answers):
            item = int(rng.integers(items))
            easy = 1 / (1 + np.exp(effect if item % 2 else -effect))
            rows.append((student, step, item, item % 4 // 2, int(rng.random() < easy)))
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    students = pd.DataFrame({"uid": [str(s) for s in range(students)], "fold": split_students(students).fold})
    return Dataset("items", frame, students, ["a", "b"])


def logits(encoder, data):
    (layout,) = data.test.evaluation(10_000)
    inputs = data.gather(data.test, layout).inputs.for_members(Members.of([0], 1, CPU))
    with torch.no_grad():
        output = encoder.eval()(inputs, no_dropout)
    return inputs, output if isinstance(output, torch.Tensor) else output.logit


@pytest.mark.parametrize("model", [EVIDENCE, LINEAR, {}])
def test_either_encoder_subtracts_the_difficulty_of_the_target_s_item(model):
    data = DeviceData(answered(), DataConfig(), CPU)
    config = small_run(model=model | {"items": "difficulty"})
    for encoder in (
        build_performance(config, 2, data.item_answers),
        build_mastery(config, 2, data.train_students, data.item_answers),
    ):
        with torch.no_grad():
            for name, parameter in encoder.named_parameters():
                if "harder" in name:
                    parameter.zero_()
        inputs, before = logits(encoder, data)
        first = int(inputs.target_item[0, 0])
        with torch.no_grad():
            encoder.difficulty.weight[0, first - 1] = 0.05
        # What is known of an item's earlier answers moves as well, so only what came before the first of them counts.
        asked = inputs.target_item == first
        seen = (inputs.item == first).view(-1, inputs.length_groups[0].positions).cumsum(1).view(1, -1) > 0
        _, after = logits(encoder, data)
        moved = (before - after)[~seen]
        assert torch.allclose(moved, torch.where(asked, 0.5, 0.0)[~seen], atol=1e-5)
        assert moved.any()


def test_a_network_is_given_a_difficulty_by_what_it_rests_on_and_has_no_part_in_it():
    difficulty = Difficulty(torch.tensor([0.0, RELIABLE, 1e9]))
    with torch.no_grad():
        difficulty.weight.fill_(0.1)
    read = difficulty.read(torch.tensor([[0, 1, 2, 3]]))
    assert read[0, :, 0].tolist() == pytest.approx([0, 0, 0.5, 1])
    assert not read.requires_grad
    data = DeviceData(answered(), DataConfig(), CPU)
    encoder = build_performance(small_run(model=PAST | {"items": "difficulty"}), 2, data.item_answers)
    with torch.no_grad():
        encoder.difficulty.weight.normal_()
    _, before = logits(encoder, data)
    with torch.no_grad():
        encoder.stack.harder_value.weight.add_(1.0)
    assert not torch.equal(logits(encoder, data)[1], before)


def test_an_item_that_no_training_student_answered_is_as_hard_as_its_skill():
    dataset = answered()
    test = dataset.students["fold"].to_numpy()[dataset.interactions["student"]] == -1
    dataset.interactions.loc[test, "item"] += 100
    data = DeviceData(dataset, DataConfig(), CPU)
    assert len(data.item_answers) == 10
    (layout,) = data.test.evaluation(10_000)
    assert not data.gather(data.test, layout).inputs.target_item.any()
    difficulty = Difficulty(torch.ones(10))
    with torch.no_grad():
        difficulty.weight.fill_(1.0)
    assert difficulty(torch.tensor([[0, 1]])).tolist() == [[0.0, 10.0]]


def test_answers_on_the_item_itself_are_counted():
    from gaintrace.model.performance import counts

    data = DeviceData(answered(), DataConfig(), CPU)
    (layout,) = data.test.evaluation(10_000)
    inputs = data.gather(data.test, layout).inputs.for_members(Members.of([0], 1, CPU))
    found = counts(inputs, 2, items=True)[0].expm1()
    row, steps = 3, inputs.length_groups[0].positions
    for n in range(steps):
        at = row * steps + n
        same = inputs.item[0, row * steps : at + 1] == inputs.target_item[0, at]
        right = inputs.token[0, row * steps : at + 1] >= 2
        expected = [float((same & right).sum()), float((same & ~right).sum())]
        assert found[at, 3:].tolist() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("effect", [2.0, 0.0])
def test_training_finds_which_items_are_hard_and_leaves_alone_what_differs_by_luck(effect):
    config = small_run(
        data={"synthetic": None}, model=EVIDENCE | {"items": "difficulty"}, training={"learning_rate": 1e-2}
    )
    population = Population({"run": config}, DeviceData(answered(students=200, effect=effect), config.data, CPU))
    for number in range(1, 9):
        epoch = population.begin_epoch(number)
        while not epoch.done:
            epoch.advance()
    for side in population.sides.values():
        difficulty = side.module.difficulty(torch.arange(1, 11)[None])[0].detach()
        apart = float(difficulty[1::2].mean() - difficulty[::2].mean())
        assert 2.5 < apart < 4.5 if effect else abs(apart) < 0.3


def test_the_prior_is_the_normal_one_and_members_have_their_own():
    difficulty = Difficulty(torch.ones(3))
    difficulty.weight = torch.nn.Parameter(torch.tensor([[[0.1], [0.2], [0.0]], [[0.0], [0.0], [-0.1]]]))
    assert difficulty.surprise().tolist() == pytest.approx([(1 + 4) / (2 * VARIANCE), 1 / (2 * VARIANCE)])


def test_data_without_items_train_the_same_with_the_option():
    none = torch.ones(0)
    for build, arguments in ((build_performance, (2,)), (build_mastery, (2, 5))):
        plain, option = (
            build(small_run(model=EVIDENCE | {"items": items}), *arguments, none) for items in ("none", "difficulty")
        )
        assert {name: tensor.shape for name, tensor in plain.named_parameters()} == {
            name: tensor.shape for name, tensor in option.named_parameters()
        }
