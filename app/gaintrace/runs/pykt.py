"""AUCs under the names and by the rules of pyKT, so that a number can stand beside its tables.

pyKT reports an answer of several skills at two levels. Of *concepts*, each row of the answer, predicted from what came
before the answer, is a target of its own. Of *questions*, the rows of an answer are fused into one score
(`late_fusion` in its pykt/models/evaluate_model.py):

late_mean   the mean of their probabilities
late_vote   if at least half of them are 0.5 or more, the mean of those that are; else the mean of the others
late_all    if all of them are 0.5 or more, their mean; else the mean of those that are not

It does so twice: `oriauc…` predicts from a chunk, `windowauc…` from the 199 interactions before (a window of 200). Its
tables hold `windowauclate_mean` where answers have items, and `window_testauc` where they have none; that is
`windowaucconcepts` here. (On answers of several skills its `testauc` and `window_testauc` read the response from the
answer's other rows.) Differences: no score is rounded to four decimals; an answer that a chunk's border cuts apart is
fused from the rows that were predicted; and a window holds the earlier rows of its target's answer too, which are not
read, so that of an answer of n skills it may begin up to n − 1 interactions later. Early fusion, of a model's hidden
states, has no counterpart here.
"""

from typing import Any

import numpy as np
import pandas as pd

from gaintrace.config import DataConfig
from gaintrace.data.batches import window_overlap
from gaintrace.runs.auc import Scores, auc
from gaintrace.runs.result import PyktAucs, PyktScores
from gaintrace.training.epoch_rules import SIDES

Answers = np.ndarray[tuple[int], np.dtype[np.int64]]


def pykt_scores(test: pd.DataFrame, windowed: pd.DataFrame, answer: Answers, config: DataConfig) -> PyktScores:
    """AUCs of the encoders at both levels.

    `test`, `windowed`: index (a row of the data set's interactions, each once), response, and each side's probability,
    as the run is evaluated and from windows. Where it is evaluated in windows, there are none of chunks. `answer`: see
    `level_aucs`.
    """
    sides = [side for side in SIDES if side in windowed]
    of_windows = {side: level_aucs(windowed, side, answer) for side in sides}
    of_chunks = {side: level_aucs(test, side, answer) for side in sides} if config.evaluation_overlap == 0 else {}
    return PyktScores(
        window_overlap=window_overlap(config),
        window_targets=len(windowed),
        **{
            side: PyktAucs(
                **{f"windowauc{level}": value for level, value in of_windows[side].items()},
                **{f"oriauc{level}": value for level, value in of_chunks.get(side, {}).items() if level != "concepts"},
            )
            for side in sides
        },
    )


def level_aucs(frame: pd.DataFrame, side: str, answer: Answers) -> dict[str, float | None]:
    """AUC of the probabilities in a column by level: concepts, and late_mean, late_vote and late_all of questions.

    `answer`: which one each row of the data set is of. Those of questions are None where every answer has one skill:
    they would be that of concepts.
    """
    score, response = frame[side].to_numpy(np.float64), frame["response"].to_numpy()
    found = {"concepts": auc(score, response)}
    if answer[-1] + 1 == len(answer):
        return found | dict.fromkeys(("late_mean", "late_vote", "late_all"))
    _, first, of_target = np.unique(answer[frame["index"].to_numpy()], return_index=True, return_inverse=True)
    return found | {name: auc(late, response[first]) for name, late in late_fusion(score, of_target).items()}


def answers(interactions: pd.DataFrame) -> Answers:
    """Which answer each row is of, counted over the data set."""
    new = np.zeros(len(interactions), dtype=bool)
    for column in ("student", "step"):
        new |= np.diff(interactions[column].to_numpy(np.int64), prepend=-1) != 0
    return new.cumsum() - 1


def late_fusion(probability: Scores, answer: Answers) -> dict[str, np.ndarray[tuple[int], np.dtype[Any]]]:
    """Scores of A answers out of those of their rows, by name. `answer`: of every row; 0 to A − 1, all of them."""
    high = probability >= 0.5
    count, highs = np.bincount(answer), np.bincount(answer, high)
    sums, high_sums = np.bincount(answer, probability), np.bincount(answer, probability * high)
    mean_high = high_sums / np.maximum(highs, 1)
    mean_low = (sums - high_sums) / np.maximum(count - highs, 1)
    return {
        "late_mean": sums / count,
        "late_vote": np.where(2 * highs >= count, mean_high, mean_low),
        "late_all": np.where(highs == count, mean_high, mean_low),
    }
