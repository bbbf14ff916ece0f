"""What a sweep's report shows of mastery: ten students of the best run, and the best beside another run."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from markupsafe import Markup

from gaintrace.analysis.ranking import REPETITIONS
from gaintrace.analysis.summary import Summary
from gaintrace.errors import GaintraceError, InterruptedRunError
from gaintrace.report.figures.mastery import practice_panel, student_panel
from gaintrace.report.figures.style import Drawing, in_page, svg
from gaintrace.report.mastery_curves import Curve, curves
from gaintrace.runs.files import file_name
from gaintrace.runs.predictions import read_predictions
from gaintrace.store import Store, layout
from gaintrace.sweeps.plan import Plan

STUDENTS = 10


@dataclass(frozen=True)
class Mastery:
    """A panel a student and a panel a skill, and what they show in words. `missing`: why there are none."""

    rule: str = ""
    students: Sequence[Drawing] = ()
    beside: str = ""
    compared: bool = False
    skills: Sequence[Drawing] = ()
    missing: str = ""

    @property
    def sentences(self) -> list[str]:
        """What is shown, or why nothing is."""
        return [text for text in (self.missing, self.rule, self.beside) if text]

    @cached_property
    def panels(self) -> dict[str, list[Markup]]:
        """The panels as SVG in the page's colours: of students and of skills."""
        return {
            name: [Markup(in_page(svg(panel))) for panel in drawn]
            for name, drawn in (("students", self.students), ("skills", self.skills))
        }


def show_mastery(store: Store, plan: Plan, summary: Summary) -> Mastery | None:
    """Draw it from the best run's weights and predictions and the data set; None where the run left no weights."""
    best = summary.best
    if best is None:
        return None
    folder = store.child(layout.run(best["run_id"]))
    if not folder.exists(file_name(folder, "model.safetensors")):
        return None
    from gaintrace.report.trajectories import choose_students, lines_in_words, load_encoder, panels
    from gaintrace.sweeps.data import load_own

    config = next(run.config for run in plan.runs if run.run_id == best["run_id"])
    try:
        dataset = load_own(store, config, plan.data.hash)
        if dataset.hash != plan.data.hash:
            return Mastery(missing=f"Mastery is not shown: {plan.data.name} is no longer the data set of this sweep.")
        encoder = load_encoder(store, best["run_id"], config, len(dataset.skills))
        chosen = choose_students(dataset, config, STUDENTS)
        other = other_run(summary)
        labels = {"best": best} | ({"other": other} if other else {})
        found = curves({label: read_predictions(store, row["run_id"]) for label, row in labels.items()})
    except InterruptedRunError:
        raise
    except GaintraceError as error:
        return Mastery(missing=f"Mastery is not shown: {error}.")
    return Mastery(
        rule=f"{chosen.rule}. {lines_in_words(encoder)}",
        students=[student_panel(panel) for panel in panels(encoder, chosen.histories, dataset.skills)],
        beside=_beside(summary, other, found),
        compared=other is not None,
        skills=[practice_panel(curve, dataset.skills[curve.skill]) for curve in found],
    )


def other_run(summary: Summary) -> dict[str, Any] | None:
    """The run that the best is set beside, of its own seed and fold.

    With one swept number, that with the value farthest from the best's; else the last of the ranking.
    """
    best = summary.best
    if best is None:
        return None
    repeated = [name for name in summary.parameters if name in REPETITIONS]
    swept = [name for name in summary.parameters if name not in REPETITIONS]
    runs = [
        row
        for row in summary.runs
        if row["rank"] is not None
        and all(row[name] == best[name] for name in repeated)
        and any(row[name] != best[name] for name in swept)
    ]
    if not runs:
        return None
    if len(swept) == 1 and all(_is_number(row[swept[0]]) for row in [best, *runs]):
        return max(runs, key=lambda row: abs(row[swept[0]] - best[swept[0]]))
    return runs[-1]


def _beside(summary: Summary, other: dict[str, Any] | None, found: list[Curve]) -> str:
    if not found:
        return ""
    if other is None:
        return "Mean mastery of the skills asked most often, by the n-th time a student is asked."
    gap = max(abs(a - b) for curve in found for a, b in zip(curve.mastery["best"], curve.mastery["other"], strict=True))
    names = [name for name in summary.parameters if name not in REPETITIONS]
    called = ", ".join(f"{name} {other[name]}" for name in names)
    return (
        f"The best run beside {called}: mean mastery of the skills asked most often, by the n-th time a student is "
        f"asked. The two differ by {gap:.4f} at most."
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
