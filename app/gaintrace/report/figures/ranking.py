"""Figures of the ranking: differences to the best, the trade-off over a parameter, and the Pareto front."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from gaintrace.analysis.comparison import Comparison, Configuration
from gaintrace.report.figures.style import COLOURS, E1, INK, MANY, NAMES, NARROW, canvas, svg
from gaintrace.report.words import short_label

LEAST_SPAN = 0.002
"""Of an axis of AUC: what is smaller should look small."""
DRAWN = 25
"""Differences in a figure, those of the best; a reader finds the others in the table."""
LETTER = 0.07
"""Inches a letter takes."""
LABELLED = 8
"""Configurations on a Pareto front that get their names; more would cover each other."""


def differences(comparison: Comparison, width: float) -> str:
    """Each configuration's difference to the best (★) with its interval; filled where it is more than noise, half where
    another seed might undo it."""
    shown = drawn(comparison)
    with canvas("differences", width, 0.9 + 0.28 * len(shown)) as figure:
        axes = figure.subplots()
        axes.axvline(0, color=INK, linewidth=0.8)
        for place, configuration in enumerate(shown):
            found = configuration.difference
            if found is None or found.low is None or found.high is None:
                axes.plot(0, place, "*", color=E1, markersize=12, markeredgecolor=INK, markeredgewidth=0.6)
                continue
            axes.plot([found.low, found.high], [place, place], color=E1, linewidth=2, solid_capstyle="butt")
            filled = {True: "full", False: "none", None: "left"}[configuration.apart]
            style: Any = {"markersize": 6, "markeredgewidth": 1.4, "markerfacecoloralt": "white"}
            axes.plot(found.mean, place, "o", color="white", markersize=6)
            axes.plot(found.mean, place, "o", color=E1, fillstyle=filled, **style)
        names = [short_label(c.swept) for c in shown]
        if short := LETTER * max(map(len, names)) < width / 2:
            axes.set_yticks(range(len(shown)), names)
        else:  # names would leave no room for the intervals; the table has them by rank
            axes.set_yticks(range(len(shown)), [str(c.rank) for c in shown])
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
        left, right = axes.get_xlim()
        axes.set_xlim(min(left, 0.15 * LEAST_SPAN - LEAST_SPAN), max(right, 0.15 * LEAST_SPAN))
        axes.xaxis.set_major_locator(MaxNLocator(4 if width == NARROW else 7))
        axes.set_xlabel("difference to ★, 95 % interval")
        axes.set_ylabel(_names(shown[0]) if short else "rank")
        return svg(figure)


def drawn(comparison: Comparison) -> list[Configuration]:
    """The configurations in the figure of differences: of those with an interval the best, and what they are to."""
    star = comparison.configurations[comparison.reference]
    known = [c for c in comparison.configurations if c is star or (c.difference and c.difference.low is not None)]
    return known[: max(DRAWN, known.index(star) + 1)]


def trade_off(table: pd.DataFrame, comparison: Comparison, parameter: str, width: float) -> str:
    """Test AUC of each encoder against the one swept parameter: a point a run, means as a line, the best marked.

    All panels span the same height in AUC, so that a step in one is as large as it looks in the other.
    """
    runs = table[table["status"] == "succeeded"]
    numeric = pd.to_numeric(runs[parameter], errors="coerce").notna().all()
    labels = sorted(runs[parameter].unique(), key=float if numeric else str)
    place: dict[Any, float] = {value: float(value) if numeric else i for i, value in enumerate(labels)}
    best = place[comparison.configurations[0].swept[parameter]]
    values = {metric: runs[metric].astype(float) for metric in NAMES if metric in runs and runs[metric].notna().any()}
    with canvas("trade-off", width, 2.1 * len(values)) as figure:
        panels: Any = figure.subplots(len(values), 1, sharex=True)
        height = 1.35 * max(0.002, *(float(v.max() - v.min()) for v in values.values()))
        x = runs[parameter].map(place)
        for axes, (metric, y), marker in zip(panels, values.items(), "os^", strict=False):
            name, colour = NAMES[metric], COLOURS[metric]
            means = y.groupby(x.to_numpy()).mean()
            several = len(means) < len(y)
            style = {"markersize": 4, "alpha": 0.45} if several else {"markersize": 6}
            axes.plot(x, y, marker, color=colour, linestyle="none", rasterized=len(y) > MANY, **style)
            axes.plot(means.index, means.to_numpy(), color=colour, linewidth=1.6)
            axes.axvline(best, color=INK, linewidth=0.8, linestyle=":")
            axes.plot(best, means[best], "*", color=colour, markersize=15, markeredgecolor=INK, markeredgewidth=0.7)
            middle = (y.max() + y.min()) / 2
            axes.set_ylim(middle - height / 2, middle + height / 2)
            axes.set_ylabel(f"{name} test AUC")
            axes.yaxis.set_major_locator(MaxNLocator(4))
        panels[-1].set_xlabel(parameter)
        if not numeric or len(labels) <= 8:
            panels[-1].set_xticks([place[value] for value in labels], [str(value) for value in labels])
        return svg(figure)


def pareto(comparison: Comparison, front: list[Configuration], alpha: float, width: float) -> str:
    """E2 against E1, a point a configuration; the front is joined, and a line through the best has equal combined."""
    everything = comparison.configurations
    best = everything[0]
    with canvas("pareto", width, 3.6 if width == NARROW else 3.9) as figure:
        axes = figure.subplots()
        x, y = [c.test_e1_auc for c in everything], [c.test_e2_auc for c in everything]
        axes.plot(x, y, "o", color=INK, alpha=0.3, markersize=5, linestyle="none", rasterized=len(x) > MANY)
        steps = sorted(front, key=lambda c: c.test_e1_auc)
        axes.step([c.test_e1_auc for c in steps], [c.test_e2_auc for c in steps], where="pre", color=E1, linewidth=1.2)
        axes.plot([c.test_e1_auc for c in steps], [c.test_e2_auc for c in steps], "o", color=E1, markersize=7)
        axes.plot(best.test_e1_auc, best.test_e2_auc, "*", color=E1, markersize=15, markeredgecolor=INK)
        for values, limit in ((x, axes.set_xlim), (y, axes.set_ylim)):
            reach = 0.64 * max(LEAST_SPAN, max(values) - min(values))
            middle = (max(values) + min(values)) / 2
            limit(middle - reach, middle + reach)
        if alpha > 0:
            limits = axes.get_xlim(), axes.get_ylim()
            axes.axline((best.test_e1_auc, best.test_e2_auc), slope=-1 / alpha, color=INK, linewidth=0.8, linestyle=":")
            axes.set_xlim(*limits[0])
            axes.set_ylim(*limits[1])
        for configuration in _labelled(axes, [best, *(everything if len(everything) <= LABELLED else steps)], width):
            where = (configuration.test_e1_auc, configuration.test_e2_auc)
            axes.annotate(
                short_label(configuration.swept), where, xytext=(6, 6), textcoords="offset points", fontsize=8
            )
        axes.xaxis.set_major_locator(MaxNLocator(4 if width == NARROW else 6))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel("E1 test AUC")
        axes.set_ylabel("E2 test AUC")
        return svg(figure)


def _labelled(axes: Axes, configurations: list[Configuration], width: float) -> list[Configuration]:
    """Those whose names do not lie on each other; the first ones matter most."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    chosen: list[Configuration] = []
    for configuration in configurations:
        letters = len(short_label(configuration.swept)) + 2
        free = all(
            abs(configuration.test_e1_auc - other.test_e1_auc) > 0.075 * letters / width * (right - left)
            or abs(configuration.test_e2_auc - other.test_e2_auc) > 0.05 * (high - low)
            for other in chosen
        )
        if free and len(chosen) < LABELLED:
            chosen.append(configuration)
    return chosen


def _names(configuration: Configuration) -> str:
    text = " · ".join(configuration.swept)
    return text if len(text) < 40 else ""
