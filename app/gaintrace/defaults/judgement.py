"""Whether new test AUCs are the same as recorded ones, worse, or nothing that can be told.

Runs are paired with recorded ones by fold and seed. A *margin* says which difference matters. Of the mean difference

- *same*: the 95 % interval lies within ± margin (two one-sided tests of equivalence, Schuirmann 1987);
- *worse*: it is below − margin, so surely that a year of nights cries wrongly once at most;
- *better*: it is above zero, as surely;
- *cannot tell*: all else. More pairs would.

A night looks at a few pairs first and trains more only where these cannot tell. Looks before the last share a small
part of the year's one false alarm (Haybittle 1971), so the last, which has all pairs, loses hardly anything by them.
"""

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field
from scipy.special import nctdtrinc, stdtrit

from gaintrace.analysis.intervals import LEVEL, deviation, mean_interval
from gaintrace.config import Strict

Judgement = Literal["same", "better", "worse", "cannot tell"]

FOUND = 10 / 3
"""A drop of so many margins (0.01 with the usual one) is to be found in one night; recording trains enough seeds."""
POWER = 0.95
"""In how many of all nights with such a drop."""

ALARMS = 1 / 365 / 2
"""Probability of a false alarm of one encoder in a night: one in a year of nights, over both encoders."""
LAST = 1e-3
"""What of it the last look has; the looks before share the rest."""


class Difference(Strict):
    """New minus recorded test AUC of an encoder: mean over the pairs, and where that mean may lie (95 %).

    `lowest`, `highest`: the same at the level of alarms. One pair has no interval.
    """

    new: float
    recorded: float
    mean: float
    low: float | None = None
    high: float | None = None
    lowest: float | None = None
    highest: float | None = None
    deviation: float | None = Field(None, description="of the differences, over the pairs")

    def judged(self, margin: float) -> Judgement:
        """The verdict on one encoder."""
        if self.low is None or self.high is None or self.lowest is None or self.highest is None:
            return "cannot tell" if self.mean else "same"
        if self.highest < -margin:
            return "worse"
        if -margin <= self.low and self.high <= margin:
            return "same"
        return "better" if self.lowest > 0 else "cannot tell"


def difference(new: Sequence[float], recorded: Sequence[float], tail: float) -> Difference:
    """Of paired AUCs. `tail`: probability that the mean lies above `highest`, and as much below `lowest`."""
    gaps = [n - r for n, r in zip(new, recorded, strict=True)]
    count = len(gaps)
    likely, sure = mean_interval(gaps), mean_interval(gaps, 1 - 2 * tail)
    return Difference(
        new=math.fsum(new) / count,
        recorded=math.fsum(recorded) / count,
        mean=likely.mean,
        low=likely.low,
        high=likely.high,
        lowest=sure.low,
        highest=sure.high,
        deviation=deviation(gaps) if count > 1 else None,
    )


def tail_of(look: int, looks: int) -> float:
    """The level of alarms at one of a night's looks, from 1."""
    return LAST if look == looks else (ALARMS - LAST) / (looks - 1)


def judge(differences: Sequence[Difference], margin: float) -> Judgement:
    """The verdict on all encoders: one that is worse decides, then one that nothing can be told of."""
    found = {difference.judged(margin) for difference in differences}
    order: tuple[Judgement, ...] = ("worse", "cannot tell", "better")
    return next((verdict for verdict in order if verdict in found), "same")


MOST_PAIRS = 1000


def pairs_needed(difference: Difference, pairs: int, margin: float) -> int | None:
    """How many pairs would tell, if mean and spread of the differences stay as they are; None: hardly any number."""
    mean, spread = difference.mean, difference.deviation
    if spread is None:
        return None
    for count in range(pairs + 1, MOST_PAIRS + 1):
        likely, sure = (_quantile(level, count) * spread / math.sqrt(count) for level in ((1 + LEVEL) / 2, 1 - LAST))
        if abs(mean) + likely <= margin or mean + sure < -margin or mean - sure > 0:
            return count
    return None


def smallest_found(spread: float, pairs: int, margin: float) -> float:
    """The smallest drop in AUC that `pairs` would find, in 95 of 100 nights, were nothing about a seed to stay.

    `spread`: standard deviation of the AUC over seeds. New and recorded AUCs then vary independently of each other.
    """
    apart = nctdtrinc(pairs - 1, 1 - POWER, _quantile(1 - LAST, pairs))  # in standard errors, by the noncentral t
    return margin + float(apart) * spread * math.sqrt(2 / pairs)


def _quantile(probability: float, count: int) -> float:
    return float(stdtrit(count - 1, probability))
