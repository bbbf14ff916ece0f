"""Simulated students: in order, the same for the same configuration, and of the simulator that was asked for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.config import SyntheticConfig
from gaintrace.data.synthetic import generate

SIMULATORS = ["curve", "bkt", "irt"]
configs = st.builds(
    SyntheticConfig,
    students=st.integers(1, 40),
    skills=st.integers(1, 9),
    mean_length=st.integers(3, 30),
    seed=st.integers(0, 5),
    simulator=st.sampled_from(SIMULATORS),
)


@given(configs)
@settings(max_examples=40)
def test_rows_are_in_order_and_mastery_is_a_share(config):
    dataset = generate(config)
    frame = dataset.interactions
    assert frame["student"].is_monotonic_increasing
    assert (frame["step"] == frame.groupby("student").cumcount()).all()
    assert frame["skill"].between(0, config.skills - 1).all()
    assert frame["student"].nunique() == config.students
    assert frame["true_mastery"].between(0, 1).all()
    assert dataset.simulator == config.simulator


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_equal_configurations_give_equal_students(simulator):
    config = SyntheticConfig(students=50, simulator=simulator)
    assert generate(config).hash == generate(config).hash
    assert generate(config).hash != generate(config.model_copy(update={"seed": 8})).hash
    others = {generate(config.model_copy(update={"simulator": other})).hash for other in SIMULATORS}
    assert len(others) == len(SIMULATORS)


def test_students_that_runs_on_record_were_trained_on_are_still_the_same():
    assert generate(SyntheticConfig()).hash == "1b478ea6f98ebf6f"
    config = SyntheticConfig(students=1000, skills=12, mean_length=40, seed=7)
    assert generate(config).hash == "5cf6c6d1bd830a62"
