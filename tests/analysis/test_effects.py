"""Main effects, interactions and the Pareto front, on numbers whose parts are known."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.analysis.comparison import Comparison, Configuration
from gaintrace.analysis.effects import effects
from gaintrace.analysis.pareto import pareto_front
from gaintrace.store import open_store
from tests.analysis.findings.evidence import evidence

GRID = (
    "grid: {learning_curve.beta_skill_init: [1, 2, 3], learning_curve.sigmoid_offset: [1, 2, 3], model.d_ff: [8, 9]}\n"
)


def test_a_sum_of_effects_has_no_interaction(tmp_path):
    def scores(swept):
        beta, offset, _ = swept.values()
        return 0.7, 0.5 + 0.01 * beta - 0.02 * offset

    found = effects(evidence(open_store(tmp_path), GRID, scores).comparison, "test_e2_auc")
    ranges = {main.parameter: main.range for main in found.main}
    assert ranges == pytest.approx({"sigmoid_offset": 0.04, "beta_skill_init": 0.02, "d_ff": 0})
    assert found.main[0].parameter == "sigmoid_offset"
    assert sum(main.share for main in found.main) == pytest.approx(1)
    assert found.main[0].share == pytest.approx(0.8)
    assert list(found.main[0].means) == ["1", "2", "3"]
    assert found.interaction.share == pytest.approx(0, abs=1e-9)
    assert effects(evidence(open_store(tmp_path), GRID, scores).comparison, "test_e1_auc").main[0].share is None


def test_what_two_parameters_do_together_is_found(tmp_path):
    def scores(swept):
        beta, offset, width = swept.values()
        return 0.7, 0.5 + 0.01 * (beta - 2) * (offset - 2) + 0.001 * width

    found = effects(evidence(open_store(tmp_path), GRID, scores).comparison, "test_e2_auc").interaction
    assert found.parameters == ("beta_skill_init", "sigmoid_offset")
    assert abs(found.largest) == pytest.approx(0.01)
    assert found.share > 0.9


def test_one_parameter_is_no_grid_and_single_cells_hold_no_interaction(tmp_path):
    one = evidence(open_store(tmp_path), "grid: {model.d_ff: [8, 9]}\n", lambda swept: (0.7, 0.5))
    assert effects(one.comparison, "test_e2_auc") is None
    text = "grid: {learning_curve.beta_skill_init: [1, 2], model.d_ff: [8, 9]}\n"
    two = evidence(open_store(tmp_path), text, lambda swept: (0.7, 0.5 + sum(swept.values()) / 100))
    assert effects(two.comparison, "test_e2_auc").interaction is None


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_the_front_is_what_nothing_beats(points):
    configurations = [
        Configuration(rank=1, swept={"p": i}, runs=[str(i)], test_e1_auc=a, test_e2_auc=b, combined=a + b)
        for i, (a, b) in enumerate(points)
    ]
    front = pareto_front(
        Comparison(metric="combined", repetitions=1, students=None, configurations=configurations, runs={})
    )
    chosen = {c.swept["p"] for c in front}
    for index, (a, b) in enumerate(points):
        beaten = any(x >= a and y >= b and (x, y) != (a, b) for x, y in points)
        assert (index in chosen) is not beaten
    for better, worse in itertools.pairwise(front):
        assert better.test_e1_auc >= worse.test_e1_auc and better.test_e2_auc <= worse.test_e2_auc
