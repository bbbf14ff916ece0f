"""How sure a mean is."""

import math
from collections.abc import Sequence

from scipy.special import stdtrit

from gaintrace.config import Strict

LEVEL = 0.95
AUC_ROUNDING = 1e-3
"""Mean difference in AUC that another device, library or number of threads may make of the same training."""


class Interval(Strict):
    """A mean, and where it may lie (95 %). One value has no interval."""

    mean: float
    low: float | None = None
    high: float | None = None

    @property
    def touches_zero(self) -> bool:
        """Whether zero is a value the mean may have."""
        return self.low is None or self.high is None or self.low <= 0 <= self.high


def deviation(values: Sequence[float]) -> float:
    """Standard deviation of a sample of at least two (n − 1)."""
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def mean_interval(values: Sequence[float], level: float = LEVEL) -> Interval:
    """Student's interval of the mean of independent values: mean ± t·s/√n."""
    count = len(values)
    mean = math.fsum(values) / count
    if count == 1:
        return Interval(mean=mean)
    reach = float(stdtrit(count - 1, (1 + level) / 2)) * deviation(values) / math.sqrt(count)
    return Interval(mean=mean, low=mean - reach, high=mean + reach)
