"""One encoder against the other, and the configurations that no other beats in both."""

from typing import Any

from matplotlib.ticker import MaxNLocator

from gaintrace.analysis.comparison import Comparison, Configuration
from gaintrace.report.figures.labels import name_points
from gaintrace.report.figures.ranking import LEAST_SPAN, star
from gaintrace.report.figures.style import E1, GREY, INK, MANY, NARROW, PICTURE, Drawing, canvas
from gaintrace.report.words import configuration_label, four, short_label

KEPT_FREE = 100
"""Points that names keep away from, those of the best configurations."""
LABELLED = 8
"""Configurations that get their names; those of a longer front are in the text and the table."""
TOGETHER = 40
"""Letters of a name that fit a phone."""


def pareto(comparison: Comparison, front: list[Configuration], alpha: float, width: float) -> Drawing:
    """E2 against E1, a point a configuration; the front is joined, and a line through the best has equal combined."""
    everything = comparison.configurations
    best = everything[0]
    with canvas("pareto", width, 3.6 if width == NARROW else 3.9) as figure:
        axes = figure.subplots()
        x, y = [c.test_e1_auc for c in everything], [c.test_e2_auc for c in everything]
        many = len(x) > MANY
        if many:
            axes.plot(x, y, "o", color=PICTURE, markersize=4, rasterized=True)
        steps = sorted(front, key=lambda c: c.test_e1_auc)
        axes.step([c.test_e1_auc for c in steps], [c.test_e2_auc for c in steps], where="pre", color=E1, linewidth=1.2)
        if many:
            axes.plot([c.test_e1_auc for c in steps], [c.test_e2_auc for c in steps], "o", color=E1, markersize=6)
        leading = {id(configuration) for configuration in front}
        for configuration in everything if not many else [best]:
            on_front = id(configuration) in leading
            at = configuration.test_e1_auc, configuration.test_e2_auc
            if configuration is best:
                mark = star(axes, *at, E1)
            else:
                (mark,) = axes.plot(*at, "o", color=E1 if on_front else GREY, markersize=7 if on_front else 5)
            figure.tip(mark, [f"{configuration_label(configuration.swept)}: E1 {four(at[0])}, E2 {four(at[1])}"])
        for values, limit in ((x, axes.set_xlim), (y, axes.set_ylim)):
            reach = 0.64 * max(LEAST_SPAN, max(values) - min(values))
            middle = (max(values) + min(values)) / 2
            limit(middle - reach, middle + reach)
        if alpha > 0:
            limits = axes.get_xlim(), axes.get_ylim()
            axes.axline((best.test_e1_auc, best.test_e2_auc), slope=-1 / alpha, color=INK, linewidth=0.8, linestyle=":")
            axes.set_xlim(*limits[0])
            axes.set_ylim(*limits[1])
        axes.xaxis.set_major_locator(MaxNLocator(4 if width == NARROW else 6))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel("E1 test AUC")
        axes.set_ylabel("E2 test AUC")
        if best.swept:
            _name(figure, axes, [best, *(everything if len(everything) <= LABELLED else steps)], everything)
    return figure


def _name(figure: Drawing, axes: Any, first: list[Configuration], everything: list[Configuration]) -> None:
    """Names of the first LABELLED of some configurations; points at one place get one name together."""
    named: dict[tuple[float, float], list[str]] = {}
    for configuration in list({id(c): c for c in first}.values())[:LABELLED]:
        at = configuration.test_e1_auc, configuration.test_e2_auc
        named.setdefault(at, []).append(short_label(configuration.swept))
    points = [(*at, _together(names)) for at, names in named.items()]
    others = [(c.test_e1_auc, c.test_e2_auc) for c in everything[:KEPT_FREE]]
    name_points(figure, axes, points, others)


def _together(names: list[str]) -> str:
    """Names of one point: two where there is room for them, and that there are more."""
    shown = 2 if len(" = ".join(names[:2])) <= TOGETHER else 1
    return " = ".join(names[:shown]) + (" = …" if len(names) > shown else "")
