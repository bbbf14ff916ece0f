"""The mastery encoder: its formulas against slow ones, and mastery never falls."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.config import DataConfig
from gaintrace.data.batches import DeviceData, Members
from gaintrace.model.dual import build_mastery, stack
from gaintrace.model.layers import no_dropout
from gaintrace.model.mastery import PerSkillGain, ScalarGain
from tests.conftest import small_run
from tests.data.test_batches import made

CPU = torch.device("cpu")


def batch_of(members=1, skills_per_answer=2):
    data = DeviceData(made([5, 9, 30, 12, 7] * 10, skills_per_answer), DataConfig(max_sequence_length=40), CPU)
    seeds = [4, 5]
    layout = data.train.training(16, 5, seeds)[0]
    batch = data.gather(data.train, layout)
    return batch, batch.view(Members.of([k % 2 for k in range(members)], 2, CPU))


def test_scalar_practice_counts_gains_of_the_targets_skill():
    stream, batch = batch_of(members=3)
    gain = torch.rand(batch.token.shape)
    practice = ScalarGain().practice(gain, batch)
    for k in range(3):
        for n in stream.real[k % 2].nonzero()[:, 0].tolist():
            first = n - int(batch.position[n])
            last = n + 1 - int(batch.back[k, n])
            same = stream.skill[k % 2, first : last + 1] == batch.target_skill[k, n]
            assert practice[k, n] == pytest.approx(float(gain[k, first : last + 1][same].sum()), abs=1e-5)


def test_per_skill_practice_adds_every_gain():
    stream, batch = batch_of(members=2)
    gain = torch.rand(*batch.token.shape, 7)
    practice = PerSkillGain(16, 7).practice(gain, batch)
    for k in range(2):
        for n in stream.real[k].nonzero()[:, 0].tolist():
            first = n - int(batch.position[n])
            last = n + 1 - int(batch.back[k, n])
            expected = gain[k, first : last + 1, batch.target_skill[k, n]].sum()
            assert practice[k, n] == pytest.approx(float(expected), abs=1e-4)


@given(
    beta=st.floats(-2, 5),
    velocity=st.floats(-1, 3),
    m_sat=st.floats(-0.5, 2),
    offset=st.floats(-3, 3),
    gains=st.lists(st.floats(0, 1), min_size=2, max_size=30),
)
@settings(deadline=None)
def test_mastery_never_falls_and_stays_between_0_and_1(beta, velocity, m_sat, offset, gains):
    """Whatever training makes of the parameters, out of their meaning included."""
    encoder = build_mastery(small_run(), 7, 3)
    with torch.no_grad():
        encoder.beta_skill.fill_(beta)
        encoder.m_sat.fill_(m_sat)
        encoder.offset.fill_(offset)
        practice = torch.tensor(gains).cumsum(0)[None]
        mastery = encoder.mastery(practice, torch.zeros_like(practice, dtype=torch.long), torch.tensor([[velocity]]))
    assert (mastery.diff() >= 0).all()
    assert ((mastery >= 0) & (mastery <= 1)).all()


def test_the_curve_is_the_documented_formula():
    encoder = build_mastery(small_run(), 7, 3)
    with torch.no_grad():
        practice, skill = torch.tensor([[2.0]]), torch.tensor([[1]])
        mastery = encoder.mastery(practice, skill, torch.tensor([[1.1]]))
    assert float(mastery) == pytest.approx(0.7 / (1 + 2.718281828 ** -(2.5 * 1.1 * 2 - 1.5)), abs=1e-5)


def test_an_unseen_student_gets_the_typical_velocity():
    _, batch = batch_of(members=2)
    encoder = stack([build_mastery(small_run(), 7, 40)] * 2).eval()
    with torch.no_grad():
        encoder.gamma_student[:] = torch.linspace(0.5, 1.5, 40)
        unseen = encoder(batch.__class__(**{**batch.__dict__, "student": None}), no_dropout).mastery
        encoder.gamma_student.fill_(1.0)
        typical = encoder(batch, no_dropout).mastery
    assert torch.allclose(unseen, typical, atol=1e-5)


def test_the_gain_of_an_interaction_is_the_one_for_its_own_skill():
    stream, batch = batch_of(members=2)
    gain = torch.rand(*batch.token.shape, 7)
    skill = stream.skill[[0, 1]]
    own = PerSkillGain(16, 7).practised(gain, skill)
    assert all(own[k, n] == gain[k, n, skill[k, n]] for k in range(2) for n in range(own.shape[1]))
    assert torch.equal(ScalarGain().practised(gain[..., 0], skill), gain[..., 0])
