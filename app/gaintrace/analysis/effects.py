"""What each parameter of a grid does to a metric on its own, and which two do something together."""

from itertools import combinations

import pandas as pd

from gaintrace.analysis.comparison import Comparison
from gaintrace.analysis.ranking import REPETITIONS
from gaintrace.config import Strict

INVISIBLE = 5e-5
"""Standard deviation of an AUC that four decimals do not show; its parts are nobody's effect."""
EFFECT_METRICS = ("test_e1_auc", "test_e2_auc", "test_e3_auc")


class MainEffect(Strict):
    """Mean of a metric at each value of a parameter, over all others.

    `range`: of those means. `share`: of the metric's variance over configurations (η² = SS_parameter / SS_total); None
    where the metric does not vary.
    """

    parameter: str
    means: dict[str, float]
    range: float
    share: float | None


class Interaction(Strict):
    """What two parameters do together beyond the sum of their main effects.

    `largest`: the cell mean that is farthest from that sum, as a difference. `share`: of the metric's variance.
    """

    parameters: tuple[str, str]
    largest: float
    share: float


class Effects(Strict):
    """Of one metric: main effects, largest first, and the strongest interaction."""

    metric: str
    main: list[MainEffect]
    interaction: Interaction | None


def effects(comparison: Comparison, metric: str) -> Effects | None:
    """Effects over the configurations of a grid; None where it is no grid of two parameters or more, or one lacks it.

    The shares add up to at most one on a full grid. Where runs are missing they overlap.
    """
    rows = [
        configuration.swept | {metric: getattr(configuration, metric)} for configuration in comparison.configurations
    ]
    frame = pd.DataFrame(rows)
    if rows and frame[metric].isna().any():
        return None
    names = [name for name in (comparison.configurations[0].swept if rows else ()) if name not in REPETITIONS]
    frame[names] = frame[names].astype(str)
    names = [name for name in names if frame[name].nunique() > 1]
    if len(names) < 2:
        return None
    total = float(((frame[metric] - frame[metric].mean()) ** 2).sum())
    if total < len(frame) * INVISIBLE**2:
        total = 0.0
    main = [_main(frame, name, metric, total) for name in names]
    pairs = [_interaction(frame, pair, metric, total) for pair in combinations(names, 2)]
    return Effects(
        metric=metric,
        main=sorted(main, key=lambda effect: -effect.range),
        interaction=max((pair for pair in pairs if pair), key=lambda pair: pair.share, default=None),
    )


def _main(frame: pd.DataFrame, name: str, metric: str, total: float) -> MainEffect:
    means = frame.groupby(name, sort=False)[metric].mean()
    fitted = frame[name].map(means)
    explained = float(((fitted - frame[metric].mean()) ** 2).sum())
    ordered = sorted(means.index, key=_numeric)
    return MainEffect(
        parameter=name,
        means={value: float(means[value]) for value in ordered},
        range=float(means.max() - means.min()),
        share=explained / total if total > 0 else None,
    )


def _interaction(frame: pd.DataFrame, pair: tuple[str, str], metric: str, total: float) -> Interaction | None:
    """None where the metric does not vary, or each cell holds one configuration: it cannot be told from noise then."""
    cells = frame.groupby(list(pair))[metric]
    if len(cells) == len(frame) or total == 0:
        return None
    cell = cells.transform("mean")
    a, b = (frame.groupby(name)[metric].transform("mean") for name in pair)
    beyond = cell - a - b + frame[metric].mean()
    share = float((beyond**2).sum()) / total
    return Interaction(parameters=pair, largest=float(max(beyond, key=abs)), share=share)


def _numeric(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return float("inf"), value
