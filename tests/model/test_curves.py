"""Learning curves: the documented formulas, and mastery that never falls."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.config import LearningCurveConfig
from gaintrace.model.curves import PerSkillCurve, PublishedCurve, natural

number = st.floats(-5, 5)


def curves(skills=7, students=3, **values):
    config = LearningCurveConfig.model_validate(values)
    return [PublishedCurve(config, skills, students), PerSkillCurve(config, skills)]


@given(values=st.lists(number, min_size=6, max_size=6), gains=st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_mastery_never_falls_and_stays_between_0_and_1(values, gains):
    """Whatever training makes of the parameters, out of their meaning included."""
    practice = torch.tensor(gains).cumsum(0)[None]
    skill = torch.zeros_like(practice, dtype=torch.long)
    for curve in curves():
        with torch.no_grad():
            for parameter, value in zip(curve.parameters(), values, strict=False):
                parameter.fill_(value)
            for student in (None, skill):
                mastery = curve.mastery(practice, skill, student)
                assert (mastery.diff() >= 0).all()
                assert ((mastery >= 0) & (mastery <= 1)).all()


def test_both_curves_start_as_the_documented_formula():
    practice, skill = torch.tensor([[2.0]]), torch.tensor([[1]])
    for curve, velocity in zip(curves(), (1.1, 1.0), strict=True):
        mastery = curve.mastery(practice, skill, None).detach()
        assert float(mastery) == pytest.approx(0.7 / (1 + math.exp(-(2.5 * velocity * 2 - 1.5))), abs=1e-5)
        assert float(curve.logit(mastery, skill).detach()) == pytest.approx((float(mastery) - 0.6) / 1.5, abs=1e-5)


def test_parameters_are_reported_in_the_units_they_start_in():
    start = LearningCurveConfig()
    for curve in curves():
        values = {
            name: float(tensor.detach().mean()) for name, tensor in natural(dict(curve.named_parameters())).items()
        }
        assert values["beta_skill"] == pytest.approx(start.beta_skill_init)
        assert values["m_sat"] == pytest.approx(start.m_sat_init)
        assert values["offset"] == start.sigmoid_offset
        assert values["threshold"] == pytest.approx(start.mastery_threshold_init)
    assert values["temperature"] == pytest.approx(start.threshold_temperature)


def test_a_ceiling_of_one_starts_where_it_can_still_be_learned():
    _, curve = curves(m_sat_init=1.0)
    curve.mastery(torch.ones(1, 1), torch.zeros(1, 1, dtype=torch.long), None).sum().backward()
    assert float(curve.logit_m_sat.grad[0, 0]) > 0
