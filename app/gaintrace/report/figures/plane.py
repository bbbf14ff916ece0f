"""What ranks over two parameters, over all of them, and how much of it each explains."""

import math
from typing import Any

import pandas as pd
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.patches import Rectangle

from gaintrace.analysis.comparison import Comparison
from gaintrace.analysis.importance import Importance
from gaintrace.report.figures.looks import is_number, ordered
from gaintrace.report.figures.style import E1, GREY, INK, NARROW, PAPER, SCALE, Drawing, canvas
from gaintrace.report.words import configuration_label, four

MOST_CELLS = 10
"""Values of a parameter that a table of shades has room for."""
WITH_NUMBERS = {True: 4, False: 8}
"""Columns up to which cells hold numbers, on a phone and on a page."""
MAGNITUDES = 20
"""Largest value over smallest from which an axis is logarithmic."""
LIGHTEST, DARKEST = 0.04, 0.5
"""How much of the colour the worst and the best cell have; text stays readable on both."""
BEST = 0.1
"""Share of configurations that parallel coordinates show in colour."""


def importances(found: Importance, width: float) -> Drawing:
    """Shares of the variance of what ranks, as bars with their numbers."""
    rows = [*found.shares.items(), ("several together", found.together)]
    with canvas("importance", width, 0.9 + 0.3 * len(rows)) as figure:
        axes = figure.subplots()
        for place, (name, share) in enumerate(rows):
            axes.barh(place, 100 * share, height=0.55, color=E1 if name in found.shares else GREY)
            axes.text(100 * share + 1.5, place, f"{100 * share:.1f} %", va="center", fontsize=8.5)
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(0, 115)
        axes.set_xticks([0, 25, 50, 75, 100])
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("share of the variance, %")
        axes.set_ylabel("parameter")
    return figure


def heatmap(comparison: Comparison, across: str, down: str, metric: str, width: float) -> Drawing:
    """Mean score by the values of two parameters, over the others: shades, with numbers where there is room."""
    frame = _frame(comparison, metric)
    x = ordered([c.swept[across] for c in comparison.configurations])
    y = ordered([c.swept[down] for c in comparison.configurations])
    means: Any = frame.groupby([frame[down].astype(str), frame[across].astype(str)])[metric].mean()
    low, high = float(means.min()), float(means.max())
    with canvas("heatmap", width, 1.1 + 0.42 * len(y)) as figure:
        axes = figure.subplots()
        for (row, column), value in means.to_dict().items():
            at = x.index(column), y.index(row)
            depth = LIGHTEST + (DARKEST - LIGHTEST) * ((value - low) / (high - low) if high > low else 0.0)
            cell = axes.add_patch(Rectangle((at[0] - 0.49, at[1] - 0.48), 0.98, 0.96, color=E1, alpha=depth, lw=0))
            figure.tip(cell, [f"{across} {column}, {down} {row}: {four(value)}"])
            mark = "★ " if value == high else ""
            if len(x) <= WITH_NUMBERS[width == NARROW]:
                axes.text(*at, f"{mark}{value:.4f}", ha="center", va="center", fontsize=8.5)
            elif mark:
                axes.text(*at, "★", ha="center", va="center", fontsize=9)
        axes.set_xticks(range(len(x)), x)
        axes.set_yticks(range(len(y)), y)
        axes.set_xlim(-0.5, len(x) - 0.5)
        axes.set_ylim(-0.5, len(y) - 0.5)
        axes.grid(visible=False)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.tick_params(length=0)
        axes.set_xlabel(across)
        axes.set_ylabel(down)
    return figure


