"""Mastery as evidence: its closed form against the recursion that defines it, and its laws."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.config import RunConfig
from gaintrace.data.batches import Members
from gaintrace.model.curves import natural
from gaintrace.model.dual import build_mastery, stack
from gaintrace.model.layers import no_dropout
from tests.conftest import small_run
from tests.model.test_mastery import CPU, asked, batch_of, shaken

EVIDENCE = {"gain": "evidence", "curve": "per_skill"}
SKILLS = 7
ROUNDING = 1e-6


def curve_of(seed, spread=2.0):
    """Learned parameters anywhere, in float64: steps of a law may be smaller than single precision."""
    curve = build_mastery(small_run(model=EVIDENCE), SKILLS, 1).curve.double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in curve.parameters():
            parameter.add_(spread * torch.randn(parameter.shape, generator=generator).double())
    return curve


def recursion(curve, answers):
    """Mastery of every skill before the first of the answers and after each: a list a skill.

    `answers`: skill, response, difficulty. The definition in gaintrace.model.evidence, an answer at a time.
    """
    value = {name: tensor[0].tolist() for name, tensor in natural(dict(curve.named_parameters())).items()}
    ease = curve.logit_start[0].tolist()
    found = []
    for s in range(SKILLS):
        retention, transfer, mastery = value["retention"][s], value["transfer"][s], value["start"][s]
        weight = value["prior_share"][s] / (1 - retention)
        path = [mastery]
        for skill, response, difficulty in answers:
            sign = 1 if response else -1
            surprise = 1 / (1 + torch.tensor(-sign * (ease[s] - ease[skill] + difficulty)).exp().item())
            age, unit = (1, 2 * surprise) if skill == s else (transfer, 2 * transfer * surprise)
            weight = retention**age * weight + unit
            mastery += unit / weight * (response - mastery)
            path.append(mastery)
        found.append(path)
    return found


def hard(inputs, seed, spread):
    """A difficulty for the item of every interaction."""
    return spread * torch.randn(inputs.skill.shape, generator=torch.Generator().manual_seed(seed)).double()


@given(
    seed=st.integers(0, 2**31),
    skill=st.integers(0, SKILLS - 1),
    several=st.sampled_from([1, 2]),
    spread=st.sampled_from([None, 1.0]),
)
@settings(max_examples=20)
def test_the_closed_form_is_the_recursion(seed, skill, several, spread):
    batch, _ = batch_of(skills_per_answer=several, seeds=[4])
    inputs = asked(batch, skill).for_members(Members.of([0], 1, CPU))
    curve = curve_of(seed, 1.0)
    difficulty = None if spread is None else hard(inputs, seed, spread)
    with torch.no_grad():
        mastery = curve.mastery(inputs, difficulty)[0]
    difficulties = torch.zeros(inputs.skill.shape) if difficulty is None else difficulty
    response = (inputs.token[0] >= SKILLS).long()
    for group in inputs.length_groups[:4]:
        rows = slice(group.start, group.start + group.positions)
        columns = (inputs.skill[0, rows], response[rows], difficulties[0, rows])
        answers = list(zip(*(column.tolist() for column in columns), strict=True))
        path = recursion(curve, answers)[skill]
        for n in range(group.positions):
            seen = max(0, n + 2 - int(inputs.steps_to_last_answer[0, rows][n]))
            assert float(mastery[rows][n]) == pytest.approx(path[seen], rel=1e-6)


ANSWERS = st.lists(st.tuples(st.integers(0, SKILLS - 1), st.integers(0, 1)), min_size=1, max_size=40)


@given(seed=st.integers(0, 2**31), answers=ANSWERS)
@settings(max_examples=50)
def test_a_right_answer_lowers_no_mastery_and_a_wrong_one_raises_none(seed, answers):
    inputs = inputs_of(answers)
    curve, difficulty = curve_of(seed), hard(inputs, seed, 2.0)
    for skill in range(SKILLS):
        with torch.no_grad():
            start = curve.start(torch.tensor([[skill]]))[0]
            asking = replace(inputs, target_skill=torch.full_like(inputs.token, skill))
            path = torch.cat([start, curve.mastery(asking, difficulty)[0]])
        for move, (_, response) in zip(path.diff().tolist(), answers, strict=True):
            assert move * (1 if response else -1) >= -ROUNDING
        assert 0 <= path.min() <= path.max() <= 1


@given(seed=st.integers(0, 2**31), answers=ANSWERS)
@settings(max_examples=50)
def test_a_skill_without_transfer_moves_by_its_own_answers_alone(seed, answers):
    inputs, curve = inputs_of(answers), curve_of(seed)
    with torch.no_grad():
        curve.logit_transfer[0, 0] = -1000.0
        mastery = curve.mastery(replace(inputs, target_skill=torch.zeros_like(inputs.token)))[0]
        path = torch.cat([curve.start(torch.tensor([[0]]))[0], mastery])
    for move, (skill, _) in zip(path.diff().tolist(), answers, strict=True):
        assert skill == 0 or abs(move) < ROUNDING


@given(seed=st.integers(0, 2**31), before=ANSWERS, response=st.integers(0, 1))
@settings(max_examples=50)
def test_more_of_the_same_answer_moves_less(seed, before, response):
    inputs, curve = inputs_of(before + [(2, response)] * 12), curve_of(seed)
    with torch.no_grad():
        mastery = curve.mastery(replace(inputs, target_skill=torch.full_like(inputs.token, 2)))[0]
    steps = mastery[len(before) - 1 :].diff().abs()
    assert (steps.diff() <= 1e-9).all()


def test_what_is_right_on_a_hard_item_or_wrong_on_an_easy_one_says_more():
    curve = curve_of(5, 0.1)
    for response in (0, 1):
        inputs = inputs_of([(2, response)])
        moved = [
            float((curve.mastery(inputs, torch.full((1, 1), d).double()) - curve.start(inputs.skill)).abs().detach())
            for d in (-1.0, 0.0, 1.0)
        ]
        assert moved == sorted(moved, reverse=response == 0)
        assert len(set(moved)) == 3
        assert moved[1] == pytest.approx(float((curve.mastery(inputs) - curve.start(inputs.skill)).abs().detach()))


def inputs_of(answers):
    """One student's answers, in float64 responses, each a position; the targets' skills are to be replaced."""
    _, inputs = batch_of(skills_per_answer=1, seeds=[4])
    token = torch.tensor([[skill + SKILLS * response for skill, response in answers]])
    group = replace(inputs.length_groups[0], start=0, stop=len(answers), rows=1, positions=len(answers))
    return replace(
        inputs,
        length_groups=[group],
        position=torch.arange(len(answers)),
        skill=token % SKILLS,
        token=token,
        target_skill=token % SKILLS,
        steps_to_last_answer=torch.ones_like(token),
    )


def test_ability_counts_as_much_as_the_skill_discriminates_and_mastery_is_none_of_it():
    _, inputs = batch_of(skills_per_answer=1, seeds=[4])
    encoder = shaken(small_run(model=EVIDENCE | {"ability": "inferred"}), SKILLS, 3)
    with torch.no_grad():
        predicted = encoder(inputs, no_dropout)
        alone = encoder.curve.logit(encoder.curve.mastery(inputs), inputs.target_skill)
        assert torch.equal(predicted.alone, alone)
        assert torch.allclose(predicted.logit, alone + predicted.growth + predicted.ability)
        encoder.curve.log_discrimination.add_(torch.tensor(2.0).log())
        assert torch.allclose(encoder(inputs, no_dropout).ability, 2 * predicted.ability, rtol=1e-4)
        encoder.ability.bias.add_(1.0)
        other = encoder(inputs, no_dropout)
    assert torch.equal(other.mastery, predicted.mastery)
    assert torch.equal(other.alone, predicted.alone)
    assert not torch.equal(other.logit, predicted.logit)


def test_the_gain_is_what_an_answer_moved():
    batch, inputs = batch_of(skills_per_answer=1, seeds=[4])
    encoder = shaken(small_run(model=EVIDENCE), SKILLS, 3)
    with torch.no_grad():
        predicted = encoder(inputs, no_dropout)
        gain = encoder.practised_gain(predicted, inputs)
    real, right = batch.targets.real, inputs.token >= SKILLS
    assert (gain[real & right] > 0).all()
    assert (gain[real & ~right] < 0).all()
    assert torch.equal(predicted.alone, encoder.curve.logit(predicted.mastery, inputs.target_skill))


def test_growth_counts_answers_on_the_skill_and_never_falls():
    batch, _ = batch_of(skills_per_answer=1, seeds=[4])
    encoder = shaken(small_run(model=EVIDENCE), SKILLS, 5)
    rate = natural(dict(encoder.curve.named_parameters()))["growth"][0]
    for skill in range(SKILLS):
        with torch.no_grad():
            predicted = encoder(asked(batch, skill).for_members(Members.of([0], 1, CPU)), no_dropout)
        assert torch.equal(predicted.logit, predicted.alone + predicted.growth)
        for group in batch.inputs.length_groups:
            shape, rows = (group.rows, group.positions), slice(group.start, group.stop)
            count = (batch.inputs.skill[0, rows].view(shape) == skill).cumsum(dim=1)
            assert torch.allclose(predicted.growth[0, rows].view(shape), rate[skill] * torch.log1p(count.float()))


def test_inferred_growth_starts_at_the_count_and_never_falls():
    batch, _ = batch_of(skills_per_answer=1, seeds=[4])
    model = EVIDENCE | {"ability": "inferred", "growth": "inferred"}
    encoder = shaken(small_run(model=model), SKILLS, 5)
    rate = natural(dict(encoder.curve.named_parameters()))["growth"][0]
    for skill in range(SKILLS):
        inputs = asked(batch, skill).for_members(Members.of([0], 1, CPU))
        with torch.no_grad():
            predicted = encoder(inputs, no_dropout)
            encoder.gain.weight.zero_(), encoder.gain.bias.zero_()
            flat = encoder(inputs, no_dropout)
        assert torch.equal(predicted.mastery, flat.mastery)
        moved = 0
        for group in batch.inputs.length_groups:
            shape, rows = (group.rows, group.positions), slice(group.start, group.stop)
            practised = batch.inputs.skill[0, rows].view(shape) == skill
            grown = predicted.growth[0, rows].view(shape)
            assert (grown[:, 1:] - grown[:, :-1])[practised[:, 1:]].gt(0).all()
            assert (grown[:, 1:] - grown[:, :-1])[~practised[:, 1:]].abs().max() < ROUNDING
            moved += int(practised.sum())
            count = practised.cumsum(dim=1).float()
            assert torch.allclose(flat.growth[0, rows].view(shape), rate[skill] * torch.log1p(count))
        assert moved
        encoder = shaken(small_run(model=model), SKILLS, 5)


def test_members_do_not_change_each_other():
    _, inputs = batch_of(members=2)
    encoders = [shaken(small_run(model=EVIDENCE | {"ability": "inferred"}), SKILLS, seed) for seed in (1, 2)]
    with torch.no_grad():
        both = stack(encoders)(inputs, no_dropout)
        for k, encoder in enumerate(encoders):
            _, single = batch_of(members=1, seeds=(4, 5)[k : k + 1])
            alone = encoder(single, no_dropout)
            assert torch.allclose(both.mastery[k], alone.mastery[0], atol=1e-6)
            assert torch.allclose(both.logit[k], alone.logit[0], atol=1e-4)


def test_evidence_is_refused_beside_the_published_curve():
    with pytest.raises(ValueError, match="gain evidence has θ and temperature a skill: set curve per_skill"):
        RunConfig.model_validate({"model": {"gain": "evidence"}})
