"""Sections of the report that stand on their own: each a template and the words and numbers in it."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gaintrace.analysis.epoch_rules import SAME_EPOCH, RuleOutcome
from gaintrace.analysis.summary import Summary
from gaintrace.report.figures import Figure
from gaintrace.report.words import MASTERY_NAMES, SIMULATOR_NAMES, four, label, short_label, signed
from gaintrace.runs.result import Interpretability
from gaintrace.training.epoch_rules import ALPHA, SIDES

RULE_NAMES = {
    "valid_e1_auc": "best validation E1 (as published)",
    "valid_combined": f"best validation E1 + {ALPHA:g} · E2",
    "per_encoder": "best of each encoder, for itself",
}
ORDER_SHOWN = 8
MASTERY_SHOWN = 25


def page_template(name: str) -> Any:
    """A template of HTML, by file name; what is put into it is escaped."""
    return _template(name, autoescape=True)


def text_template(name: str) -> Any:
    """A template of Markdown, by file name. The filter `cell` keeps a text from ending its table cell."""
    return _template(name, autoescape=False)


def _template(name: str, autoescape: bool) -> Any:
    environment = Environment(
        loader=PackageLoader("gaintrace.report"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = lambda value: str(value).replace("|", "\\|").replace("\n", " ")
    return environment.get_template(name)


def selection_section(summary: Summary) -> Markup:
    """What each rule that picks epochs does to the conclusion, as HTML; empty where there are no runs to compare."""
    if not summary.selection:
        return Markup()
    sides = [side for side in SIDES if all(getattr(found, f"range_{side}") is not None for found in summary.selection)]
    rules = [
        {
            "outcome": outcome,
            "name": rule_name(outcome),
            "epochs": {side: _epochs([getattr(run, f"epoch_{side}") for run in outcome.runs]) for side in sides},
            "ranges": [f"{getattr(outcome, f'range_{side}'):.4f}" for side in sides],
            "order": _order(summary, outcome),
        }
        for outcome in summary.selection
    ]
    return Markup(
        page_template("selection.html.j2").render(rules=rules, sides=sides, conclusion=selection_conclusion(summary))
    )


def selection_conclusion(summary: Summary) -> str:
    """Whether the best run and the distance between runs depend on how epochs are picked, in a sentence or two."""
    labels = {row["run_id"]: label(summary, row) for row in summary.runs}
    best: dict[str, list[str]] = {}
    for outcome in summary.selection:
        first_of = [labels[run.run_id] for run in outcome.runs if run.score == outcome.runs[0].score]
        winner = first_of[0] if len(first_of) == 1 else "none alone"
        best.setdefault(winner, []).append(rule_name(outcome))
    ranges = {outcome.range_combined: rule_name(outcome) for outcome in reversed(summary.selection)}
    widest, narrowest = max(ranges), min(ranges)
    if len(best) == 1:
        first = f"However epochs are picked, {next(iter(best))} comes first on validation."
    else:
        first = "Which run comes first on validation depends on how epochs are picked: " + "; ".join(
            f"{run} by {', '.join(rules)}" for run, rules in best.items()
        )
        first += "."
    if f"{widest:.4f}" == f"{narrowest:.4f}":
        return f"{first} From best to worst, combined differs by {widest:.4f} by every rule."
    return (
        f"{first} From best to worst, combined differs by {widest:.4f} (picked by: {ranges[widest]}) or by "
        f"{narrowest:.4f} ({ranges[narrowest]})."
    )


def interpretability_section(summary: Summary, figure: Figure | None) -> Markup:
    """What the best run's mastery says about students, as HTML; empty where nothing was measured."""
    if summary.interpretability is None:
        return Markup()
    markup = Figure(*map(Markup, figure)) if figure else None
    rows, hidden = mastery_rows(summary)
    return Markup(
        page_template("interpretability.html.j2").render(
            sentences=readings(summary),
            figure=markup,
            rows=rows,
            hidden=hidden,
            columns=MASTERY_NAMES,
            parameters=summary.parameters,
        )
    )


def mastery_rows(summary: Summary) -> tuple[list[dict[str, Any]], int]:
    """Rows of the table of what mastery alone is worth, a run each, and how many are left out.

    A row holds the swept parameters and the numbers as they are shown, by the names of MASTERY_NAMES. None of one run,
    whose numbers stand in a sentence, and none where nothing was measured.
    """
    measured = [row for row in summary.runs if any(row.get(name) is not None for name in MASTERY_NAMES)]
    if len(measured) < 2:
        return [], 0
    shown = [
        {name: row[name] for name in summary.parameters} | {name: _shown(name, row[name]) for name in MASTERY_NAMES}
        for row in measured[:MASTERY_SHOWN]
    ]
    return shown, len(measured) - len(shown)