def plane(comparison: Comparison, across: str, down: str, metric: str, words: str, width: float) -> Drawing:
    """Configurations by the values of two numbers, each in the colour of its score."""
    frame = _frame(comparison, metric).sort_values(metric)
    low, high = float(frame[metric].min()), float(frame[metric].max())
    with canvas("plane", width, 3.4) as figure:
        axes = figure.subplots()
        steps = [low + (high - low or 1e-9) * n / len(SCALE) for n in range(len(SCALE) + 1)]
        colours: Any = ListedColormap(list(SCALE))
        points = axes.scatter(
            frame[across].astype(float), frame[down].astype(float), 36, frame[metric], cmap=colours,
            norm=BoundaryNorm(steps, len(SCALE)), edgecolors="none",
        )  # fmt: skip
        rows = frame.to_dict("records")  # unlike a row of numbers alone, which is an array, these keep Python's own
        labels = [f"{across} {row[across]}, {down} {row[down]}: {four(row[metric])}" for row in rows]
        figure.tip(points, labels)
        for axis, name in ((axes.xaxis, across), (axes.yaxis, down)):
            if _by_magnitude(frame[name].astype(float).tolist()):
                (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
        best = frame.iloc[-1]
        axes.plot(float(best[across]), float(best[down]), "*", color=SCALE[-1], markersize=14, markeredgecolor=INK)
        axes.set_xlabel(across)
        axes.set_ylabel(down)
        figure.colorbar(points, ax=axes, format="%.4f", ticks=steps[::3]).set_label(words)
    return figure


def parallel(comparison: Comparison, parameters: list[str], metric: str, words: str, width: float) -> Drawing:
    """Configurations as lines through their values of each parameter, to the score; the best in colour."""
    frame = _frame(comparison, metric)
    heights = {name: _heights([c.swept[name] for c in comparison.configurations]) for name in parameters}
    low, high = float(frame[metric].min()), float(frame[metric].max())
    best = max(1, round(BEST * len(frame)))
    places = range(len(parameters) + 1)
    with canvas("parallel", width, 3.2) as figure:
        axes = figure.subplots()
        for rank, configuration in reversed(list(enumerate(comparison.configurations))):
            score = float(getattr(configuration, metric))
            y = [heights[name][str(configuration.swept[name])] for name in parameters]
            y.append((score - low) / (high - low) if high > low else 0.5)
            colour, thick = (E1, 2.6 if rank == 0 else 1.2) if rank < best else (GREY, 0.5)
            (line,) = axes.plot(places, y, color=colour, linewidth=thick, zorder=3 if rank < best else 2)
            figure.tip(line, [f"{configuration_label(configuration.swept)}: {four(score)}"])
        for place, name in enumerate(parameters):
            axes.axvline(place, color=INK, linewidth=0.6)
            for text, height in _some(heights[name]):
                axes.text(
                    place + 0.03, height, text, fontsize=8, va="center",
                    bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.85, "pad": 0.5}, zorder=4,
                )  # fmt: skip
        axes.axvline(len(parameters), color=INK, linewidth=0.6)
        for height, value in ((0, low), (1, high)):
            axes.text(len(parameters) + 0.03, height, four(value), fontsize=8, va="center")
        axes.set_xlim(-0.1, len(parameters) + (0.25 if width > NARROW else 0.5))
        room = int((13 if width > NARROW else 6.5) * 5 / len(places))
        axes.set_xticks(list(places), [*(_broken(name, room) for name in parameters), words.replace(", ", ",\n")])
        axes.tick_params(axis="x", length=0, labelsize=8 if width > NARROW else 7)
        axes.set_yticks([])
        axes.grid(visible=False)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.set_xlabel("parameters, and what ranks")
    return figure


def _frame(comparison: Comparison, metric: str) -> pd.DataFrame:
    return pd.DataFrame([c.swept | {metric: getattr(c, metric)} for c in comparison.configurations])


def _heights(values: list[Any]) -> dict[str, float]:
    """Where values stand on an axis from 0 to 1: few evenly by rank, so that none lies on another, many by size."""
    texts = ordered(values)
    if len(texts) > MOST_CELLS and all(is_number(value) for value in values):
        scale = math.log if _by_magnitude(list(map(float, texts))) else float
        low, high = scale(float(texts[0])), scale(float(texts[-1]))
        return {text: (scale(float(text)) - low) / (high - low) for text in texts}
    return {text: n / max(1, len(texts) - 1) for n, text in enumerate(texts)}


def _by_magnitude(values: list[float]) -> bool:
    """Whether values span so much that an axis of their size would crowd most of them at one end."""
    return min(values) > 0 and max(values) / min(values) >= MAGNITUDES


def _some(heights: dict[str, float]) -> list[tuple[str, float]]:
    """Values that are written: all of few, else the ends."""
    found = list(heights.items())
    return found if len(found) <= 6 else [found[0], found[-1]]


def _broken(name: str, room: int) -> str:
    """A parameter's name in lines of at most `room` letters, where its underscores allow that."""
    lines = [""]
    for part in name.replace("_", "_ ").split():
        if lines[-1] and len(lines[-1]) + len(part) > room:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)
