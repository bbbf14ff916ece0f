"""Test targets, and what no run decides of them: made once for all runs that are tested on them."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from gaintrace.config import DataConfig
from gaintrace.data.dataset import Dataset
from gaintrace.data.split import TEST_FOLD
from gaintrace.data.windows import window_starts
from gaintrace.runs.auc import Scores, auc, within_skill_auc

Integers = np.ndarray[tuple[int], np.dtype[np.int64]]

PRIOR_ANSWERS = 2
"""The share of right answers starts with so many at the skill's base rate, so that one answer does not decide it."""


@dataclass(frozen=True)
class Chains:
    """The targets of each student, chunk and skill in a row. `first`: where each such chain begins in `order`."""

    order: Integers
    first: Integers

    @classmethod
    def of(cls, student: Scores, chunk: Scores, skill: Scores) -> Self:
        """Rows are in order of position."""
        key = np.zeros(len(student), np.int64)
        for values in (column.astype(np.int64) for column in (student, chunk, skill)):
            key = key * (values.max(initial=0) + 1) + values
        order = np.argsort(key, kind="stable")
        return cls(order, np.flatnonzero(np.diff(key[order], prepend=-1)))


@dataclass(frozen=True)
class Targets:
    """N targets: how often their students answered on the skill before (`earlier_answers`), and were right.

    `skill_base_rate_auc`, `right_share_within_skill_auc`: see MasteryMeasures. `order`: the targets by student and
    position, None where they are so; in that order `chains`, and `future`, the share of right answers that follow.
    """

    answers: Integers
    right: Integers
    skill_base_rate_auc: float | None
    right_share_within_skill_auc: float | None
    order: Integers | None
    chains: Chains
    future: Scores

    @classmethod
    def of(cls, frame: pd.DataFrame, dataset: Dataset, config: DataConfig) -> Self:
        """`frame`: student, position among the student's rows, skill and response of each; of runs on the data set."""
        student, position, skill, response = (
            frame[name].to_numpy() for name in ("student", "position", "skill", "response")
        )
        past = _earlier_answers_of(student, position, dataset, config)
        answers, right = past["answers"].to_numpy(), past["right"].to_numpy()
        rates = skill_base_rates(dataset, config.fold)
        share = (right + PRIOR_ANSWERS * rates[skill]) / (answers + PRIOR_ANSWERS)
        place = position.astype(np.int64)
        order = np.lexsort((place, student))
        chunk = window_starts(place, config.max_sequence_length, config.evaluation_overlap)
        chains = Chains.of(student[order], chunk[order], skill[order])
        return cls(
            answers=answers,
            right=right,
            skill_base_rate_auc=auc(rates[skill], response),
            right_share_within_skill_auc=within_skill_auc(share, response, skill),
            order=None if (np.diff(order) == 1).all() else order,
            chains=chains,
            future=future_correctness(response[order], chains),
        )

    def in_order(self, predictions: pd.DataFrame) -> pd.DataFrame:
        """What a run says of these targets, by student and position."""
        return predictions if self.order is None else predictions.iloc[self.order].reset_index(drop=True)


def future_correctness(response: Scores, chains: Chains) -> Scores:
    """Share of right answers of a student on a skill from each target on, in a chunk; rows as those of the chains."""
    response = response.astype(np.int64)[chains.order]
    length = np.diff(chains.first, append=len(response))
    end = np.repeat(chains.first + length, length)
    right = np.concatenate([[0], response.cumsum()])
    future = np.empty(len(response))
    row = np.arange(len(response))
    future[chains.order] = (right[end] - right[row]) / (end - row)
    return future


def skill_base_rates(dataset: Dataset, fold: int) -> Scores:
    """Share of right answers on each skill in the folds that train where `fold` validates: C.

    A skill that nobody answers there gets the share over all skills.
    """
    frame = dataset.interactions
    training = ~dataset.students["fold"].isin((TEST_FOLD, fold)).to_numpy()[frame["student"].to_numpy()]
    skill, response = (frame[name].to_numpy()[training] for name in ("skill", "response"))
    answers = np.bincount(skill, minlength=len(dataset.skills))
    right = np.bincount(skill, weights=response, minlength=len(dataset.skills))
    rates: Scores = np.divide(right, answers, out=np.full(len(answers), response.mean()), where=answers > 0)
    return rates


def _earlier_answers_of(student: Scores, position: Scores, dataset: Dataset, config: DataConfig) -> pd.DataFrame:
    """What `earlier_answers` says of each target, a row each."""
    asked = np.zeros(len(dataset.students), dtype=bool)
    asked[student] = True
    histories = dataset.interactions[asked[dataset.interactions["student"].to_numpy()]]
    past = earlier_answers(histories, config)
    first = histories["student"].drop_duplicates()
    starts = np.zeros(len(dataset.students), np.int64)
    starts[first] = first.index
    rows = starts[student] + position
    return past.loc[rows]


def earlier_answers(interactions: pd.DataFrame, config: DataConfig) -> pd.DataFrame:
    """How often the student answered on the skill before, as far back as its window on the history goes: a row each.

    Columns: answers; right, those that were right. Without an overlap windows are chunks, with which history begins
    anew, for the encoders as well.
    """
    student, skill = (interactions[name].to_numpy(np.int64) for name in ("student", "skill"))
    row = np.arange(len(interactions))
    first = np.maximum.accumulate(np.where(np.diff(student, prepend=-1) != 0, row, 0))
    start = first + window_starts(row - first, config.max_sequence_length, config.evaluation_overlap)
    group = (student * (skill.max() + 1) + skill) * len(row)
    order = np.argsort(group + row)  # each student's answers on one skill in a row
    until = np.empty_like(row)
    until[order] = row
    since = np.searchsorted((group + row)[order], group + start)
    right = np.concatenate([[0], interactions["response"].to_numpy(np.int64)[order].cumsum()])
    return pd.DataFrame({"answers": until - since, "right": right[until] - right[since]}, index=interactions.index)
