"""What a person reads of a sweep: report.html, and a table for the terminal."""

import pandas as pd
import yaml
from markupsafe import Markup
from rich.table import Table

from gaintrace.sweep.aggregate import Summary, repeat_command
from gaintrace.sweep.figures import learning_curves, parameter_effects, reliability, trade_off
from gaintrace.sweep.plan import Plan
from gaintrace.sweep.results import epochs_text
from gaintrace.sweep.sections import interpretability_section, selection_section, template
from gaintrace.training.selection import ALPHA

PAGE_ROWS = 50
TERMINAL_ROWS = 12
CURVES = 12
"""Runs whose epochs are drawn, from the best down; more would be a tangle."""
SELECTION = {
    "valid_e1_auc": "the epoch with the best validation E1 AUC",
    "valid_combined": f"the epoch with the best validation E1 + {ALPHA:g} · E2",
    "per_encoder": "the epoch with the best validation AUC of each encoder (E1/E2)",
}
METRIC_NAMES = {"test_e1_auc": "E1 AUC", "test_e2_auc": "E2 AUC", "combined": "Combined"}


def render_report(
    plan: Plan, summary: Summary, table: pd.DataFrame, epochs: dict[str, pd.DataFrame]
) -> tuple[str, dict[str, str]]:
    """report.html and the figures in it, by name."""
    figures = draw(summary, table, epochs)
    page = template("report.html.j2").render(
        summary=summary,
        verdict=verdict(summary),
        rows=summary.runs[:PAGE_ROWS],
        hidden=max(0, len(summary.runs) - PAGE_ROWS),
        troubled=[row for row in summary.runs if row["status"] != "succeeded"][:PAGE_ROWS],
        figures={name: Markup(svg) for name, svg in figures.items()},
        metric_names=METRIC_NAMES,
        epochs_text=epochs_text,
        selection=SELECTION[plan.spec.base.training.selection_metric],
        base=yaml.safe_dump(plan.spec.base.model_dump(mode="json"), sort_keys=False, allow_unicode=True),
        selection_section=selection_section(summary),
        interpretability_section=interpretability_section(
            summary, Markup(figures["reliability"]) if "reliability" in figures else None
        ),
        repeat=repeat_command(plan),
    )
    return page, figures


def draw(summary: Summary, table: pd.DataFrame, epochs: dict[str, pd.DataFrame]) -> dict[str, str]:
    """The figures that this sweep has something to show in."""
    figures = {}
    varied = [name for name in summary.parameters if table.loc[table["status"] == "succeeded", name].nunique() > 1]
    if len(varied) == 1:
        figures["trade-off"] = trade_off(table, varied[0])
    elif varied:
        figures["effects-e2"] = parameter_effects(table, varied, "test_e2_auc")
        figures["effects-e1"] = parameter_effects(table, varied, "test_e1_auc")
    if epochs:
        drawn = dict(list(epochs.items())[:CURVES])
        labels = {row["run_id"]: label(summary, row) for row in summary.runs if row["run_id"] in drawn}
        figures["learning-curves"] = learning_curves(table, drawn, labels)
    if summary.interpretability is not None:
        figures["reliability"] = reliability(summary.interpretability.calibration)
    return figures


def label(summary: Summary, row: dict[str, object]) -> str:
    """A run by what is swept."""
    return ", ".join(f"{name} {row[name]}" for name in summary.parameters) or str(row["run_id"])


def verdict(summary: Summary) -> list[str]:
    """The result in two sentences, with what it cannot say."""
    coverage = summary.coverage
    if summary.best is None:
        return [
            f"None of the {coverage.planned} runs succeeded "
            f"({coverage.failed} failed, {coverage.missing} not finished).",
            "There is nothing to rank.",
        ]
    best, metric = summary.best, summary.objective.rank_by
    epoch = epochs_text(best["best_epoch_e1"], best["best_epoch_e2"])
    sentences = [
        f"Best of {coverage.succeeded} {'run' if coverage.succeeded == 1 else 'runs'}: {label(summary, best)}, with "
        f"{METRIC_NAMES[metric].lower() if metric == 'combined' else METRIC_NAMES[metric]} {best[metric]:.4f} "
        f"(test AUC: E1 {best['test_e1_auc']:.4f}, E2 {best['test_e2_auc']:.4f}, epoch {epoch})."
    ]
    if coverage.succeeded > 1:
        spread = summary.statistics[metric].range
        caution = (
            " With one seed and one fold, nothing here says whether that is more than noise."
            if summary.comparison.covers == "nothing"
            else ""
        )
        sentences.append(f"From best to worst, {METRIC_NAMES[metric]} differs by {spread:.4f}.{caution}")
    if summary.success:
        missed = [METRIC_NAMES[name] for name, criterion in summary.success.items() if not criterion.met]
        sentences.append(f"Success criteria: missed on {', '.join(missed)}." if missed else "Success criteria: met.")
    if coverage.succeeded < coverage.planned:
        sentences.append(f"{coverage.failed} failed and {coverage.missing} not finished of {coverage.planned} planned.")
    return sentences


def ranking_table(summary: Summary) -> Table:
    """The ranking for a terminal: the best runs, then those that have no result."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("rank", justify="right")
    for name in summary.parameters:
        table.add_column(name, justify="right")
    for name in ("E1", "E2", "combined", "epoch"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("status")
    ranked = [row for row in summary.runs if row["rank"] is not None]
    rest = [row for row in summary.runs if row["rank"] is None]
    for row in [*ranked[:TERMINAL_ROWS], *rest[:TERMINAL_ROWS]]:
        metrics = [f"{row[m]:.4f}" if row[m] is not None else "" for m in METRIC_NAMES]
        epoch = epochs_text(row["best_epoch_e1"], row["best_epoch_e2"])
        swept = [str(row[name]) for name in summary.parameters]
        status = row["status"] if row["error"] is None else str(row["error"])
        style = "bold" if row["rank"] == 1 else None if row["rank"] else "red"
        table.add_row(str(row["rank"] or ""), *swept, *metrics, epoch, status, style=style)
    hidden = max(0, len(ranked) - TERMINAL_ROWS) + max(0, len(rest) - TERMINAL_ROWS)
    if hidden:
        table.caption = f"and {hidden} more in results.csv"
    return table
