"""Figures of a sweep as SVG text: deterministic, with text as text, in the page's own colour."""

import io
from collections.abc import Iterable
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gaintrace.sweep.results import Calibration

E1, E2 = "#0072b2", "#d55e00"  # Okabe and Ito: told apart by colour-blind readers and in grey
INK = "#010203"  # stands for the page's text colour until the SVG is written
NAMES = {"test_e1_auc": "E1", "test_e2_auc": "E2"}
STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.15,
    "grid.color": INK,
    "legend.frameon": False,
    "legend.labelcolor": INK,
}


def trade_off(table: pd.DataFrame, parameter: str) -> str:
    """E1 and E2 test AUC against one swept parameter, the best run marked.

    Both panels span the same height in AUC, so that a step in one is as large as it looks in the other.
    """
    runs = table[table["status"] == "succeeded"]
    numeric = pd.to_numeric(runs[parameter], errors="coerce").notna().all()
    labels = sorted(runs[parameter].unique(), key=float if numeric else str)
    x = runs[parameter].astype(float) if numeric else runs[parameter].map(labels.index)
    with mpl.rc_context(STYLE | {"svg.hashsalt": f"trade-off {parameter}"}):
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        panels: Any = figure.subplots(2, 1, sharex=True)
        values = {metric: runs[metric].astype(float) for metric in NAMES}
        height = 1.3 * max(0.002, *(float(v.max() - v.min()) for v in values.values()))
        for axes, (metric, name), colour, marker in zip(panels, NAMES.items(), (E1, E2), "os", strict=True):
            y = values[metric]
            means = y.groupby(x.to_numpy()).mean()
            axes.plot(means.index, means.to_numpy(), color=colour, linewidth=1.5)
            axes.plot(x, y, marker, color=colour, markersize=6, linestyle="none")
            best = runs.index[0]
            axes.plot(x[best], y[best], "*", color=colour, markersize=17, markeredgecolor=INK)
            axes.axvline(x[best], color=INK, linewidth=0.8, linestyle=":")
            middle = (y.max() + y.min()) / 2
            axes.set_ylim(middle - height / 2, middle + height / 2)
            axes.set_ylabel(f"{name} test AUC")
            axes.yaxis.set_major_locator(MaxNLocator(4))
        panels[-1].set_xlabel(parameter)
        if not numeric or len(labels) <= 8:
            ticks = [float(label) for label in labels] if numeric else range(len(labels))
            panels[-1].set_xticks(list(ticks), [str(label) for label in labels])
        return _svg(figure)


def parameter_effects(table: pd.DataFrame, parameters: Iterable[str], metric: str) -> str:
    """One small panel a parameter: every run as a point, the mean of each value as a line."""
    parameters = list(parameters)
    runs = table[table["status"] == "succeeded"]
    with mpl.rc_context(STYLE | {"svg.hashsalt": f"effects {metric}"}):
        columns = min(2, len(parameters))
        rows = -(-len(parameters) // columns)
        figure = Figure(figsize=(6.4, 2.3 * rows), layout="constrained")
        panels = np.atleast_1d(figure.subplots(rows, columns, sharey=True)).ravel()
        for axes, parameter in zip(panels, parameters, strict=False):
            labels = sorted(runs[parameter].unique())
            x = runs[parameter].map(labels.index).to_numpy()
            y = runs[metric].astype(float)
            axes.plot(x, y, "o", color=E2 if "e2" in metric else E1, markersize=3, alpha=0.4, linestyle="none")
            means = y.groupby(x).mean()
            axes.plot(means.index, means.to_numpy(), "_-", color=INK, markersize=14, linewidth=1)
            axes.set_xticks(range(len(labels)), [str(label) for label in labels])
            axes.set_xlabel(parameter)
            axes.margins(x=0.15)
        for axes in panels[len(parameters) :]:
            axes.set_visible(False)
        figure.supylabel(_title(metric), color=INK, fontsize=10)
        return _svg(figure)


def learning_curves(table: pd.DataFrame, epochs: dict[str, pd.DataFrame], labels: dict[str, str]) -> str:
    """Validation AUC of both encoders by epoch, a line a run; the selected epoch of each is marked."""
    selected = table.set_index("run_id")
    with mpl.rc_context(STYLE | {"svg.hashsalt": "learning curves"}):
        figure = Figure(figsize=(6.4, 5.2), layout="constrained")
        panels: Any = figure.subplots(2, 1, sharex=True)
        shades = mpl.colormaps["viridis"](np.linspace(0, 0.85, max(2, len(epochs))))
        styles = ["-", "--", "-.", ":"]
        for position, (run, frame) in enumerate(epochs.items()):
            for axes, side in zip(panels, ("e1", "e2"), strict=True):
                y = frame[f"valid_{side}_auc"]
                style = styles[position % len(styles)]
                axes.plot(frame["epoch"], y, style, color=shades[position], linewidth=1.4, label=labels[run])
                best = frame["epoch"] == selected.loc[run, f"best_epoch_{side}"]
                axes.plot(frame["epoch"][best], y[best], "D", color=shades[position], markersize=6)
        for axes, name in zip(panels, NAMES.values(), strict=True):
            axes.set_ylabel(f"{name} validation AUC")
        panels[-1].set_xlabel("epoch (◆ selected)")
        panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
        _legend(figure, panels[0])
        return _svg(figure)


def reliability(calibration: dict[str, Calibration]) -> str:
    """Share of correct answers against predicted probability, a point a bin, by encoder; the area counts targets."""
    with mpl.rc_context(STYLE | {"svg.hashsalt": "reliability"}):
        figure = Figure(figsize=(4.4, 4.2), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
        for (side, found), colour, marker in zip(calibration.items(), (E1, E2), "os", strict=True):
            x, y = [b.predicted for b in found.bins], [b.observed for b in found.bins]
            largest = max(b.targets for b in found.bins)
            axes.plot(x, y, color=colour, linewidth=1)
            label = f"{side.upper()}, error {found.error:.3f}"
            area = [4 + 60 * b.targets / largest for b in found.bins]
            axes.scatter(x, y, area, color=colour, marker=marker, alpha=0.8, label=label)
        axes.set_xlabel("predicted probability")
        axes.set_ylabel("share of correct answers")
        axes.legend(loc="upper left", fontsize=8)
        return _svg(figure)


def _legend(figure: Figure, axes: Axes) -> None:
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3 if max(map(len, names)) < 24 else 1, fontsize=8)


def _title(metric: str) -> str:
    return {"test_e1_auc": "E1 test AUC", "test_e2_auc": "E2 test AUC"}.get(metric, metric)


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace(INK, "currentColor")
