"""report.html and report.md: what a person reads of a sweep, from one set of contents."""

from typing import Any, NamedTuple

import pandas as pd
import yaml
from markupsafe import Markup

from gaintrace.analysis.pareto import pareto_front
from gaintrace.analysis.provenance import repeat_command
from gaintrace.analysis.ranking import REPETITIONS
from gaintrace.analysis.summary import Summary
from gaintrace.identity import IMPORTED
from gaintrace.report.figures import Figure, both
from gaintrace.report.figures.curves import learning_curves
from gaintrace.report.figures.grids import interaction, main_effects
from gaintrace.report.figures.interpretability import reliability
from gaintrace.report.figures.ranking import differences, drawn, pareto, trade_off
from gaintrace.report.mastery import Mastery
from gaintrace.report.pykt import described, pykt_columns, pykt_rows, pykt_section
from gaintrace.report.sections import (
    interpretability_section,
    mastery_rows,
    page_template,
    readings,
    selection_conclusion,
    selection_section,
    text_template,
)
from gaintrace.report.verdict import verdict
from gaintrace.report.words import (
    MASTERY_NAMES,
    TITLES,
    duration,
    four,
    interval_text,
    metric_names,
    short_label,
    sides_of,
    signed,
)
from gaintrace.runs.build import build
from gaintrace.runs.result import epochs_text
from gaintrace.sweeps.plan import Plan
from gaintrace.training.epoch_rules import ALPHA

PAGE_ROWS = 25
OTHER_ROWS = 10
CURVES = 12
"""Runs whose epochs are drawn, from the best down; more would be a tangle."""
SELECTION = {
    "valid_e1_auc": "the epoch with the best validation E1 AUC",
    "valid_combined": f"the epoch with the best validation E1 + {ALPHA:g} · E2",
    "per_encoder": "the epoch with the best validation AUC of each encoder ({encoders})",
}


class Report(NamedTuple):
    """A report in both forms, and its figures as SVG by name."""

    html: str
    markdown: str
    figures: dict[str, str]


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
    contents = {
        "summary": summary,
        "verdict": verdict(summary),
        "titles": TITLES,
        "findings": _by_name(summary),
        "ranking": ranking(summary),
        "runs": _runs(summary),
        "troubled": [row for row in summary.runs if row["status"] != "succeeded"][:PAGE_ROWS],
        "front": pareto_front(summary.comparison) if len(summary.comparison.configurations) > 1 else [],
        "curves_drawn": min(CURVES, len(epochs)),
        "metric": summary.objective.words,
        "ranking_note": ranking_note(summary, selected_by(plan, summary)),
        "epochs_conclusion": selection_conclusion(summary) if summary.selection else None,
        "readings": readings(summary) if summary.interpretability else [],
        "pykt_rows": pykt_rows(summary.pykt) if summary.pykt else [],
        "pykt_columns": pykt_columns(summary.pykt) if summary.pykt else [],
        "pykt_described": described(summary.pykt) if summary.pykt else "",
        "mastery_rows": mastery_rows(summary),
        "mastery_names": MASTERY_NAMES,
        "mastery": mastery.sentences if mastery else [],
        "provenance": provenance(plan, summary, base),
        "base": yaml.safe_dump(plan.spec.base.model_dump(mode="json"), sort_keys=False, allow_unicode=True),
        "repeat": repeat_command(plan),
        "metric_names": metric_names(summary),
        "sides": sides_of(summary),
        "encoders": "both encoders" if len(sides_of(summary)) == 2 else "the three encoders",
        "panels": "Both panels" if len(sides_of(summary)) == 2 else "All panels",
        "by_combined": summary.objective.scored == "combined",
        "short": short_label,
        "four": four,
        "signed": signed,
        "interval": interval_text,
        "epochs_text": epochs_text,
        "duration": duration,
    }
    svgs = {name: Figure(*map(Markup, figure)) for name, figure in figures.items()}
    sections = [
        selection_section(summary),
        pykt_section(summary.pykt),
        interpretability_section(summary, figures.get("reliability")),
    ]
    if mastery is not None:
        sections.append(mastery.section())
    return Report(
        html=page_template("report.html.j2").render(contents, figures=svgs, sections=sections),
        markdown=text_template("report.md.j2").render(contents, figures=figures),
        figures={name: figure.wide for name, figure in figures.items()},
    )


def draw(summary: Summary, table: pd.DataFrame, epochs: dict[str, pd.DataFrame]) -> dict[str, Figure]:
    """The figures that this sweep has something to show in."""
    comparison = summary.comparison
    figures: dict[str, Figure] = {}
    several = comparison.configurations[1:]
    if comparison.compared > 1:
        figures["differences"] = both(lambda width: differences(comparison, width))
    varied = _varied(summary)
    if len(varied) == 1:
        figures["trade-off"] = both(lambda width: trade_off(table, comparison, varied[0], width))
    if summary.effects:
        figures["effects"] = both(lambda width: main_effects(comparison, summary.effects, width))
        strongest = max(summary.effects, key=lambda found: abs(found.interaction.largest) if found.interaction else 0)
        if strongest.interaction:
            figures["interaction"] = both(lambda width: interaction(comparison, strongest, width))
    if several:
        front, alpha = pareto_front(comparison), summary.objective.alpha
        ranked = alpha if summary.objective.scored == "combined" else 0.0
        figures["pareto"] = both(lambda width: pareto(comparison, front, ranked, width))
    if epochs:
        drawn = dict(list(epochs.items())[:CURVES])
        labels = {row["run_id"]: _curve_label(summary, row) for row in summary.runs if row["run_id"] in drawn}
        names = _names(summary)
        figures["learning-curves"] = both(lambda width: learning_curves(table, drawn, labels, names, width))
    if measured := summary.interpretability:
        figures["reliability"] = both(lambda width: reliability(measured.calibration, width))
    return figures


