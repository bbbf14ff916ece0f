"""Every kind of simulated students obeys the formulas that it is documented with."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.config import SyntheticConfig
from gaintrace.data.simulators import ABILITY_WEIGHT, ITEMS, TEMPERATURE
from gaintrace.data.synthetic import simulate


def simulated(simulator, forgetting=None, students=4000, skills=6):
    dataset, truth = simulate(
        SyntheticConfig(students=students, skills=skills, simulator=simulator, forgetting=forgetting)
    )
    return dataset.interactions, truth


def logit(probability):
    return np.log(probability / (1 - probability))


def follows(response, probability):
    """Whether the share of right answers is the stated chance, wherever that lies."""
    bins = pd.cut(probability, np.linspace(0, 1, 11))
    grouped = pd.DataFrame({"response": response, "chance": probability}).groupby(bins, observed=True)
    enough = grouped.size() > 500
    assert enough.sum() > 3
    means = grouped.mean()[enough]
    assert means["response"].to_numpy() == pytest.approx(means["chance"].to_numpy(), abs=0.02)


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 5), st.sampled_from(["curve", "bkt"]))
@settings(max_examples=25)
def test_where_nothing_is_forgotten_mastery_never_falls(students, skills, seed, simulator):
    frame = simulate(SyntheticConfig(students=students, skills=skills, seed=seed, simulator=simulator))[0].interactions
    assert (frame.groupby(["student", "skill"])["true_mastery"].diff().dropna() >= 0).all()


def test_a_curve_answers_with_the_stated_probability():
    frame, truth = simulated("curve")
    against = (frame["true_mastery"] - truth.threshold[frame["skill"]]) / TEMPERATURE
    follows(frame["response"], 1 / (1 + np.exp(-(against + ABILITY_WEIGHT * truth.ability[frame["student"]]))))


@pytest.mark.parametrize("forgetting", [None, 0.05])
def test_bkt_has_the_stated_chances_of_knowing_learning_forgetting_slips_and_guesses(forgetting):
    frame, truth = simulated("bkt", forgetting)
    known = frame["true_mastery"] == 1
    assert set(frame["true_mastery"]) == {0, 1}
    assert (frame["item"] == -1).all()
    grouped = frame.groupby(["student", "skill"])
    first = frame[grouped.cumcount() == 0].groupby("skill")["true_mastery"].mean()
    assert first.to_numpy() == pytest.approx(truth.prior, abs=0.03)
    for state, chance in ((known, 1 - truth.slip), (~known, truth.guess)):
        shares = frame[state].groupby("skill")["response"].mean()
        assert shares.to_numpy() == pytest.approx(chance, abs=0.02)
    # From one answer to the next, one interaction later, when it was learned or not and then kept or not.
    before, gap = grouped["true_mastery"].shift(), grouped["step"].diff()
    kept = 1 - (forgetting or 0)
    for state, chance in ((0, truth.learn * kept), (1, np.full(6, kept))):
        next_one = frame[(before == state) & (gap == 1)].groupby("skill")["true_mastery"].mean()
        assert next_one.to_numpy() == pytest.approx(chance, abs=0.02)
    if forgetting:
        later = frame[(before == 1) & (gap == 8)]["true_mastery"].mean()
        assert later == pytest.approx(kept**8, abs=0.05)


@pytest.mark.parametrize(("forgetting", "kept"), [(None, 0.98), (0.2, 0.8), (0.0, 1.0)])
def test_irt_grows_with_practice_that_is_forgotten_and_meets_the_difficulty_of_items(forgetting, kept):
    frame, truth = simulated("irt", forgetting)
    state = logit(frame["true_mastery"].astype("float64"))
    follows(frame["response"], 1 / (1 + np.exp(-(state - truth.difficulty[frame["item"]]))))
    assert (frame["item"] // ITEMS == frame["skill"]).all()
    assert frame["item"].nunique() == 6 * ITEMS
    means = truth.difficulty.reshape(6, ITEMS).mean(axis=1)
    assert means == pytest.approx(np.zeros(6), abs=1e-9)
    checked = 0
    for (student, skill), own in frame[frame["student"] < 60].groupby(["student", "skill"]):
        steps = own["step"].to_numpy()
        practice = [sum(kept ** (now - then) for then in steps[:n]) for n, now in enumerate(steps)]
        grown = truth.growth[skill] * np.log1p(practice)
        start = state[own.index].to_numpy() - grown - truth.ability[student]
        assert start == pytest.approx(np.full(len(own), start[0]), abs=1e-4)
        checked += len(own)
    assert checked > 500
