"""What the way of picking epochs does to the order of configurations, in a table and in words."""

from gaintrace.analysis.epoch_rules import SAME_EPOCH, RuleOutcome
from gaintrace.analysis.selection import Picked
from gaintrace.analysis.summary import Summary
from gaintrace.config import weighted
from gaintrace.report.tables import Cell, Column, Table
from gaintrace.report.words import configuration_label, short_label
from gaintrace.training.epoch_rules import ALPHA, SIDES

RULE_NAMES = {
    "valid_e1_auc": "best validation E1 (as published)",
    "valid_combined": f"best validation E1 + {ALPHA:g} · E2",
    "per_encoder": "best of each encoder, for itself",
}
ORDER_SHOWN = 6


def selection_table(summary: Summary) -> Table | None:
    """A row a rule; None where there are no two configurations to compare."""
    if not summary.selection or len(summary.comparison.configurations) < 2:
        return None
    sides = [side for side in SIDES if all(getattr(found, f"range_{side}") is not None for found in summary.selection)]
    columns = [Column("Epoch picked by", "wrap"), *(Column(f"{side.upper()} epochs") for side in sides)]
    columns += [Column("Order, best first", "wrap"), *(Column(f"Range {side.upper()}") for side in sides)]
    columns += [Column(f"Range {weighted(summary.objective.alpha)}"), Column("At the last epoch")]
    rows = []
    for outcome, order in zip(summary.selection, summary.selection_orders, strict=True):
        ranges = [order.ranges.get(side) for side in (*sides, "combined")]
        rows.append(
            [Cell(rule_name(outcome)),
             *(Cell(_epochs([getattr(run, f"epoch_{side}") for run in outcome.runs])) for side in sides),
             Cell(_order(order.configurations)), *(Cell("–" if value is None else f"{value:.4f}") for value in ranges),
             Cell(f"{outcome.cut_off} of {len(outcome.runs)} runs")]
        )  # fmt: skip
    return Table(columns, rows)


def selection_conclusion(summary: Summary) -> str:
    """Whether the best configuration and the distance to the last depend on how epochs are picked, in two sentences."""
    best: dict[str, list[str]] = {}
    ranges: dict[float, str] = {}
    for outcome, order in zip(summary.selection, summary.selection_orders, strict=True):
        ordered = order.configurations
        first_of = [configuration_label(one.swept) for one in ordered if one.score == ordered[0].score]
        best.setdefault(first_of[0] if len(first_of) == 1 else "none alone", []).append(rule_name(outcome))
        ranges.setdefault(order.ranges["combined"], rule_name(outcome))
    widest, narrowest = max(ranges), min(ranges)
    if len(best) == 1:
        first = f"However epochs are picked, {next(iter(best))} comes first on validation."
    else:
        first = "Which configuration comes first on validation depends on how epochs are picked: " + "; ".join(
            f"{name} by {', '.join(rules)}" for name, rules in best.items()
        )
        first += "."
    words = weighted(summary.objective.alpha)
    if f"{widest:.4f}" == f"{narrowest:.4f}":
        return f"{first} From best to worst, {words} differs by {widest:.4f} by every rule."
    return (
        f"{first} From best to worst, {words} differs by {widest:.4f} (picked by: {ranges[widest]}) or by "
        f"{narrowest:.4f} ({ranges[narrowest]})."
    )


def rule_name(outcome: RuleOutcome) -> str:
    """A rule in words."""
    if outcome.rule == SAME_EPOCH:
        return f"epoch {outcome.runs[0].epoch_e1} of every run"
    return RULE_NAMES[outcome.rule]


def _order(ordered: list[Picked]) -> str:
    """Configurations by their values; = between those that come out the same."""
    text = ""
    for place, one in enumerate(ordered[:ORDER_SHOWN]):
        between = "" if place == 0 else " = " if one.score == ordered[place - 1].score else " > "
        text += between + short_label(one.swept)
    return text + (" > …" if len(ordered) > ORDER_SHOWN else "")


def _epochs(epochs: list[int]) -> str:
    return str(min(epochs)) if min(epochs) == max(epochs) else f"{min(epochs)}–{max(epochs)}"
