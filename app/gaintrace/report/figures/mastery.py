"""Mastery: of a student over time, and of a skill by practice."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from unicodedata import east_asian_width

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from gaintrace.report.figures.style import DASHES, INK, KINDS, WIDE, Drawing, canvas, svg
from gaintrace.report.mastery_curves import Curve

SKILLS_SHOWN = len(KINDS)
"""Skills a panel, those practised most."""
PANEL_HEIGHT = 1.9
LABEL_GAP = 0.12
THIN = 0.6
"""Points, of a line with hindsight."""
NAME_SHOWN, TITLE_SHOWN = 14, 42
"""Letters of a skill's name, and of a panel's title, that there is room for; those of Chinese count twice."""
FEW_LETTERS = 9
"""Up to so many, names of skills leave more of a panel to its lines."""
PANEL = (3.2, 2.0)
"""Inches of a panel that stands alone."""
MOST_PANELS = 20
"""More students are in the table, not in the figure."""


def most_practised(skill: Sequence[int]) -> list[int]:
    """The skills of a history that are drawn: those practised most, of equals the one practised first."""
    found, first, counts = np.unique(skill, return_index=True, return_counts=True)
    order = sorted(range(len(found)), key=lambda i: (-counts[i], first[i]))
    return [int(found[i]) for i in order[:SKILLS_SHOWN]]


@dataclass(frozen=True)
class MasteryPanel:
    """One student. `lines`: skill → mastery at times 0..T; `practice`: skill → (time, response) of each answer.

    `smoothed`: skill → the same with hindsight, where there is such a line.
    """

    title: str
    lines: dict[str, Any]
    practice: dict[str, list[tuple[int, int]]]
    smoothed: dict[str, Any] = field(default_factory=dict)


def trajectories(panels: list[MasteryPanel]) -> str:
    """Mastery of the most practised skills of some students, a panel a student, all in one figure."""
    columns = 2
    rows = -(-len(panels) // columns)
    with canvas("trajectories", WIDE, PANEL_HEIGHT * rows + 0.5) as figure:
        axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
        for panel, where in zip(panels, axes, strict=False):
            _trajectory(figure, where, panel)
        for where in axes[len(panels) :]:
            where.set_visible(False)
        for where in axes[: len(panels)]:
            where.set_xlabel("interactions of the student", fontsize=8)
        for where in axes[: len(panels) : columns]:
            where.set_ylabel("mastery", fontsize=8)
        marks = [
            Line2D([], [], color=INK, marker="o", linestyle="none", markersize=4, label="correct"),
            Line2D([], [], color=INK, marker="o", fillstyle="none", linestyle="none", markersize=4, label="wrong"),
        ]
        if any(panel.smoothed for panel in panels):
            marks += [
                Line2D([], [], color=INK, linewidth=1.3, label="so far"),
                Line2D([], [], color=INK, linewidth=THIN, label="with hindsight"),
            ]
        figure.legend(handles=marks, loc="outside upper right", ncols=len(marks), fontsize=8)
        figure.described = "Mastery over time, a panel a student"
    return svg(figure)


def _trajectory(figure: Drawing, axes: Any, panel: MasteryPanel) -> None:
    ends = []
    for (name, mastery), colour, dash in zip(panel.lines.items(), KINDS, DASHES, strict=False):
        times = np.arange(len(mastery))
        (line,) = axes.plot(times, mastery, dash, color=colour, linewidth=1.3, drawstyle="steps-post")
        figure.tip(line, [name])
        if name in panel.smoothed:
            axes.plot(times, panel.smoothed[name], dash, color=colour, linewidth=THIN, drawstyle="steps-post")
        for response, fill in ((1, "full"), (0, "none")):
            at = [time for time, given in panel.practice[name] if given == response]
            axes.plot(at, mastery[at], "o", color=colour, fillstyle=fill, markersize=3.5, linestyle="none")
        ends.append((float(mastery[-1]), name, colour))
    axes.set_title(panel.title, fontsize=8.5, loc="left", color=INK)
    axes.set_ylim(0, 1.04)
    axes.set_yticks([0, 0.5, 1])
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.tick_params(labelsize=8)
    for (_, name, colour), place in zip(sorted(ends), apart(sorted(end for end, _, _ in ends)), strict=True):
        axes.annotate(
            short(name), (1.02, place), xycoords=("axes fraction", "data"), va="center", fontsize=7.5, color=colour
        )


def apart(heights: list[float]) -> list[float]:
    """Heights, ascending, moved as little as keeps labels from lying on each other and inside the panel."""
    places: list[float] = []
    for height in heights:
        places.append(max(height, places[-1] + LABEL_GAP) if places else height)
    top = 1.0
    for position in reversed(range(len(places))):
        places[position] = min(places[position], top)
        top = places[position] - LABEL_GAP
    return places


def student_panel(panel: MasteryPanel) -> Drawing:
    """One student as a figure of its own, which a page sets beside others."""
    with canvas(panel.title, *PANEL) as figure:
        few = all(_letters(name) <= FEW_LETTERS for name in panel.lines)
        axes = _only_axes(figure, labels=0.21 if few else 0.33)
        _trajectory(figure, axes, panel)
        axes.set_xlabel("interactions of the student", fontsize=8)
        axes.set_ylabel("mastery", fontsize=8)
        figure.described = f"Mastery over time of {panel.title}"
    return figure


def practice_panel(curve: Curve, name: str) -> Drawing:
    """One skill as a figure of its own."""
    with canvas(f"practice {name}", *PANEL) as figure:
        axes = _only_axes(figure, labels=0)
        _practice(axes, curve, name)
        axes.set_xlabel("n-th time the skill is asked", fontsize=8)
        axes.set_ylabel("mean over students", fontsize=8)
        figure.described = f"Mean mastery of {name} by the n-th time it is asked"
    return figure


def practice_curves(curves: list[Curve], names: list[str]) -> str:
    """Mean mastery by the n-th time a skill is asked, a line a run, and the share of correct answers beside it."""
    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    with canvas("practice", WIDE, 2.1 * rows + 0.7) as figure:
        axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
        for curve, name, where in zip(curves, names, axes, strict=False):
            _practice(where, curve, name)
        for where in axes[len(curves) :]:
            where.set_visible(False)
        for where in axes[: len(curves)]:
            where.set_xlabel("n-th time the skill is asked", fontsize=8)
        for where in axes[: len(curves) : columns]:
            where.set_ylabel("mean over students", fontsize=8)
        handles, texts = axes[0].get_legend_handles_labels()
        figure.legend(handles, texts, loc="outside upper center", ncols=3, fontsize=8)
        figure.described = "Mean mastery of a skill by the n-th time it is asked, with the share correct"
    return svg(figure)


def _practice(axes: Any, curve: Curve, name: str) -> None:
    times = range(1, len(curve.correct) + 1)
    for (label, mastery), colour, dash in zip(curve.mastery.items(), KINDS, DASHES, strict=False):
        axes.plot(times, mastery, dash, color=colour, linewidth=1.6, label=f"mastery, {label}")
    axes.plot(times, curve.correct, "x", color=INK, markersize=4, linestyle="none", label="share correct")
    axes.set_title(f"{short(name)} ({curve.students[0]:,} students)", fontsize=8.5, loc="left", color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.tick_params(labelsize=8)
    axes.set_ylim(0, 1.05)
    axes.set_yticks([0, 0.5, 1])


def short(name: str, room: int = NAME_SHOWN) -> str:
    """A name as far as there is room for it, in letters."""
    if _letters(name) <= room:
        return name
    while _letters(name) > room - 1:
        name = name[:-1]
    return f"{name}…"


def _letters(text: str) -> int:
    """How many letters a text is wide."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def panel_title(student: str, extent: str) -> str:
    """A student and how much of the history is shown, which is told in full."""
    return f"{short(student, max(NAME_SHOWN, TITLE_SHOWN - len(extent)))}, {extent}"


def _only_axes(figure: Drawing, labels: float) -> Any:
    """Axes at a fixed place, so that panels line up. `labels`: share of the width to leave free on the right."""
    figure.set_layout_engine("none")
    return figure.add_axes((0.14, 0.22, 0.83 - labels, 0.66))
