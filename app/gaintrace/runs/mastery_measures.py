"""Whether mastery measures mastery: what it knows of an answer beside the skill that was asked, and beside practice.

Mastery is worth its name where, of two answers on the same skill, it is higher before the right one. Three things look
like it and are not: knowing which skills are easy (the skill's base rate), counting practice (exposure), and the
ability term beside mastery, which these measures leave out.
"""

from typing import Any

import numpy as np
import pandas as pd

from gaintrace.config import DataConfig, Strict
from gaintrace.data.dataset import Dataset
from gaintrace.data.split import TEST_FOLD
from gaintrace.data.windows import window_starts

Scores = np.ndarray[tuple[int], np.dtype[Any]]

PRIOR_ANSWERS = 2
"""The share of right answers starts with so many at the skill's base rate, so that one answer does not decide it."""


class MasteryMeasures(Strict):
    """AUCs and a correlation over the test targets. None where one kind of response, or one value, is all there is.

    `skill_base_rate_auc`: of the share of right answers that the target's skill has in the training folds.
    `mastery_within_skill_auc`: AUC of mastery inside each skill, averaged by the pairs of a right and a wrong answer
    that each has. `right_share_within_skill_auc`: the same of the share of right answers that the student has given on
    the skill so far, which needs no model. `mastery_exposure_correlation`: Pearson's, of mastery with the number of the
    student's earlier answers on the skill.
    """

    skill_base_rate_auc: float | None
    mastery_within_skill_auc: float | None
    right_share_within_skill_auc: float | None
    mastery_exposure_correlation: float | None


def measure_mastery(
    predictions: pd.DataFrame, past: pd.DataFrame, dataset: Dataset, config: DataConfig
) -> MasteryMeasures:
    """`predictions`: rows as in predictions.parquet, a target each, of the data set that the run was trained on.

    `past`: what `earlier_answers_of` says of them.
    """
    rates = skill_base_rates(dataset, config.fold)
    exposure, right = past["answers"].to_numpy(), past["right"].to_numpy()
    skill, response, mastery = (predictions[name].to_numpy() for name in ("skill", "response", "mastery"))
    share = (right + PRIOR_ANSWERS * rates[skill]) / (exposure + PRIOR_ANSWERS)
    return MasteryMeasures(
        skill_base_rate_auc=auc(rates[skill], response),
        mastery_within_skill_auc=within_skill_auc(mastery, response, skill),
        right_share_within_skill_auc=within_skill_auc(share, response, skill),
        mastery_exposure_correlation=_correlation(mastery, exposure),
    )


def mastery_logit(predictions: pd.DataFrame) -> Scores:
    """Of each target, the logit of mastery against its threshold alone: encoder 2's, less what is added to it."""
    probability = predictions["e2"].to_numpy().clip(1e-7, 1 - 1e-7)
    beside = predictions["ability"].to_numpy()
    for name, sign in (("growth", 1), ("difficulty", -1)):
        if name in predictions:
            beside = beside + sign * predictions[name].to_numpy()
    logit: Scores = np.log(probability / (1 - probability)) - beside
    return logit


def deviation_among_equals(score: Scores, skill: Scores, exposure: Scores) -> float | None:
    """Standard deviation of a score among targets of one skill with equally many earlier answers on it, at least one.

    Pooled over all such groups. So neither the skill nor practice counts: what is left is how students differ. None
    where no group has two targets.
    """
    practised = exposure > 0
    width = int(exposure.max(initial=0)) + 1
    group = skill[practised].astype(np.int64) * width + exposure[practised]
    values = score[practised].astype(np.float64)
    targets = np.bincount(group)
    freedom = int((targets[targets > 0] - 1).sum())
    if freedom == 0:
        return None
    values -= (np.bincount(group, values) / np.maximum(targets, 1))[group]
    return float(np.sqrt((values**2).sum() / freedom))


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


def earlier_answers_of(predictions: pd.DataFrame, dataset: Dataset, config: DataConfig) -> pd.DataFrame:
    """What `earlier_answers` says of each target, a row each."""
    asked = np.zeros(len(dataset.students), dtype=bool)
    asked[predictions["student"].to_numpy()] = True
    histories = dataset.interactions[asked[dataset.interactions["student"].to_numpy()]]
    past = earlier_answers(histories, config)
    first = histories["student"].drop_duplicates()
    starts = np.zeros(len(dataset.students), np.int64)
    starts[first] = first.index
    rows = starts[predictions["student"].to_numpy()] + predictions["position"].to_numpy()
    return past.iloc[past.index.get_indexer(rows)]


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


def within_skill_auc(score: Scores, response: Scores, skill: Scores) -> float | None:
    """AUC inside each skill, averaged by its pairs of a right and a wrong answer.

    So it is the share of all pairs of one skill that the score ranks as their answers do, ties counting half. Skills
    with one kind of response have no pair. None where no skill has one.
    """
    if not len(score):
        return None
    order = np.argsort(score)
    narrow = skill.astype(np.min_scalar_type(skill.max()))  # which numpy sorts by counting
    order = order[np.argsort(narrow[order], kind="stable")]
    score, skill, right = score[order], skill[order], response[order] == 1
    new_skill = np.diff(skill, prepend=-1) != 0
    tie = np.flatnonzero(new_skill | (np.diff(score, prepend=score[0]) != 0))  # where equal scores of a skill begin
    wrongs = np.concatenate([[0], (~right).cumsum()])  # up to each place
    inside = np.diff(wrongs[tie], append=wrongs[-1])
    below = wrongs[tie] - np.maximum.accumulate(np.where(new_skill[tie], wrongs[tie], 0))
    won_twice = int((np.add.reduceat(right, tie, dtype=np.int64) * (2 * below + inside)).sum())
    rights, wrong = (np.add.reduceat(kind, np.flatnonzero(new_skill), dtype=np.int64) for kind in (right, ~right))
    pairs = int((rights * wrong).sum())
    return won_twice / (2 * pairs) if pairs else None


def auc(score: Scores, response: Scores) -> float | None:
    """How often a right answer scores above a wrong one, ties counting half; None where one kind is missing."""
    return within_skill_auc(score, response, np.zeros(len(score), np.int8))


def _correlation(a: Scores, b: Scores) -> float | None:
    if len(np.unique(a)) < 2 or len(np.unique(b)) < 2:
        return None
    return float(np.corrcoef(a.astype("float64"), b.astype("float64"))[0, 1])
