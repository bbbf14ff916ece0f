"""Learning curves: AUC by epoch of configurations, and which epoch counted."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from gaintrace.analysis.comparison import Configuration
from gaintrace.report.figures.looks import legend, looks
from gaintrace.report.figures.style import DASHES, E1, E2, E3, INK, PAPER, Drawing, canvas
from gaintrace.report.words import configuration_label
from gaintrace.training.epoch_rules import sides_of

Epochs = Mapping[str, pd.DataFrame]


def learning_curves(
    table: pd.DataFrame, epochs: Epochs, configurations: Sequence[Configuration], by: Sequence[str], width: float
) -> Drawing:
    """Validation AUC of each encoder by epoch: a line a configuration, the mean of its runs, in a band of their range.

    `by`: parameters, the one that matters most first. Diamonds are at the epochs that were selected, at the run's own
    AUC. A mean ends with the shortest of its runs.
    """
    found = looks(configurations, by)
    selected = table.set_index("run_id")
    sides = sides_of({column for frame in epochs.values() for column in frame})
    with canvas("learning curves", width, 2.2 * len(sides) + 0.6) as figure:
        panels: Any = figure.subplots(len(sides), 1, sharex=True, squeeze=False).ravel()
        for axes, side in zip(panels, sides, strict=True):
            column = f"valid_{side}_auc"
            for configuration, look in zip(configurations, found.of, strict=True):
                runs = [run for run in configuration.runs if run in epochs and column in epochs[run]]
                if not runs:
                    continue
                line = _mean_in_band(figure, axes, [epochs[run] for run in runs], column, look.colour, look.dash)
                figure.tip(line, [f"{configuration_label(configuration.swept)}: {side.upper()} on validation"])
                for run in runs:
                    at = epochs[run][epochs[run]["epoch"] == selected.loc[run, f"best_epoch_{side}"]]
                    (mark,) = axes.plot(
                        at["epoch"], at[column], "D", color=look.colour, markersize=6 if len(runs) == 1 else 4.5,
                        markeredgecolor=PAPER, markeredgewidth=0.6, zorder=3,
                    )  # fmt: skip
                    figure.tip(mark, [_at(run, configuration, side, at, column)])
            axes.set_ylabel(f"{side.upper()} validation AUC")
            axes.yaxis.set_major_locator(MaxNLocator(5))
        panels[-1].set_xlabel("epoch")
        panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
        legend(figure, found, width, [Line2D([], [], color=INK, marker="D", linestyle="none", label="selected")])
    return figure


def trained_sides(epochs: Epochs, best: Configuration) -> list[str]:
    """The encoders of which somebody recorded how they fit the students they were trained on."""
    frames = [epochs[run] for run in best.runs if run in epochs]
    sides = sides_of({column for frame in frames for column in frame})
    names = {side: f"train_{side}_auc" for side in sides}
    return [side for side, name in names.items() if all(name in f and f[name].notna().any() for f in frames)]


def fit(table: pd.DataFrame, epochs: Epochs, best: Configuration, width: float) -> Drawing:
    """AUC of a configuration in training and on validation, by epoch, a panel an encoder."""
    frames = [epochs[run] for run in best.runs if run in epochs]
    known = trained_sides(epochs, best)
    selected = table.set_index("run_id")
    with canvas("fit", width, 2.9) as figure:
        panels: Any = figure.subplots(1, len(known), squeeze=False).ravel()
        for axes, side, colour in zip(panels, known, (E1, E2, E3), strict=False):
            for split, dash, name in (("train", DASHES[1], "training"), ("valid", DASHES[0], "validation")):
                line = _mean_in_band(figure, axes, frames, f"{split}_{side}_auc", colour, dash)
                line.set_label(name)
                figure.tip(line, [f"{side.upper()} {name}"])
            for run in best.runs:
                if run in epochs:
                    column = f"valid_{side}_auc"
                    at = epochs[run][epochs[run]["epoch"] == selected.loc[run, f"best_epoch_{side}"]]
                    (mark,) = axes.plot(at["epoch"], at[column], "D", color=colour, markersize=6, zorder=3)
                    mark.set(markeredgecolor=PAPER, markeredgewidth=0.6)
                    figure.tip(mark, [_at(run, best, side, at, column)])
            axes.set_ylabel(f"{side.upper()} AUC")
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
            axes.yaxis.set_major_locator(MaxNLocator(5))
        lines = [
            Line2D([], [], color=INK, linestyle=DASHES[1], label="training"),
            Line2D([], [], color=INK, linestyle=DASHES[0], label="validation"),
            Line2D([], [], color=INK, marker="D", linestyle="none", label="selected"),
        ]
        figure.legend(handles=lines, loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _mean_in_band(
    figure: Drawing, axes: Any, frames: Sequence[pd.DataFrame], column: str, colour: str, dash: str
) -> Line2D:
    """The mean over runs by epoch, and their range where there are several."""
    values = pd.concat([frame.set_index("epoch")[column] for frame in frames], axis=1).dropna()
    mean = values.mean(axis=1)
    if len(frames) > 1:
        band = axes.fill_between(values.index, values.min(axis=1), values.max(axis=1), color=colour, alpha=0.1, lw=0)
        figure.band(band)
    (line,) = axes.plot(mean.index, mean.to_numpy(), dash, color=colour, linewidth=1.5)
    found: Line2D = line
    return found


def _at(run: str, configuration: Configuration, side: str, at: pd.DataFrame, column: str) -> str:
    where = ", ".join(f"epoch {int(e)}: {v:.4f}" for e, v in zip(at["epoch"], at[column], strict=True))
    return f"{configuration_label(configuration.swept)}, run {run[:8]}: {side.upper()} selected at {where}"
