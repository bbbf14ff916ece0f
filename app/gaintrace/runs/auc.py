"""AUC of scores on answers, over all of them or inside each skill."""

from typing import Any

import numpy as np

Scores = np.ndarray[tuple[int], np.dtype[Any]]


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
