"""Questions asked of a history are answered as its targets are predicted."""

import numpy as np
import pytest
import torch

from gaintrace.config import RunConfig
from gaintrace.data.batches import Inputs, Members
from gaintrace.data.groups import LengthGroup
from gaintrace.model.asking import Questions, histories
from gaintrace.model.dual import build_mastery, build_performance
from gaintrace.model.layers import no_dropout
from tests.conftest import small_run

ROWS, STEPS, SKILLS, ITEMS = 3, 12, 5, 7
PUBLISHED = {}
PAST = {"target": "past", "position": "distance", "interaction": "composed"}
MODELS = {
    "published": PUBLISHED,
    "past": PAST,
    "learned position": {"target": "past"},
    "transfer": {"gain": "per_skill", "ability": "inferred"},
    "linear": {"gain": "linear", "curve": "per_skill", "items": "difficulty"},
    "evidence": PAST | {"gain": "evidence", "curve": "per_skill", "ability": "inferred", "items": "difficulty"},
    "evidence alone": {"gain": "evidence", "curve": "per_skill"},
}


def encoders(config: RunConfig):
    """Both, with weights that training might have left."""
    answers = torch.arange(1.0, ITEMS + 1)
    both = build_performance(config, SKILLS, answers), build_mastery(config, SKILLS, 4, answers)
    generator = torch.Generator().manual_seed(1)
    for encoder in both:
        for parameter in encoder.parameters():
            parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return both


def answers(steps_to_last_answer):
    """Random answers, T + 1 a student, and as inputs whose targets are the next ones."""
    random = np.random.default_rng(2)
    skill, response, item = (
        torch.from_numpy(random.integers(0, most, (ROWS, STEPS + 1))) for most in (SKILLS, 2, ITEMS + 1)
    )
    inputs = Inputs(
        length_groups=[LengthGroup(0, ROWS * STEPS, ROWS, STEPS)],
        position=torch.arange(STEPS).repeat(ROWS),
        skill=skill[:, :-1].reshape(1, -1),
        token=(skill + SKILLS * response)[:, :-1].reshape(1, -1),
        target_skill=skill[:, 1:].reshape(1, -1),
        steps_to_last_answer=steps_to_last_answer.reshape(1, -1),
        one_skill_per_answer=bool((steps_to_last_answer == 1).all()),
        student=None,
        item=item[:, :-1].reshape(1, -1),
        target_item=item[:, 1:].reshape(1, -1),
    )
    return skill, response, item, inputs.for_members(Members.of([0], 1, torch.device("cpu")))


@pytest.mark.parametrize("several", [False, True], ids=["one skill an answer", "several"])
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_question_is_answered_as_the_target_is_predicted(model, several):
    steps = torch.ones(ROWS, STEPS, dtype=torch.long)
    if several:
        steps[:, 5:7] = torch.tensor([2, 3])
        steps[:, 9] = 2
    skill, response, item, inputs = answers(steps)
    performance, mastery = encoders(small_run(model=model))
    at = torch.arange(STEPS).expand(ROWS, STEPS)
    asked = Questions(skill[:, 1:], item[:, 1:], at + 1 - steps, at)
    read = histories(skill[:, :-1], response[:, :-1], item[:, :-1], SKILLS)
    with torch.no_grad():
        assert torch.allclose(performance.ask(read, asked), performance(inputs, no_dropout), atol=2e-6)
        found, expected = mastery.ask(read, asked), mastery(inputs, no_dropout)
    for name in ("logit", "mastery", "ability"):
        assert torch.allclose(getattr(found, name), getattr(expected, name), atol=2e-6), name


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_nothing_after_the_last_interaction_and_no_other_question_changes_an_answer(model):
    skill, response, item, _ = answers(torch.ones(ROWS, STEPS, dtype=torch.long))
    last = torch.tensor([[3, 3, 3], [7, 2, 7], [11, 11, 0]])
    asked = Questions(torch.tensor([[0, 1, 4]] * ROWS), torch.zeros(ROWS, 3, dtype=torch.long), last, last)
    both = encoders(small_run(model=model))
    for row, column in ((0, 1), (1, 1), (2, 2)):
        end = int(last[row, column]) + 1
        own = Questions(*(x[row : row + 1, column : column + 1] for x in (asked.skill, asked.item, last, last)))
        for encoder in both:
            with torch.no_grad():
                padded = encoder.ask(histories(skill, response, item, SKILLS), asked)
                alone = encoder.ask(histories(*(x[row : row + 1, :end] for x in (skill, response, item)), SKILLS), own)
            padded, alone = (x if isinstance(x, torch.Tensor) else x.logit for x in (padded, alone))
            assert torch.allclose(padded.view(ROWS, 3)[row, column], alone[0, 0], atol=2e-6)
