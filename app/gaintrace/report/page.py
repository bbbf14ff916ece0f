"""report.html and report.md: what a person reads of a sweep, from one set of contents."""

from typing import Any, NamedTuple

import pandas as pd
import yaml

from gaintrace.analysis.pareto import pareto_front
from gaintrace.analysis.provenance import repeat_command
from gaintrace.analysis.summary import Summary
from gaintrace.report import search, tables
from gaintrace.report.captions import captions
from gaintrace.report.drawing import curves_drawn, draw
from gaintrace.report.figures import Figure
from gaintrace.report.figures.ranking import drawn
from gaintrace.report.figures.style import palette
from gaintrace.report.mastery import Mastery
from gaintrace.report.provenance import cost, provenance
from gaintrace.report.pykt import described, pykt_table
from gaintrace.report.readings import mastery_rows, readings
from gaintrace.report.selection import selection_conclusion, selection_table
from gaintrace.report.templating import in_both_widths, page_template, text_template
from gaintrace.report.verdict import verdict
from gaintrace.report.words import TITLES, compared_with, four, metric_names, short_label, sides_of, signed
from gaintrace.sweeps.plan import Plan
from gaintrace.training.epoch_rules import ALPHA

SELECTION = {
    "valid_e1_auc": "the epoch with the best validation E1 AUC",
    "valid_combined": f"the epoch with the best validation E1 + {ALPHA:g} · E2",
    "per_encoder": "the epoch with the best validation AUC of each encoder ({encoders})",
}


class Report(NamedTuple):
    """A report in both forms, and its figures by name."""

    html: str
    markdown: str
    figures: dict[str, Figure]


def render_report(
    plan: Plan,
    summary: Summary,
    table: pd.DataFrame,
    epochs: dict[str, pd.DataFrame],
    base: dict[str, Any],
    mastery: Mastery | None = None,
) -> Report:
    """The report of a sweep. `base`: what manifest.json says; `mastery`: of the best run, where it left its weights."""
    figures = draw(summary, table, epochs)
    configurations = summary.comparison.configurations
    rows, more_runs = mastery_rows(summary)
    selection = selection_table(summary)
    compared = summary.comparison.compared
    undrawn = compared - len(drawn(summary.comparison)) if compared > 1 else 0
    contents = {
        "summary": summary,
        "verdict": verdict(summary),
        "titles": TITLES,
        "findings": _by_name(summary),
        "captions": captions(summary, undrawn, curves_drawn(summary, epochs)),
        "metric": summary.objective.words,
        "ranking": tables.ranking_table(summary) if configurations else None,
        "others": tables.alpha_tables(summary) if configurations else {},
        "runs": tables.runs_table(summary),
        "hidden": max(0, len(configurations) - tables.PAGE_ROWS),
        "ranking_note": ranking_note(summary, selected_by(plan, summary)),
        "success": tables.success_table(summary),
        "troubled": tables.troubled_table(summary),
        "search": search.sentences(summary),
        "rounds": search.rounds_table(summary),
        "search_front": search.front_table(summary),
        "stopped": search.stopped_table(summary),
        "effects": tables.effects_table(summary),
        "front": pareto_front(summary.comparison) if len(configurations) > 1 else [],
        "front_by": " · ".join(configurations[0].swept) if configurations else "",
        "selection": selection,
        "selection_conclusion": selection_conclusion(summary) if selection else "",
        "pykt": pykt_table(summary.pykt),
        "pykt_described": described(summary.pykt) if summary.pykt else "",
        "readings": readings(summary) if summary.interpretability else [],
        "mastery_table": tables.mastery_table(summary, rows),
        "more_runs": more_runs,
        "mastery": mastery,
        "statistics": tables.statistics_table(summary),
        "correlations": tables.correlations_table(summary),
        "cost": cost(summary),
        "provenance": provenance(plan, summary, base),
        "base": yaml.safe_dump(plan.spec.base.model_dump(mode="json"), sort_keys=False, allow_unicode=True),
        "repeat": repeat_command(plan),
        "metric_names": metric_names(summary),
        "short": short_label,
        "four": four,
        "signed": signed,
    }
    themed = {name: in_both_widths(figure) for name, figure in figures.items()}
    page = {"figures": themed, "light": palette(dark=False), "dark": palette(dark=True)}
    return Report(
        html=page_template("report.html.j2").render(contents, **page, contents_list=_sections(contents, figures)),
        markdown=text_template("report.md.j2").render(contents, figures=figures),
        figures=figures,
    )