def _shown(name: str, value: float | None) -> str:
    return four(value) if value is None or name.endswith("auc") else signed(value)


def readings(summary: Summary) -> list[str]:
    """The measures of the best run's mastery encoder in sentences."""
    measured = summary.interpretability
    assert measured is not None
    sentences = [f"In the best run, on test, mastery {_falls(measured.mastery_falls)}."]
    told = [
        f"{found.mean:+z.3f} within {what} (mean over {found.groups})"
        for what, found in (("skills", measured.future_within_skills), ("students", measured.future_within_students))
        if found.mean is not None
    ]
    if told:
        sentences.append(f"It correlates {' and '.join(told)} with the share of later answers that are correct.")
    sentences += _alone(measured)
    gain = summary.gain
    if gain is not None:
        by_response = (
            f"; {gain.after_correct:.3f} after a correct answer, {gain.after_wrong:.3f} after a wrong one"
            if gain.after_correct is not None and gain.after_wrong is not None
            else ""
        )
        worth = "is worth {} units of practice" if measured.mastery_falls is not None else "moves mastery by {}"
        sentences.append(f"An answer {worth.format(f'{gain.mean:.3f}')}, give or take {gain.std:.3f}{by_response}.")
    if summary.mastery_recovery is not None:
        sentences.append(_recovery(summary.mastery_recovery, summary.simulator or "curve", measured))
    if measured.curve_recovery:
        known = [f"{name} {value:+z.2f}" for name, value in measured.curve_recovery.items() if value is not None]
        if known:
            sentences.append(f"Over skills, learned and simulated parameters correlate: {', '.join(known)}.")
    return sentences


def _recovery(correlation: float, simulator: str, measured: Interpretability) -> str:
    """What the correlation with simulated mastery says, and of which simulation."""
    said = (
        f"The students are simulated ({simulator}: {SIMULATOR_NAMES[simulator]}): mastery correlates {correlation:.3f} "
        "with the simulated mastery"
    )
    if simulator == "curve" and measured.mastery_falls is not None:
        said += (
            ", which is circular, since that is this encoder's own curve: it says that training finds the curve where "
            "it holds. data.synthetic.simulator bkt and irt simulate others"
        )
    return f"{said}."


def _falls(falls: int | None) -> str:
    if falls is None:
        return "is evidence: right answers raise it and wrong ones lower it"
    return "never fell" if falls == 0 else f"fell {falls} times: it is not what the model promises"


def _alone(measured: Interpretability) -> list[str]:
    """What mastery is worth by itself, beside what needs no encoder."""
    sentences = []
    if measured.mastery_auc is not None:
        beside = measured.skill_base_rate_auc
        than = (
            "" if beside is None else f"; knowing which skill was asked, and nothing of the student, has {beside:.4f}"
        )
        sentences.append(
            f"Mastery against its threshold alone, without what is added, has AUC {measured.mastery_auc:.4f}{than}."
        )
    within, share = measured.mastery_within_skill_auc, measured.right_share_within_skill_auc
    if within is not None and share is not None:
        sentences.append(
            f"Among answers on one skill it has AUC {within:.4f}; the share of right answers so far has {share:.4f}."
        )
    exposure = measured.mastery_exposure_correlation
    if exposure is not None:
        sentences.append(f"Mastery correlates {exposure:+z.3f} with the number of earlier answers on the skill.")
    return sentences


def rule_name(outcome: RuleOutcome) -> str:
    """A rule in words."""
    if outcome.rule == SAME_EPOCH:
        return f"epoch {outcome.runs[0].epoch_e1} of every run"
    return RULE_NAMES[outcome.rule]


def run_labels(summary: Summary) -> dict[str, str]:
    """Runs by the values of what is swept."""
    names = summary.parameters
    return {
        row["run_id"]: short_label({name: row[name] for name in names}) if names else row["run_id"]
        for row in summary.runs
    }


def _order(summary: Summary, outcome: RuleOutcome) -> str:
    labels = run_labels(summary)
    shown = [labels[run.run_id] for run in outcome.runs[:ORDER_SHOWN]]
    separator = ", " if len(summary.parameters) == 1 else "; "
    return separator.join(shown) + (" …" if len(outcome.runs) > ORDER_SHOWN else "")


def _epochs(picked: list[int]) -> str:
    return str(min(picked)) if min(picked) == max(picked) else f"{min(picked)}–{max(picked)}"
