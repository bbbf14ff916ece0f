"""What a search suggests: inside its space, never twice, the same of the same results, and better than at random."""

import math

import pytest

from gaintrace.config import Search
from gaintrace.sweeps.sampling import Tried, suggest

SPACE = {
    "training.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "training.bce_loss_weight": {"low": 0.1, "high": 0.9},
    "model.d_ff": {"low": 8, "high": 64, "step": 8},
}
SAMPLERS = ["random", "tpe", "nsga2", "cmaes"]


def search(sampler, space=SPACE, **more):
    return Search.model_validate({"sampler": sampler, "rounds": 8, "runs_per_round": 4, "space": space} | more)


def hill(values):
    """Highest, 0, at a learning rate of 0.002, a weight of 0.6 and a width of 40."""
    x = math.log10(values["training.learning_rate"] / 0.002)
    return -(x**2 + (values["training.bce_loss_weight"] - 0.6) ** 2 + (values["model.d_ff"] / 64 - 40 / 64) ** 2)


def tried_in(search, rounds, score=lambda values: (hill(values),), sought=1, accepts=lambda values: True):
    tried = []
    for number in range(rounds):
        suggested = suggest(search, sought, tried, number, {}, accepts)
        tried += [Tried(values, number, score(values)) for values in suggested]
    return tried


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_suggestions_lie_in_the_space_and_repeat(sampler):
    tried = tried_in(search(sampler), 4)
    assert len(tried) == 16
    for one in tried:
        assert one.values.keys() == SPACE.keys()
        assert 1e-4 <= one.values["training.learning_rate"] <= 1e-2
        assert 0.1 <= one.values["training.bce_loss_weight"] <= 0.9
        assert type(one.values["model.d_ff"]) is int
        assert one.values["model.d_ff"] in range(8, 65, 8)
        assert float(f"{one.values['training.learning_rate']:.4g}") == one.values["training.learning_rate"]
    assert tried_in(search(sampler), 4) == tried
    assert tried_in(search(sampler, dict(reversed(SPACE.items()))), 4) == tried  # however it is written
    assert tried_in(search(sampler, seed=1), 1) != tried[:4]


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "cmaes"])
def test_what_came_of_a_round_leads_the_next(sampler):
    one, other = (tried_in(search(sampler), 3, lambda values, sign=sign: (sign * hill(values),)) for sign in (1, -1))
    assert one[:4] != other[:4]
    assert [t.values for t in one[:4]] == [t.values for t in other[:4]]
    assert [t.values for t in one[8:]] != [t.values for t in other[8:]]


@pytest.mark.parametrize(("sampler", "better"), [("tpe", 0.5), ("cmaes", 0.8)])
def test_a_known_optimum_is_found_more_nearly_than_at_random(sampler, better):
    def reached(name):
        return sum(max(t.scores[0] for t in tried_in(search(name, seed=seed), 8)) for seed in range(5)) / 5

    assert reached(sampler) > better * reached("random")  # both are below 0


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_two_objectives_are_searched_between_them(sampler):
    def apart(values):
        return (-abs(values["training.bce_loss_weight"] - 0.3), -abs(values["training.bce_loss_weight"] - 0.5))

    tried = tried_in(search(sampler, runs_per_round=8), 8, apart, sought=2)
    late = [one for one in tried if one.round >= 4]
    between = sum(0.25 <= one.values["training.bce_loss_weight"] <= 0.55 for one in late) / len(late)
    assert between > 0.3 / 0.8 + 0.1  # the share of the range, were it random


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_failed_or_was_stopped_is_told_too(sampler):
    tried = tried_in(search(sampler), 1)
    told = [
        Tried(tried[0].values, 0, None),
        Tried(tried[1].values, 0, tried[1].scores, stopped=1),
        Tried(tried[2].values, 0, tried[2].scores, stopped=3),
        tried[3],
    ]
    assert len(suggest(search(sampler), 1, told, 1, {}, lambda values: True)) == 4
    assert len(suggest(search(sampler), 1, [Tried(t.values, 0, None) for t in tried], 1, {}, lambda values: True)) == 4


@pytest.mark.parametrize("sampler", ["random", "tpe", "nsga2"])
def test_a_space_is_used_up_and_nothing_tried_twice(sampler):
    small = search(sampler, {"model.gain": ["scalar", "linear"], "model.n_heads": [1, 2, 4]}, runs_per_round=4)
    tried = tried_in(small, 3, lambda values: (values["model.n_heads"],))
    assert [one.round for one in tried] == [0, 0, 0, 0, 1, 1]
    assert len({str(one.values) for one in tried}) == 6


def test_what_cannot_be_trained_is_not_suggested():
    def accepts(values):
        return values["model.d_ff"] % 16 == 0

    tried = tried_in(search("tpe"), 4, accepts=accepts)
    assert len(tried) == 16
    assert all(accepts(one.values) for one in tried)
    assert suggest(search("tpe"), 1, [], 0, {}, lambda values: False) == []


def test_cells_of_a_grid_are_searched_apart():
    first, second = (
        suggest(search("random"), 1, [], 0, cell, lambda values: True) for cell in ({}, {"model.gain": "linear"})
    )
    assert first != second
