"""Figures of a grid: main effects, and the strongest interaction."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

from gaintrace.analysis.comparison import Comparison
from gaintrace.analysis.effects import Effects
from gaintrace.report.figures.looks import brief
from gaintrace.report.figures.style import (
    COLOURS,
    DASHES,
    INK,
    MANY,
    NAMES,
    NARROW,
    PICTURE,
    Drawing,
    canvas,
    shades,
)


def main_effects(comparison: Comparison, effects: list[Effects], width: float) -> Drawing:
    """A panel for each parameter and encoder: a point a configuration, the means of its values as a line.

    The panels of all encoders span the same height in AUC.
    """
    frame = pd.DataFrame(
        [c.swept | {e.metric: getattr(c, e.metric) for e in effects} for c in comparison.configurations]
    )
    parameters = [effect.parameter for effect in effects[-1].main]
    across = 2 if width == NARROW else min(4, len(parameters))
    down = -(-len(parameters) // across)
    height = 1.3 * max(0.002, *(float(np.ptp(frame[effect.metric])) for effect in effects))
    with canvas("effects", width, 0.4 + 1.75 * down * len(effects)) as figure:
        grid: Any = figure.subplots(down * len(effects), across, squeeze=False, sharey=False)
        for block, effect in enumerate(effects):
            means = {main.parameter: main.means for main in effect.main}
            middle = (frame[effect.metric].max() + frame[effect.metric].min()) / 2
            panels = grid[block * down : (block + 1) * down].ravel()
            for place, (axes, parameter) in enumerate(zip(panels, parameters, strict=False)):
                labels = list(means[parameter])
                x = frame[parameter].astype(str).map(labels.index)
                many = len(frame) > MANY
                axes.plot(
                    x, frame[effect.metric], "o", color=PICTURE if many else COLOURS[effect.metric], markersize=3.5,
                    markerfacecolor="none", markeredgewidth=0.7, linestyle="none", rasterized=many,
                )  # fmt: skip
                axes.plot(range(len(labels)), list(means[parameter].values()), "_-", color=INK, markersize=11)
                axes.set_xticks(*_ticks(labels))
                axes.set_xlabel(parameter)
                axes.set_ylim(middle - height / 2, middle + height / 2)
                axes.margins(x=0.2)
                axes.yaxis.set_major_locator(mpl.ticker.MaxNLocator(4))
                if place % across:
                    axes.set_yticklabels([])
                else:
                    axes.set_ylabel(f"{NAMES[effect.metric]} AUC")
            for axes in panels[len(parameters) :]:
                axes.set_visible(False)
    return figure


def interaction(comparison: Comparison, effects: Effects, width: float) -> Drawing:
    """Mean of a metric over one of two parameters, a line for each value of the other: parallel without interaction."""
    assert effects.interaction is not None
    across, lines = effects.interaction.parameters
    frame = pd.DataFrame([c.swept | {effects.metric: getattr(c, effects.metric)} for c in comparison.configurations])
    means = {main.parameter: list(main.means) for main in effects.main}
    with canvas("interaction", width, 3.0) as figure:
        axes = figure.subplots()
        colours = shades(len(means[lines]))
        x = frame[across].astype(str).map(means[across].index)
        for number, value in enumerate(means[lines]):
            chosen = frame[lines].astype(str) == value
            y = frame.loc[chosen, effects.metric].groupby(x[chosen]).mean()
            style = DASHES[number % len(DASHES)]
            axes.plot(y.index, y.to_numpy(), style, marker="o", color=colours[number], label=value, markersize=5)
        axes.set_xticks(*_ticks(means[across]))
        axes.set_xlabel(across)
        axes.set_ylabel(f"{NAMES[effects.metric]} test AUC")
        axes.legend(title=lines, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _ticks(labels: list[str]) -> tuple[list[int], list[str]]:
    """At most about six of the values."""
    step = max(1, len(labels) // 6)
    places = list(range(0, len(labels), step))
    shown = brief(labels)
    return places, [shown[place] for place in places]
