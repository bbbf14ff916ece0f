"""Learning curves: validation AUC by epoch, and which epoch counted."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from gaintrace.report.figures.style import NARROW, canvas, svg
from gaintrace.training.epoch_rules import sides_of

STYLES = ["-", "--", "-.", ":"]


def learning_curves(
    table: pd.DataFrame, epochs: dict[str, pd.DataFrame], labels: dict[str, str], names: str, width: float
) -> str:
    """Validation AUC of each encoder by epoch, a line a run, coloured by label; the selected epochs are marked.

    `labels`: of the runs, values of `names`. Runs of one label (repetitions of a configuration) share its colour.
    """
    selected = table.set_index("run_id")
    kinds = list(dict.fromkeys(labels[run] for run in epochs))
    shades = mpl.colormaps["viridis"](np.linspace(0, 0.85, max(2, len(kinds))))
    longest = max(map(len, kinds))
    columns = max(1, min(6, int((100 if width > NARROW else 46) / (longest + 7))))
    rows = -(-len(kinds) // columns)
    sides = sides_of({column for frame in epochs.values() for column in frame})
    with canvas("learning curves", width, 2.2 * len(sides) + 0.17 * rows) as figure:
        panels: Any = figure.subplots(len(sides), 1, sharex=True)
        for run, frame in epochs.items():
            kind = kinds.index(labels[run])
            for axes, side in zip(panels, sides, strict=True):
                if f"valid_{side}_auc" not in frame:
                    continue
                y = frame[f"valid_{side}_auc"]
                style = STYLES[kind % len(STYLES)]
                axes.plot(frame["epoch"], y, style, color=shades[kind], linewidth=1.3, label=labels[run])
                best = frame["epoch"] == selected.loc[run, f"best_epoch_{side}"]
                axes.plot(
                    frame["epoch"][best], y[best], "D", color=shades[kind], markersize=6, markeredgecolor="white",
                    markeredgewidth=0.6, zorder=3,
                )  # fmt: skip
        for axes, side in zip(panels, sides, strict=True):
            axes.set_ylabel(f"{side.upper()} validation AUC")
            axes.yaxis.set_major_locator(MaxNLocator(5))
        panels[-1].set_xlabel("epoch (◆ selected)")
        panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
        handles = dict(zip(*reversed(panels[0].get_legend_handles_labels()), strict=True))
        figure.legend(
            handles.values(), handles.keys(), title=names if len(names) < 60 else None, title_fontsize=8,
            loc="outside lower center", ncols=columns, fontsize=8,
        )  # fmt: skip
        return svg(figure)