def selected_by(plan: Plan, summary: Summary) -> str:
    """Which epoch counted, in words."""
    encoders = "/".join(side.upper() for side in sides_of(summary))
    return SELECTION[plan.spec.base.training.selection_metric].format(encoders=encoders)


def ranking_note(summary: Summary, selected_by: str) -> str:
    """What the ranking is by, and what its intervals are."""
    objective, comparison = summary.objective, summary.comparison
    split = "validation" if objective.on_validation else "test"
    note = f"Ranked by {objective.words} on {split}, at {selected_by}."
    scores = [four(getattr(c, comparison.metric)) for c in comparison.configurations]
    if len(set(scores)) < len(scores):
        note += " Ranks with = are equal to four decimals."
    if len(comparison.configurations) < 2:
        return note
    if comparison.compared < 2:
        return f"{note} No intervals: there are neither predictions to resample nor several seeds or folds."
    others = comparison.compared - 1
    at_once = f", all {others} at once" if others > 1 else ""
    told = f"≈ cannot be told from {compared_with(summary)}."
    if comparison.undecided:
        told += " ? beyond the choice of students, but another seed might undo it."
    if _uneven(summary):
        told += (
            " A small difference may be more than noise where a larger one is not: what two configurations get wrong "
            "together cancels, and some have more of it in common."
        )
    return (
        f"{note} Differences are on test. Their [intervals] are paired, 95 %{at_once}, and cover {comparison.covers}. "
        f"{told}"
    )


def _uneven(summary: Summary) -> bool:
    """Whether some difference is more than noise and another, as large or larger, is not."""
    known = [c for c in summary.comparison.configurations if c.difference is not None and c.difference.low is not None]
    apart = [abs(c.difference.mean) for c in known if c.apart and c.difference]
    together = [abs(c.difference.mean) for c in known if c.apart is False and c.difference]
    return bool(apart and together) and min(apart) < max(together)


SECTIONS = {
    "findings": "What to know before believing it",
    "ranking": "Ranking",
    "success": "Success criteria",
    "troubled": "Failed and unfinished runs",
    "search": "How the search went",
    "trade-off": "Trade-off",
    "effects": "Parameter effects",
    "pareto": "E1 against E2",
    "curves": "Learning curves",
    "selection": "What picking epochs does",
    "pykt": "Beside pyKT's tables",
    "readings": "Can the mastery be read as mastery?",
    "mastery": "Mastery over time",
    "statistics": "Statistics",
    "cost": "Cost",
    "repeat": "Manifest, and how to repeat it",
}
"""Headings by anchor, in their order."""
_NEEDS = {"trade-off": "trade-off", "pareto": "pareto", "curves": "learning-curves"}
"""Sections that are a figure."""


def _sections(contents: dict[str, Any], figures: dict[str, Figure]) -> dict[str, str]:
    """The table of contents: the sections that this report has."""
    there = {
        name: _NEEDS[name] in figures if name in _NEEDS else name in ("cost", "repeat") or bool(contents[name])
        for name in SECTIONS
    }
    return {name: title for name, title in SECTIONS.items() if there[name]}


def _by_name(summary: Summary) -> dict[str, list[str]]:
    """Texts of findings; those of one name belong together."""
    found: dict[str, list[str]] = {}
    for finding in summary.findings:
        found.setdefault(finding.name, []).append(finding.text)
    return found