def ranking(summary: Summary) -> dict[str, Any]:
    """What the ranking tables hold: the best configurations, the columns of other α, and how many are left out."""
    comparison = summary.comparison
    configurations = comparison.configurations
    selected = {row["run_id"]: epochs_text(row) for row in summary.runs}
    rows = [
        {"configuration": c, "epochs": ", ".join(dict.fromkeys(selected[run] for run in c.runs))}
        for c in configurations[:PAGE_ROWS]
    ]
    others = [
        {"alpha": alpha, "rows": sorted(configurations, key=lambda c: c.by_alpha[alpha].rank)[:OTHER_ROWS]}
        for alpha in (configurations[0].by_alpha if len(configurations) > 1 else ())
    ]
    return {
        "rows": rows,
        "swept": list(configurations[0].swept) if configurations else [],
        "others": others,
        "alpha": f"{summary.objective.alpha:g}",
        "valid": summary.objective.rank_by if summary.objective.on_validation else None,
        "against": _against(summary),
        "hidden": max(0, len(configurations) - PAGE_ROWS),
        "undrawn": compared - len(drawn(summary.comparison)) if (compared := summary.comparison.compared) > 1 else 0,
    }


def selected_by(plan: Plan, summary: Summary) -> str:
    """Which epoch counted, in words."""
    encoders = "/".join(side.upper() for side in sides_of(summary))
    return SELECTION[plan.spec.base.training.selection_metric].format(encoders=encoders)


def ranking_note(summary: Summary, selected_by: str) -> str:
    """What the ranking is by, and what its intervals are."""
    objective, comparison = summary.objective, summary.comparison
    split = "validation" if objective.on_validation else "test"
    note = f"Ranked by {objective.words} on {split}, at {selected_by}."
    if comparison.compared < 2:
        return f"{note} No intervals: there are neither predictions to resample nor several seeds or folds."
    others = comparison.compared - 1
    at_once = f", all {others} at once" if others > 1 else ""
    told = f"≈ cannot be told from {_compared_with(summary)}."
    if comparison.undecided:
        told += " ? beyond the choice of students, but another seed might undo it."
    return (
        f"{note} Differences are on test. Their [intervals] are paired, 95 %{at_once}, and cover {comparison.covers}. "
        f"{told}"
    )


def _compared_with(summary: Summary) -> str:
    comparison = summary.comparison
    if comparison.reference == 0:
        return "the best"
    return short_label(comparison.configurations[comparison.reference].swept)


def _against(summary: Summary) -> str:
    """The head of the column of differences."""
    score = {"combined": ""}.get(summary.objective.scored, f"{summary.objective.words} ")
    return f"{score}vs {_compared_with(summary).removeprefix('the ')}"


def provenance(plan: Plan, summary: Summary, base: dict[str, Any]) -> list[tuple[str, str]]:
    """The manifest as a reader wants it: one line a thing, several values where runs differ."""
    environments = base["environments"]
    known = [
        ("Data set", f"{summary.data.name}, content hash {summary.data.hash}"),
        ("Code", summary.code_version),
        ("Commit", _values(environments, "revision") or build().get("revision", "")),
        ("Image", _values(environments, "image") or build().get("image", "")),
        ("Device", _values(environments, "device_name")),
        ("Threads", _values(environments, "threads")),
        ("Versions", "; ".join(_versions(environment) for environment in environments)),
        *_repetitions(plan),
    ]
    return [(name, text) for name, text in known if text]


def _repetitions(plan: Plan) -> list[tuple[str, str]]:
    """Seeds and folds; of imported runs nothing is known of them."""
    if plan.code_version == IMPORTED:
        return []
    seeds = plan.spec.seeds or [plan.spec.base.training.seed]
    folds = plan.spec.folds or [plan.spec.base.data.fold]
    return [("Seeds", ", ".join(map(str, seeds))), ("Folds", ", ".join(map(str, folds)))]


def _values(environments: list[dict[str, Any]], name: str) -> str:
    return ", ".join(dict.fromkeys(str(environment[name]) for environment in environments if name in environment))


def _versions(environment: dict[str, Any]) -> str:
    return ", ".join(f"{name} {environment[name]}" for name in ("python", "torch", "numpy") if name in environment)


def _varied(summary: Summary) -> list[str]:
    """Swept parameters, but seeds and folds, with more than one value among the succeeded runs."""
    swept = [configuration.swept for configuration in summary.comparison.configurations]
    return [name for name in (swept[0] if swept else ()) if len({str(values[name]) for values in swept}) > 1]


def _names(summary: Summary) -> str:
    """What labels in a figure are values of."""
    return " · ".join(name for name in summary.parameters if name not in REPETITIONS)


def _curve_label(summary: Summary, row: dict[str, Any]) -> str:
    names = [name for name in summary.parameters if name not in REPETITIONS]
    return short_label({name: row[name] for name in names}) if names else str(row["run_id"])


def _by_name(summary: Summary) -> dict[str, list[str]]:
    """Texts of findings; those of one name belong together."""
    found: dict[str, list[str]] = {}
    for finding in summary.findings:
        found.setdefault(finding.name, []).append(finding.text)
    return found


def _runs(summary: Summary) -> list[dict[str, Any]]:
    """Single runs, where configurations have several."""
    if summary.comparison.repetitions < 2:
        return []
    return [row for row in summary.runs if row["rank"] is not None][:PAGE_ROWS]
