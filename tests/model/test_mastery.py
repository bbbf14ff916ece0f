"""The mastery encoder: its formulas against slow ones, and the laws that make it readable."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.config import DataConfig
from gaintrace.data.batches import DeviceData, Members
from gaintrace.model.curves import natural
from gaintrace.model.dual import build_mastery, stack
from gaintrace.model.layers import no_dropout
from gaintrace.model.mastery import PerSkillGain, ScalarGain
from tests.conftest import small_run
from tests.data.test_batches import made

CPU = torch.device("cpu")


def batch_of(members=1, skills_per_answer=2, seeds=(4, 5)):
    data = DeviceData(made([5, 9, 30, 12, 7] * 10, skills_per_answer), DataConfig(max_sequence_length=40), CPU)
    layout = data.train.training(16, 5, list(seeds))[0]
    batch = data.gather(data.train, layout)
    members = Members.of([k % len(seeds) for k in range(members)], len(seeds), CPU)
    return batch, batch.inputs.for_members(members)


def test_scalar_practice_counts_gains_of_the_targets_skill():
    batch, inputs = batch_of(members=3)
    gain = torch.rand(inputs.token.shape)
    practice = ScalarGain().practice(gain, inputs)
    for k in range(3):
        for n in batch.targets.real[k % 2].nonzero()[:, 0].tolist():
            first = n - int(inputs.position[n])
            last = n + 1 - int(inputs.steps_to_last_answer[k, n])
            same = batch.inputs.skill[k % 2, first : last + 1] == inputs.target_skill[k, n]
            assert practice[k, n] == pytest.approx(float(gain[k, first : last + 1][same].sum()), abs=1e-5)


def test_per_skill_practice_adds_every_gain():
    batch, inputs = batch_of(members=2)
    gain = torch.rand(*inputs.token.shape, 7)
    practice = PerSkillGain(16, 7).practice(gain, inputs)
    for k in range(2):
        for n in batch.targets.real[k].nonzero()[:, 0].tolist():
            first = n - int(inputs.position[n])
            last = n + 1 - int(inputs.steps_to_last_answer[k, n])
            expected = gain[k, first : last + 1, inputs.target_skill[k, n]].sum()
            assert practice[k, n] == pytest.approx(float(expected), abs=1e-4)


def test_an_unseen_student_gets_the_typical_velocity():
    _, inputs = batch_of(members=2)
    encoder = stack([build_mastery(small_run(), 7, 40)] * 2).eval()
    with torch.no_grad():
        encoder.curve.gamma_student[:] = torch.linspace(0.5, 1.5, 40)
        unseen = encoder(replace(inputs, student=None), no_dropout).mastery
        encoder.curve.gamma_student.fill_(1.0)
        typical = encoder(inputs, no_dropout).mastery
    assert torch.allclose(unseen, typical, atol=1e-5)


def test_the_gain_of_an_interaction_is_the_one_for_its_own_skill():
    batch, inputs = batch_of(members=2)
    gain = torch.rand(*inputs.token.shape, 7)
    skill = batch.inputs.skill[[0, 1]]
    own = PerSkillGain(16, 7).practised(gain, skill)
    assert all(own[k, n] == gain[k, n, skill[k, n]] for k in range(2) for n in range(own.shape[1]))
    assert torch.equal(ScalarGain().practised(gain[..., 0], skill), gain[..., 0])


READABLE = {"gain": "linear", "curve": "per_skill", "ability": "inferred"}


def shaken(config, skills, seed):
    """An encoder whose every parameter is somewhere else than training starts from."""
    encoder = build_mastery(config, skills, 20).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator))
    return encoder


def asked(batch, skill):
    """The same histories, with one skill asked at every target."""
    return replace(batch.inputs, target_skill=torch.full_like(batch.inputs.target_skill, skill), student=None)


@given(
    seed=st.integers(0, 2**31),
    skill=st.integers(0, 6),
    model=st.sampled_from([{"gain": "scalar"}, {"gain": "linear"}, READABLE]),
)
@settings(max_examples=25)
def test_only_practice_of_a_skill_raises_its_mastery_and_nothing_lowers_it(seed, skill, model):
    batch, _ = batch_of(skills_per_answer=1, seeds=[4])
    inputs = asked(batch, skill).for_members(Members.of([0], 1, CPU))
    with torch.no_grad():
        mastery = shaken(small_run(model=model), 7, seed)(inputs, no_dropout).mastery[0]
    for group in batch.inputs.length_groups:
        rows = mastery[group.start : group.stop].view(group.rows, group.positions)
        practised = batch.inputs.skill[0, group.start : group.stop].view(group.rows, group.positions) == skill
        rise = rows.diff(dim=1)
        assert (rise >= -1e-6).all()
        assert (rise[~practised[:, 1:]].abs() <= 1e-6).all()
    assert ((mastery >= 0) & (mastery <= 1)).all()


def test_an_answer_is_worth_what_its_response_and_the_past_make_it():
    batch, inputs = batch_of(skills_per_answer=1, seeds=[4])
    encoder = shaken(small_run(model=READABLE), 7, 1)
    with torch.no_grad():
        gain = encoder(inputs, no_dropout).gain
        other = encoder(replace(inputs, token=(inputs.token + 7) % 14), no_dropout).gain
    real = batch.targets.real
    assert ((gain > 0) & (gain < 1)).all()
    assert (gain - other)[real].abs().min() > 0


@given(seed=st.integers(0, 2**31), skill=st.integers(0, 6))
@settings(max_examples=10)
def test_the_logit_is_mastery_against_the_threshold_plus_one_ability_for_all_skills(seed, skill):
    batch, _ = batch_of(skills_per_answer=1, seeds=[4])
    encoder = shaken(small_run(model=READABLE), 7, seed)
    abilities = []
    for target in (skill, (skill + 1) % 7):
        inputs = asked(batch, target).for_members(Members.of([0], 1, CPU))
        with torch.no_grad():
            predicted = encoder(inputs, no_dropout)
        values = natural(dict(encoder.curve.named_parameters()))
        explained = (predicted.mastery - values["threshold"][0, target]) / values["temperature"][0, 0]
        abilities.append((predicted.logit - explained).detach())
    scale = float(predicted.logit.detach().abs().max())
    assert torch.allclose(*abilities, atol=1e-5 * max(1.0, scale))
    assert float(abilities[0].std()) > 0
