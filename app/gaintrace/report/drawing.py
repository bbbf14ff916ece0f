"""The figures that a sweep has something to show in, by name, in the order of the report."""

import pandas as pd

from gaintrace.analysis.pareto import pareto_front
from gaintrace.analysis.ranking import REPETITIONS
from gaintrace.analysis.summary import Summary
from gaintrace.report.figures import Figure
from gaintrace.report.figures import search as searched
from gaintrace.report.figures.curves import fit, learning_curves, trained_sides
from gaintrace.report.figures.front import pareto
from gaintrace.report.figures.grids import interaction, main_effects
from gaintrace.report.figures.interpretability import reliability
from gaintrace.report.figures.plane import MOST_CELLS, heatmap, importances, parallel, plane
from gaintrace.report.figures.ranking import differences, spread, trade_off

CURVES = 12
"""Configurations whose epochs are drawn, from the best down; more would be a tangle."""
LEAST_LINES = 8
"""Configurations that parallel coordinates need to show something."""


def draw(summary: Summary, table: pd.DataFrame, epochs: dict[str, pd.DataFrame]) -> dict[str, Figure]:
    """Every figure but those of mastery over time."""
    figures = ranking_figures(summary, table) | search_figures(summary) | grid_figures(summary)
    figures |= epoch_figures(summary, table, epochs)
    if measured := summary.interpretability:
        figures["reliability"] = Figure(lambda width: reliability(measured.calibration, width))
    return figures


def ranking_figures(summary: Summary, table: pd.DataFrame) -> dict[str, Figure]:
    """Configurations against each other."""
    comparison, objective = summary.comparison, summary.objective
    figures: dict[str, Figure] = {}
    if comparison.compared > 1:
        figures["differences"] = Figure(lambda width: differences(comparison, objective.words, width))
    split = "validation" if objective.on_validation else "test"
    if comparison.repetitions > 1 and len(comparison.configurations) > 1:
        words = f"{objective.words} on {split}"
        figures["spread"] = Figure(lambda width: spread(comparison, table, objective.rank_by, words, width))
    parameters = varied(summary)
    if len(parameters) == 1:
        figures["trade-off"] = Figure(lambda width: trade_off(table, comparison, parameters[0], width))
    if len(comparison.configurations) > 1:
        front = pareto_front(comparison)
        alpha = objective.alpha if objective.scored == "combined" else 0.0
        figures["pareto"] = Figure(lambda width: pareto(comparison, front, alpha, width))
    return figures


def search_figures(summary: Summary) -> dict[str, Figure]:
    """How a search went."""
    search = summary.search
    if search is None or not any(one.best is not None for one in search.attempts):
        return {}
    figures = {"search-history": Figure(lambda width: searched.history(search, width))}
    if len(search.front) >= searched.LEAST_FRONT:
        figures["search-front"] = Figure(lambda width: searched.front(search, width))
    return figures


def grid_figures(summary: Summary) -> dict[str, Figure]:
    """Several parameters: what each does, and which do something together."""
    comparison, objective = summary.comparison, summary.objective
    figures: dict[str, Figure] = {}
    words = f"{objective.words}, {'valid' if objective.on_validation else 'test'}"
    if found := summary.importance:
        figures["importance"] = Figure(lambda width: importances(found, width))
    if summary.effects:
        figures["effects"] = Figure(lambda width: main_effects(comparison, summary.effects, width))
        strongest = max(summary.effects, key=lambda found: abs(found.interaction.largest) if found.interaction else 0)
        if strongest.interaction:
            figures["interaction"] = Figure(lambda width: interaction(comparison, strongest, width))
    parameters = by_weight(summary)
    if len(parameters) > 1 and all(getattr(c, objective.rank_by) is not None for c in comparison.configurations):
        values = {name: {str(c.swept[name]) for c in comparison.configurations} for name in parameters}
        down, across = parameters[:2]
        cells = {(str(c.swept[across]), str(c.swept[down])) for c in comparison.configurations}
        whole = len(cells) == len(values[across]) * len(values[down])  # a search leaves most cells empty
        if max(len(values[name]) for name in (across, down)) <= MOST_CELLS and (whole or not summary.search):
            figures["heatmap"] = Figure(lambda width: heatmap(comparison, across, down, objective.rank_by, width))
        else:
            figures["plane"] = Figure(lambda width: plane(comparison, across, down, objective.rank_by, words, width))
        if len(parameters) > 2 and len(comparison.configurations) >= LEAST_LINES:
            figures["parallel"] = Figure(
                lambda width: parallel(comparison, parameters, objective.rank_by, words, width)
            )
    return figures


def epoch_figures(summary: Summary, table: pd.DataFrame, epochs: dict[str, pd.DataFrame]) -> dict[str, Figure]:
    """What validation said while they trained."""
    if not epochs:
        return {}
    shown = [c for c in summary.comparison.configurations if any(run in epochs for run in c.runs)][:CURVES]
    by = by_weight(summary)
    figures = {"learning-curves": Figure(lambda width: learning_curves(table, epochs, shown, by, width))}
    if trained_sides(epochs, shown[0]):
        figures["fit"] = Figure(lambda width: fit(table, epochs, shown[0], width))
    return figures


def curves_drawn(summary: Summary, epochs: dict[str, pd.DataFrame]) -> int:
    """How many configurations have learning curves in the report."""
    return min(CURVES, sum(any(run in epochs for run in c.runs) for c in summary.comparison.configurations))


def varied(summary: Summary) -> list[str]:
    """Swept parameters, but seeds and folds, with more than one value among the succeeded runs."""
    swept = [configuration.swept for configuration in summary.comparison.configurations]
    names = [name for name in (swept[0] if swept else ()) if name not in REPETITIONS]
    return [name for name in names if len({str(values[name]) for values in swept}) > 1]


def by_weight(summary: Summary) -> list[str]:
    """These, the one first that explains most of what ranks, where that is known."""
    names = varied(summary)
    shares = summary.importance.shares if summary.importance else {}
    if summary.search and summary.search.importance:
        of_first = next(iter(summary.search.importance.values()))
        shares = {path.rpartition(".")[2]: share for path, share in of_first.items()}
    return sorted(names, key=lambda name: -shares.get(name, 0.0))
