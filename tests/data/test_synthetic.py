"""Simulated students obey the formulas they are documented with."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.config import SyntheticConfig
from gaintrace.data.synthetic import ABILITY_WEIGHT, TEMPERATURE, generate, simulate

configs = st.builds(
    SyntheticConfig,
    students=st.integers(1, 40),
    skills=st.integers(1, 9),
    mean_length=st.integers(3, 30),
    seed=st.integers(0, 5),
)


@given(configs)
@settings(max_examples=25)
def test_mastery_never_falls_and_rows_are_in_order(config):
    frame = generate(config).interactions
    assert frame["student"].is_monotonic_increasing
    assert (frame["step"] == frame.groupby("student").cumcount()).all()
    assert frame["skill"].between(0, config.skills - 1).all()
    assert frame["student"].nunique() == config.students
    risen = frame.groupby(["student", "skill"])["true_mastery"].diff().dropna()
    assert (risen >= 0).all()


def test_equal_configurations_give_equal_students():
    config = SyntheticConfig(students=50)
    assert generate(config).hash == generate(config).hash
    assert generate(config).hash != generate(config.model_copy(update={"seed": 8})).hash


def test_responses_follow_the_stated_probability():
    dataset, truth = simulate(SyntheticConfig(students=4000, skills=6))
    frame = dataset.interactions
    logit = (frame["true_mastery"] - truth.threshold[frame["skill"]]) / TEMPERATURE
    probability = 1 / (1 + np.exp(-(logit + ABILITY_WEIGHT * truth.ability[frame["student"]])))
    bins = pd.cut(probability, np.linspace(0, 1, 11))
    observed = frame["response"].groupby(bins, observed=True).mean()
    expected = probability.groupby(bins, observed=True).mean()
    assert observed.to_numpy() == pytest.approx(expected.to_numpy(), abs=0.02)
