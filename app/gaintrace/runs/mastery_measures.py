"""Whether mastery measures mastery: what it knows of an answer beside the skill that was asked, and beside practice.

Mastery is worth its name where, of two answers on the same skill, it is higher before the right one. Three things look
like it and are not: knowing which skills are easy (the skill's base rate), counting practice (exposure), and the
ability term beside mastery, which these measures leave out.
"""

import numpy as np
import pandas as pd

from gaintrace.config import Strict
from gaintrace.runs.auc import Scores, within_skill_auc
from gaintrace.runs.targets import Targets


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


def measure_mastery(predictions: pd.DataFrame, targets: Targets) -> MasteryMeasures:
    """`predictions`: rows as in predictions.parquet, one a target."""
    skill, response, mastery = (predictions[name].to_numpy() for name in ("skill", "response", "mastery"))
    return MasteryMeasures(
        skill_base_rate_auc=targets.skill_base_rate_auc,
        mastery_within_skill_auc=within_skill_auc(mastery, response, skill),
        right_share_within_skill_auc=targets.right_share_within_skill_auc,
        mastery_exposure_correlation=_correlation(mastery, targets.answers),
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


def _correlation(a: Scores, b: Scores) -> float | None:
    if len(np.unique(a)) < 2 or len(np.unique(b)) < 2:
        return None
    return float(np.corrcoef(a.astype("float64"), b.astype("float64"))[0, 1])
