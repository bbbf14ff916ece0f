"""Figures of the ranking: differences to the best, the trade-off over a parameter, and what seeds and folds spread."""

import math
from itertools import pairwise
from typing import Any

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from gaintrace.analysis.comparison import Comparison, Configuration
from gaintrace.analysis.ranking import REPETITIONS, mean
from gaintrace.report.figures.looks import is_number
from gaintrace.report.figures.style import (
    COLOURS,
    E1,
    INK,
    KINDS,
    MANY,
    NAMES,
    NARROW,
    PAPER,
    PICTURE,
    Drawing,
    canvas,
)
from gaintrace.report.words import configuration_label, four, interval_text, short_label, signed

LEAST_SPAN = 0.002
"""Of an axis of AUC: what is smaller should look small."""
DRAWN = 25
"""Differences in a figure, those of the best; a reader finds the others in the table."""
SPREAD = 12
"""Configurations whose single runs are drawn."""
APART = {True: 5, False: 9}
"""Neighbours are at least this part of an axis apart, on a phone and on a page."""
ROW = 0.28
"""Inches of a row of a configuration."""
LETTER = 0.07
"""Inches a letter takes."""


def differences(comparison: Comparison, words: str, width: float) -> Drawing:
    """Each configuration's difference to the best (★) with its interval; filled where it is more than noise, half where
    another seed might undo it. `words`: what the difference is of."""
    shown = drawn(comparison)
    with canvas("differences", width, 0.9 + ROW * len(shown)) as figure:
        axes = figure.subplots()
        axes.axvline(0, color=INK, linewidth=0.8)
        for place, configuration in enumerate(shown):
            found = configuration.difference
            if found is None or found.low is None or found.high is None:
                star(axes, 0, place, E1)
                continue
            axes.plot([found.low, found.high], [place, place], color=E1, linewidth=2, solid_capstyle="butt")
            filled: Any = {True: "full", False: "none", None: "left"}[configuration.apart]
            style: Any = {"markersize": 6, "markeredgewidth": 1.4, "markerfacecoloralt": PAPER}
            axes.plot(found.mean, place, "o", color=PAPER, markersize=6)
            (mark,) = axes.plot(found.mean, place, "o", color=E1, fillstyle=filled, **style)
            figure.tip(
                mark, [f"{configuration_label(configuration.swept)}: {signed(found.mean)} {interval_text(found)}"]
            )
        _name_rows(axes, shown, width)
        left, right = axes.get_xlim()
        axes.set_xlim(min(left, 0.15 * LEAST_SPAN - LEAST_SPAN), max(right, 0.15 * LEAST_SPAN))
        axes.xaxis.set_major_locator(MaxNLocator(4 if width == NARROW else 7))
        axes.set_xlabel(f"{words} on test, difference to ★" if width > NARROW else "difference to ★ on test")
    return figure


def drawn(comparison: Comparison) -> list[Configuration]:
    """The configurations in the figure of differences: of those with an interval the best, and what they are to."""
    best = comparison.configurations[comparison.reference]
    known = [c for c in comparison.configurations if c is best or (c.difference and c.difference.low is not None)]
    return known[: max(DRAWN, known.index(best) + 1)]


def spread(comparison: Comparison, table: pd.DataFrame, metric: str, words: str, width: float) -> Drawing:
    """What ranks, of every run: a row a configuration, a point a run, a line at the mean; colours are folds.

    Folds validate on other students, so they move together; where there are several, compare points of one colour.
    """
    shown = comparison.configurations[:SPREAD]
    runs: dict[str, Any] = {str(row["run_id"]): row for row in table.to_dict("records")}
    folds = sorted({str(runs[run]["fold"]) for c in shown for run in c.runs}) if "fold" in table else []
    colours = dict(zip(folds, KINDS, strict=False)) if 1 < len(folds) <= len(KINDS) else {}
    with canvas("spread", width, 1.0 + ROW * len(shown)) as figure:
        axes = figure.subplots()
        for place, configuration in enumerate(shown):
            values = {run: float(runs[run][metric]) for run in configuration.runs}
            middle = mean(list(values.values()))
            axes.plot([middle, middle], [place - 0.32, place + 0.32], color=INK, linewidth=1.4)
            for run, value in values.items():
                colour = colours.get(str(runs[run]["fold"]), E1) if colours else E1
                (mark,) = axes.plot(value, place, "o", markersize=5, markerfacecolor="none", markeredgecolor=colour)
                names = [f"{name} {runs[run][name]}" for name in REPETITIONS if name in table]
                figure.tip(mark, [f"{configuration_label(configuration.swept)}, {', '.join(names)}: {four(value)}"])
        _name_rows(axes, shown, width)
        axes.xaxis.set_major_locator(MaxNLocator(4 if width == NARROW else 7))
        axes.set_xlabel(words)
        handles = [Line2D([], [], color=INK, marker="|", linestyle="none", markersize=10, label="mean")]
        for fold, colour in colours.items():
            handles.append(
                Line2D([], [], marker="o", linestyle="none", fillstyle="none", color=colour, label=f"fold {fold}")
            )
        figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5), fontsize=8)
    return figure


