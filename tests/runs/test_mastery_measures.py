"""Measures of mastery against slow ways to them, and on masteries of which we know what they are."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.config import DataConfig, SyntheticConfig
from gaintrace.data.split import TEST_FOLD
from gaintrace.data.synthetic import generate
from gaintrace.runs.auc import auc, within_skill_auc
from gaintrace.runs.mastery_measures import deviation_among_equals, measure_mastery
from gaintrace.runs.targets import Targets, earlier_answers, skill_base_rates

DATA = generate(SyntheticConfig(students=200, skills=5, mean_length=30))
CHUNKS = DataConfig(max_sequence_length=20)


def targets(mastery):
    """All test interactions as targets, with a mastery that is a function of their frame."""
    frame = DATA.interactions.assign(position=DATA.interactions.groupby("student").cumcount())
    past = earlier_answers(DATA.interactions, CHUNKS)
    test = (DATA.students["fold"] == TEST_FOLD).to_numpy()[frame["student"]]
    frame = frame.assign(answers=past["answers"], right=past["right"])[test].sample(frac=1, random_state=1)
    return frame.assign(mastery=mastery(frame))


def measured(frame):
    return measure_mastery(frame, Targets.of(frame, DATA, CHUNKS))


def test_earlier_answers_of_targets_are_those_of_their_rows():
    frame = targets(lambda frame: 0.5)
    found = Targets.of(frame, DATA, CHUNKS)
    assert found.answers.tolist() == frame["answers"].tolist()
    assert found.right.tolist() == frame["right"].tolist()


@given(rows=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=40))
def test_auc_within_skills_is_the_share_of_pairs_of_one_skill_in_order(rows):
    score, response, skill = (np.array(column) for column in zip(*rows, strict=True))
    won = [
        (score[i] > score[j]) + (score[i] == score[j]) / 2
        for i in np.flatnonzero(response == 1)
        for j in np.flatnonzero(response == 0)
        if skill[i] == skill[j]
    ]
    found = within_skill_auc(score, response, skill)
    assert found == (pytest.approx(np.mean(won)) if won else None)
    assert within_skill_auc(score, response, np.zeros_like(skill)) == pytest.approx(auc(score, response))


@pytest.mark.parametrize("overlap", [0, 5, 19])
def test_earlier_answers_are_counted_in_a_window(overlap):
    frame = generate(SyntheticConfig(students=8, skills=4, mean_length=60)).interactions
    found = earlier_answers(frame, DataConfig(max_sequence_length=20, evaluation_overlap=overlap))
    position = frame.groupby("student").cumcount()
    assert position.max() >= 60
    for row in frame.index:
        start = 0
        while position[row] >= start + 20:
            start += 20 - overlap
        same = (frame["student"] == frame["student"][row]) & (frame["skill"] == frame["skill"][row])
        before = same & (position < position[row]) & (position >= start)
        assert found["answers"][row] == before.sum()
        assert found["right"][row] == frame["response"][before].sum()


def test_base_rates_are_of_the_training_folds():
    fold = DATA.students["fold"].to_numpy()[DATA.interactions["student"]]
    training = DATA.interactions[(fold != TEST_FOLD) & (fold != 2)]
    rates = skill_base_rates(DATA, 2)
    assert rates[3] == pytest.approx(training.loc[training["skill"] == 3, "response"].mean())
    assert len(rates) == 5


def test_a_practice_counter_is_told_by_its_exposure_and_an_oracle_by_its_order():
    counter = measured(targets(lambda frame: frame["answers"] / 20))
    assert counter.mastery_exposure_correlation == pytest.approx(1)
    knowing = measured(targets(lambda frame: (frame["right"] + 1) / (frame["answers"] + 2)))
    assert abs(knowing.mastery_exposure_correlation) < 0.5
    assert knowing.skill_base_rate_auc == counter.skill_base_rate_auc
    oracle = measured(targets(lambda frame: frame["response"]))
    assert oracle.mastery_within_skill_auc == 1


def test_the_share_of_right_answers_is_measured_without_a_model():
    rates = skill_base_rates(DATA, CHUNKS.fold)
    found = measured(targets(lambda frame: (frame["right"] + 2 * rates[frame["skill"]]) / (frame["answers"] + 2)))
    assert found.mastery_within_skill_auc == pytest.approx(found.right_share_within_skill_auc)


def test_a_mastery_that_knows_the_skill_alone_ranks_nothing_within_skills():
    rates = skill_base_rates(DATA, CHUNKS.fold)
    found = measured(targets(lambda frame: rates[frame["skill"]]))
    assert found.mastery_within_skill_auc == 0.5
    constant = measured(targets(lambda frame: pd.Series(0.5, frame.index)))
    assert constant.mastery_exposure_correlation is None
    all_right = targets(lambda frame: frame["answers"]).query("response == 1")
    assert measured(all_right).mastery_within_skill_auc is None


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=40),
    st.floats(-1, 1),
)
def test_the_deviation_among_equals_is_that_around_the_mean_of_each_group(rows, shift):
    score, skill, exposure = (np.array(column) for column in zip(*rows, strict=True))
    found = deviation_among_equals(score, skill, exposure)
    squares, freedom = 0.0, 0
    for s in range(3):
        for n in (1, 2, 3):  # nobody has answered at 0, so there nothing can tell students apart
            group = score[(skill == s) & (exposure == n)]
            if len(group):
                squares, freedom = squares + ((group - group.mean()) ** 2).sum(), freedom + len(group) - 1
    if freedom == 0:
        assert found is None
    else:
        assert found == pytest.approx(np.sqrt(squares / freedom), abs=1e-9)
        practised = deviation_among_equals(score + shift * exposure + skill, skill, exposure)
        assert practised == pytest.approx(found, abs=1e-6), "the skill and practice add nothing"
