"""Findings about the grid, on numbers where they hold and on numbers where they must be silent."""

import pandas as pd
import pytest

from gaintrace.analysis.findings.grid import edge_of_the_grid, unfinished
from gaintrace.store import open_store
from tests.analysis.findings.evidence import evidence

GRID = "grid: {{learning_curve.beta_skill_init: {values}}}\n"


def edges(tmp_path, text, scores):
    made = evidence(open_store(tmp_path), text, scores)
    return list(edge_of_the_grid(made))


SEEDS = "seeds: [1, 2, 3]\n"


def peaked(best, step=0.05):
    """E2 falls away from the best value by so much, and seeds move it by a thousandth."""
    return lambda swept: (0.7, 0.6 - step * abs(next(iter(swept.values())) - best) + swept["training.seed"] / 1000)


@pytest.mark.parametrize(
    ("values", "best", "side", "suggestion"),
    [([1.5, 2.0, 2.5], 2.5, "largest", 3.0), ([1.5, 2.0, 2.5], 1.5, "smallest", 1.0), ([0.3, 0.8], 0.3, None, None),
     ([1.5, 2.0, 2.5], 2.0, None, None), ([0.5, 1.0, 1.5], 0.5, "smallest", 0.25),
     ([0.5, 5.0, 20.0], 0.5, "smallest", 0.21875)],
)  # fmt: skip
def test_an_optimum_on_the_edge_is_named_with_its_side(tmp_path, values, best, side, suggestion):
    found = edges(tmp_path, GRID.format(values=values) + SEEDS, peaked(best))
    if side is None:
        assert not found
    else:
        assert (found[0].numbers["side"], found[0].numbers["suggestion"]) == (side, suggestion)
        assert f"Try {suggestion:g} as well" in found[0].text


@pytest.mark.parametrize(
    ("path", "values", "best", "suggestion"),
    [
        ("training.bce_loss_weight", [0.5, 0.7, 0.9], 0.9, 1.0),
        ("training.bce_loss_weight", [0.8, 0.9, 1.0], 1.0, None),
        ("training.bce_loss_weight", [0.0, 0.1, 0.2], 0.0, None),
        ("learning_curve.m_sat_init", [0.6, 0.75, 0.9], 0.9, 0.975),
        ("model.d_model", [8, 16, 32], 8, None),
        ("model.d_model", [16, 24, 32], 32, 40),
    ],
)
def test_no_value_is_suggested_that_the_parameter_cannot_have(tmp_path, path, values, best, suggestion):
    """The bounds are the configuration's own: w ends at 1, a width is divisible by its heads."""
    text = f"base: {{model: {{n_heads: 8}}}}\ngrid: {{{path}: {values}}}\n" + SEEDS
    found = edges(tmp_path, text, peaked(best, step=0.01))
    assert [finding.numbers["suggestion"] for finding in found] == ([] if suggestion is None else [suggestion])


@pytest.mark.parametrize(
    "scores",
    [
        lambda swept: (0.7, 0.6),
        lambda swept: (
            0.7,
            0.6 + swept["learning_curve.beta_skill_init"] / 1e4 + swept["training.seed"] ** 2 % 7 / 100,
        ),
    ],
    ids=["ties", "seeds move it more"],
)
def test_no_advice_is_drawn_from_a_tie_or_from_noise(tmp_path, scores):
    def noisy(swept):
        e1, e2 = scores(swept)
        odd = swept["learning_curve.beta_skill_init"] == 2.0 and swept["training.seed"] == 2
        return e1, e2 + (0.0101 if odd and e2 != 0.6 else 0.0)

    assert not edges(tmp_path, GRID.format(values=[1.5, 2.0, 2.5]) + SEEDS, noisy)
    assert not edges(tmp_path, GRID.format(values=[1.5, 2.0, 2.5]), lambda swept: noisy(swept | {"training.seed": 1}))


def test_seeds_and_words_have_no_edge(tmp_path):
    assert not edges(
        tmp_path,
        "grid: {model.gain: [scalar, per_skill]}\nseeds: [1, 2, 3]\n",
        lambda swept: (0.7 + swept["training.seed"] / 100, 0.5),
    )


def test_the_best_mean_decides_not_the_best_run(tmp_path):
    text = GRID.format(values=[1.5, 2.0, 2.5]) + "seeds: [1, 2]\n"
    lucky = {(2.5, 1): 0.60, (2.5, 2): 0.50, (2.0, 1): 0.58, (2.0, 2): 0.58}

    def scores(swept):
        return 0.7, lucky.get((swept["learning_curve.beta_skill_init"], swept["training.seed"]), 0.5)

    assert not edges(tmp_path, text, scores)


def test_runs_without_result_are_counted():
    table = pd.DataFrame({"status": ["succeeded", "failed", "missing", "missing"]})
    (finding,) = unfinished(table)
    assert finding.numbers == {"failed": 1, "missing": 2, "planned": 4}
    assert not list(unfinished(table[:1]))