def trade_off(table: pd.DataFrame, comparison: Comparison, parameter: str, width: float) -> Drawing:
    """Test AUC of each encoder against the one swept parameter: a point a run, means as a line, the best marked.

    Bars are the intervals of the differences to ★, of each encoder's own AUC, around the means. All panels span the
    same height in AUC, so that a step in one is as large as it looks in the other.
    """
    runs = table[table["status"] == "succeeded"]
    numeric = all(is_number(c.swept[parameter]) for c in comparison.configurations)
    labels = sorted(runs[parameter].unique(), key=float if numeric else str)
    place = _places(labels, width) if numeric else {value: float(i) for i, value in enumerate(labels)}
    best = comparison.configurations[comparison.reference]
    values = {metric: runs[metric].astype(float) for metric in NAMES if metric in runs and runs[metric].notna().any()}
    with canvas("trade-off", width, 2.1 * len(values)) as figure:
        panels: Any = figure.subplots(len(values), 1, sharex=True, squeeze=False).ravel()
        height = 1.35 * max(LEAST_SPAN, *(float(v.max() - v.min()) for v in values.values()))
        x = runs[parameter].map(place)
        for axes, (metric, y), marker in zip(panels, values.items(), "os^", strict=False):
            several = len(comparison.configurations) < len(y)
            known = [c for c in comparison.configurations if getattr(c, metric) is not None]  # some have no encoder 3
            means = [(place[c.swept[parameter]], float(getattr(c, metric)), c) for c in known]
            means.sort(key=lambda found: found[0])
            colour = COLOURS[metric]
            if several or len(y) > MANY:
                many = len(y) > MANY
                axes.plot(
                    x, y, marker, color=PICTURE if many else colour, markersize=4, linestyle="none", rasterized=many,
                    markerfacecolor="none", markeredgewidth=0.8,
                )  # fmt: skip
            axes.plot([at for at, _, _ in means], [value for _, value, _ in means], color=colour, linewidth=1.6)
            axes.axvline(place[best.swept[parameter]], color=INK, linewidth=0.8, linestyle=":")
            for at, value, configuration in means if len(means) <= MANY else ():
                _bar(figure, axes, at, value, configuration, metric, marker, configuration is best)
            middle = (y.max() + y.min()) / 2
            low, high = axes.get_ylim()
            half = max(height / 2, high - middle, middle - low)
            axes.set_ylim(middle - half, middle + half)
            axes.set_ylabel(f"{NAMES[metric]} test AUC")
            axes.yaxis.set_major_locator(MaxNLocator(4))
        half = max((axes.get_ylim()[1] - axes.get_ylim()[0]) / 2 for axes in panels)
        for axes in panels:
            middle = sum(axes.get_ylim()) / 2
            axes.set_ylim(middle - half, middle + half)
        panels[-1].set_xlabel(parameter)
        step = -(-len(labels) // (8 if width > NARROW else 6))
        panels[-1].set_xticks([place[v] for v in labels[::step]], [str(v) for v in labels[::step]])
    return figure


def _bar(
    figure: Drawing, axes: Any, x: float, y: float, configuration: Configuration, metric: str, marker: str, best: bool
) -> None:
    """One mean with the interval of its difference to the best, which is a star and has none."""
    name = NAMES[metric]
    found = configuration.by_side.get(metric.split("_")[1])
    if best:
        mark = star(axes, x, y, COLOURS[metric])
    else:
        if found is not None and found.low is not None and found.high is not None:
            low, high = y - found.mean + found.low, y - found.mean + found.high
            axes.plot([x, x], [low, high], color=COLOURS[metric], linewidth=1.2)
        (mark,) = axes.plot(x, y, marker, color=COLOURS[metric], markersize=5)
    beyond = f", to ★ {signed(found.mean)} {interval_text(found)}" if found is not None and not best else ""
    figure.tip(mark, [f"{configuration_label(configuration.swept)}: {name} {four(y)}{beyond}"])


def star(axes: Any, x: float, y: float, colour: str) -> Line2D:
    """The mark of the configuration that others are compared with."""
    (mark,) = axes.plot(x, y, "*", color=colour, markersize=14, markeredgecolor=INK, markeredgewidth=0.7, zorder=4)
    found: Line2D = mark
    return found


def _places(values: list[Any], width: float) -> dict[Any, float]:
    """Where numbers stand on an axis: by size, by its logarithm, or evenly, the first that keeps them apart."""
    numbers = [float(value) for value in values]
    scales = [numbers, [math.log(n) for n in numbers]] if numbers[0] > 0 else [numbers]
    for scale in scales:
        gaps = [b - a for a, b in pairwise(scale)]
        if not gaps or min(gaps) >= (scale[-1] - scale[0]) / APART[width == NARROW]:
            return dict(zip(values, scale, strict=True))
    return {value: float(i) for i, value in enumerate(values)}


def _name_rows(axes: Any, shown: list[Configuration], width: float) -> None:
    """Rows of configurations from the top down, by name; by rank where names would leave no room for the figure."""
    names = [short_label(c.swept) for c in shown]
    short = LETTER * max(map(len, names)) < width / 2
    axes.set_yticks(range(len(shown)), names if short else [str(c.rank) for c in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    label = " · ".join(shown[0].swept) if short else "rank"
    fits = LETTER * len(label) < ROW * len(shown) + 0.4
    axes.set_ylabel(label if label and fits else "configuration")
