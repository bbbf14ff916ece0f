"""How much what ranks depends on each swept parameter.

On a whole grid the functional analysis of variance needs no model: a parameter's share is the variance of the means
over its values (Hutter, Hoos and Leyton-Brown, ICML 2014, whose random forest fills in what a search has not tried).
What is left is what parameters do together, and noise.
"""

import math

from gaintrace.analysis.comparison import Comparison
from gaintrace.analysis.effects import effects
from gaintrace.config import Objective, Strict


class Importance(Strict):
    """`shares`: of the variance of `metric` over configurations, by parameter, largest first; `together`: the rest."""

    metric: str
    shares: dict[str, float]
    together: float


def importance(comparison: Comparison, objective: Objective) -> Importance | None:
    """Of a whole grid of two parameters or more; None elsewhere, and where nothing varies."""
    metric = objective.rank_by
    found = effects(comparison, metric)
    if found is None or any(main.share is None for main in found.main):
        return None
    if math.prod(len(main.means) for main in found.main) != len(comparison.configurations):
        return None
    shares = {main.parameter: main.share or 0.0 for main in sorted(found.main, key=lambda main: -(main.share or 0.0))}
    return Importance(metric=metric, shares=shares, together=max(0.0, 1 - math.fsum(shares.values())))
