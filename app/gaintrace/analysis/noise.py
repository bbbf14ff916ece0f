"""How far a mean over trainings may be off: test students and the randomness of training, put together.

- *students*: other test students would have given other AUCs. The variance under a bootstrap over whole students, with
  as many degrees of freedom as there are equally long histories that tell as much, less one (the effective number of
  clusters: Kish, Survey Sampling, 1965; Carter, Schnepel and Steigerwald, Rev. Econ. Stat. 99, 2017). On made data of
  12 to 57 students, evenly or unevenly long, percentiles of the bootstrap hold the truth in 86 to 92 of 100 cases,
  these intervals in 93 to 96 (250 cases each).
- *training*: another seed or fold would have given other weights. The spread over repetitions, a value's own or what is
  pooled over the sweep, whichever is larger; of a single repetition, what is ASSUMED.

Each part has its own Student's reach, and the squares are added: Satterthwaite's single one held a truth of nominal
95 % in 87 where two seeds' spread was by luck small (simulated; this in 95 and more).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from gaintrace.analysis.draws import Array, Draws, Resampled
from gaintrace.analysis.intervals import LEVEL, Interval
from gaintrace.config import Objective

ASSUMED = 3.0
"""Standard deviation over seeds that a single seed's AUC is taken to have at most, in those that drawing its students
anew gives it. Over eight seeds each of six small configurations it was 0.10 to 0.96 of it for encoders that had learned
something, and 1.33 and 2.97 for ones that had hardly begun (benchmarks/RESULTS.md)."""
KNOWN = 1_000_000
"""Degrees of freedom of a variance that is not estimated."""


@dataclass(frozen=True)
class Training:
    """Variance of one repetition's value by training, and the degrees of freedom that it is known with."""

    variance: float
    freedom: int


def interval(
    values: Sequence[float],
    drawn: Array | None,
    effective: float,
    *,
    assumed: float = 0.0,
    pooled: Training | None = None,
    comparisons: int = 1,
) -> Interval:
    """Of the mean of the repetitions' values, with all the uncertainty that is known.

    `drawn`: that mean under every draw of students; None without predictions. `assumed`: variance of training of a
    single repetition. `pooled`: what the sweep's other repetitions say of training. `comparisons`: how many such
    intervals hold at once (95 % together: Bonferroni).
    """
    count = len(values)
    mean = math.fsum(values) / count
    if count == 1 and drawn is None and pooled is None:
        return Interval(mean=mean)
    level = 1 - (1 - LEVEL) / (2 * comparisons)
    square = 0.0
    if drawn is not None:
        size = max(effective, 2.0)
        square += float(np.nanvar(drawn, ddof=1)) * size / (size - 1) * float(stdtrit(size - 1, level)) ** 2
    training = _training(values, pooled) or Training(assumed, KNOWN)
    square += training.variance / count * float(stdtrit(training.freedom, level)) ** 2
    reach = math.sqrt(square)
    return Interval(mean=mean, low=mean - reach, high=mean + reach)


def _training(values: Sequence[float], pooled: Training | None) -> Training | None:
    """The larger of what values and what the sweep say of training; None where neither says anything."""
    if len(values) == 1:
        return pooled
    own = Training(float(np.var(values, ddof=1)), len(values) - 1)
    if pooled is None:
        return own
    return Training(max(own.variance, pooled.variance), max(own.freedom, pooled.freedom))


def pooled_training(scores: list[list[float]]) -> Training | None:
    """Of the difference of two configurations by one repetition, from all that have every repetition.

    The residual of configurations × repetitions with a level for each of both (a randomised block design), doubled.
    `scores`: of each configuration, in one order of repetitions. None with fewer than two of both.
    """
    longest = max(map(len, scores), default=0)
    whole = np.array([row for row in scores if len(row) == longest])
    if len(whole) < 2 or longest < 2:
        return None
    rest = whole - whole.mean(axis=1, keepdims=True) - whole.mean(axis=0, keepdims=True) + whole.mean()
    freedom = (len(whole) - 1) * (longest - 1)
    return Training(2 * float((rest**2).sum()) / freedom, freedom)


def assumed_variance(a: Draws, b: Draws, objective: Objective) -> float:
    """Of the difference between two runs' scores by training. Encoders that predict alike are one training.

    The encoders share no parameter, so theirs are added.
    """
    found = 0.0
    for side, weight in objective.weights.items():
        if a[side] is not b[side]:
            variances = (float(np.nanvar(draws[side], ddof=1)) for draws in (a, b))
            found += (weight * ASSUMED) ** 2 * sum(variances)
    return found


def optimism(groups: list[list[str]], scores: list[list[float]], read: Resampled, objective: Objective) -> float | None:
    """How much better the best of several configurations looks than it is, for having been picked by these numbers.

    Picking is repeated on every draw of students and, where there are several, of repetitions: the mean by which the
    winner's score there exceeds the score that it has here. (The bootstrap's optimism: Efron and Gong, Am. Stat. 37,
    1983; for picking configurations: Tsamardinos, Greasidou and Borboudakis, Mach. Learn. 107, 2018.)

    `groups`: runs of each configuration, in one order of repetitions; `scores`: theirs. None with fewer than two that
    have all of their predictions.
    """
    whole = [g for g, runs in enumerate(groups) if all(run in read.draws for run in runs)]
    longest = max((len(groups[g]) for g in whole), default=0)
    whole = [g for g in whole if len(groups[g]) == longest]
    if len(whole) < 2:
        return None
    drawn = np.stack(
        [[objective.score(read.draws[run]) for run in groups[g]] for g in whole]
    )  # configurations, repetitions, draws
    draws = drawn.shape[2]
    chosen = np.random.default_rng(0).integers(longest, size=(draws, longest))
    means = drawn[:, chosen, np.arange(draws)[:, None]].mean(axis=2)  # configurations, draws
    means = means[:, ~np.isnan(means).any(axis=0)]
    here = np.array([math.fsum(scores[g]) / longest for g in whole])
    return float((means.max(axis=0) - here[means.argmax(axis=0)]).mean()) if means.size else None
