"""Findings about the grid, on numbers where they hold and on numbers where they must be silent."""

import pandas as pd
import pytest

from gaintrace.analysis.findings.grid import edge_of_the_grid, unfinished
from gaintrace.store import open_store
from tests.analysis.findings.evidence import evidence

GRID = "grid: {{learning_curve.beta_skill_init: {values}}}\n"


def edges(tmp_path, text, scores):
    made = evidence(open_store(tmp_path), text, scores)
    return list(edge_of_the_grid(made.ranked, made.comparison))


@pytest.mark.parametrize(
    ("values", "best", "side", "suggestion"),
    [([1.5, 2.0, 2.5], 2.5, "largest", 3.0), ([0.7, 0.8, 0.9], 0.7, "smallest", 0.6), ([0.3, 0.8], 0.3, None, None),
     ([1.5, 2.0, 2.5], 2.0, None, None)],
)  # fmt: skip
def test_an_optimum_on_the_edge_is_named_with_its_side(tmp_path, values, best, side, suggestion):
    text = GRID.format(values=values)
    found = edges(tmp_path, text, lambda swept: (0.7, 0.6 if best in swept.values() else 0.5))
    if side is None:
        assert not found
    else:
        assert (found[0].numbers["side"], found[0].numbers["suggestion"]) == (side, suggestion)


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
    assert finding.numbers == {"failed": 1, "missing": 2}
    assert not list(unfinished(table[:1]))
