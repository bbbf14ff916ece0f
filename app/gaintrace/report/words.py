"""How runs, configurations and numbers are called in front of a reader."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from gaintrace.analysis.intervals import Interval
from gaintrace.analysis.summary import Summary
from gaintrace.training.epoch_rules import SIDES

METRIC_NAMES = {"test_e1_auc": "E1 AUC", "test_e2_auc": "E2 AUC", "test_e3_auc": "E3 AUC", "combined": "Combined"}
"""Of test metrics; E3's where there is a third encoder."""
MASTERY_NAMES = {
    "skill_base_rate_auc": "Skill's base rate, AUC",
    "mastery_auc": "Mastery alone, AUC",
    "mastery_within_skill_auc": "Mastery within skill, AUC",
    "mastery_exposure_correlation": "Mastery with exposure, correlation",
}
"""Of what mastery alone is worth on test (analysis.table.MASTERY_COLUMNS)."""
SIMULATOR_NAMES = {
    "curve": "a learning curve of practice",
    "bkt": "skills known or not, with slips and guesses",
    "irt": "ability and skills that grow with practice, against items' difficulty",
}
"""Of what simulated students (data.simulators)."""
TITLES = {
    "selection_epoch": "Which epoch was picked",
    "within_noise": "Within noise",
    "training_unknown": "Trained once",
    "splits_disagree": "Validation and test disagree",
    "parameter_cannot_act": "Cannot act",
    "no_effect_seen": "No effect seen",
    "predictions_unread": "Predictions not readable",
    "parameters_did_not_move": "Did not move",
    "edge_of_the_grid": "On the edge of the grid",
    "too_few_epochs": "Still rising",
    "exposure_not_mastery": "Exposure, not mastery",
    "degenerate_mastery": "Mastery says little",
    "unfinished_runs": "Runs missing",
}
"""Of findings, by name."""


def sides_of(summary: Summary) -> list[str]:
    """The encoders that a sweep has AUCs of."""
    return [side for side in SIDES if f"test_{side}_auc" in summary.runs[0]]


def metric_names(summary: Summary) -> dict[str, str]:
    """Of the test metrics that a sweep has."""
    return {metric: name for metric, name in METRIC_NAMES.items() if metric in summary.runs[0]}


def label(summary: Summary, row: Mapping[str, Any]) -> str:
    """A run by what is swept."""
    return ", ".join(f"{name} {row[name]}" for name in summary.parameters) or str(row["run_id"])


def configuration_label(swept: Mapping[str, Any]) -> str:
    """A configuration by what is swept."""
    return ", ".join(f"{name} {value}" for name, value in swept.items()) or "the configuration"


def short_label(swept: Mapping[str, Any]) -> str:
    """The same in a figure: values alone; the names are in its caption."""
    return " · ".join(str(value) for value in swept.values()) or "all"


def student_name(uid: str) -> str:
    """A student by the id of the source, which may say already that it is one: student 982, student-982."""
    return uid if uid.lower().startswith("student") else f"student {uid}"


def four(value: float | None) -> str:
    """An AUC, to four decimals; – for one that is not there.

    Numbers known to four decimals add up to ties, which go to the even digit. Binary fractions would break
    a tie either way: 0.6856 + 0.5 · 0.5343 is 0.95275 in decimal.
    """
    return "–" if value is None else f"{_decimal(value):.4f}"


def signed(value: float) -> str:
    """A difference of AUCs with its sign: +0.0012, −0.0012."""
    return f"{_decimal(value):+z.4f}".replace("-", "−")


def _decimal(value: float) -> Decimal:
    return Decimal(repr(round(float(value), 10)))  # NumPy's numbers have a repr of their own


def interval_text(interval: Interval | None) -> str:
    """Where it may lie: [−0.0019, +0.0004]; empty without."""
    if interval is None or interval.low is None or interval.high is None:
        return ""
    return f"[{signed(interval.low)}, {signed(interval.high)}]"


def duration(seconds: float) -> str:
    """Seconds for a reader: 42 s, 12 min, 3.4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def compared_with(summary: Summary) -> str:
    """What differences are to."""
    comparison = summary.comparison
    return (
        "the best" if comparison.reference == 0 else short_label(comparison.configurations[comparison.reference].swept)
    )


def rank_texts(scores: Sequence[float | None]) -> list[str]:
    """Ranks of scores, best first; with = where others are equal to the four decimals that are shown."""
    shown = [four(score) for score in scores]
    return [f"{1 + shown.index(own)}{'=' if shown.count(own) > 1 else ''}" for own in shown]
