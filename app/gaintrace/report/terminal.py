"""What a terminal shows of a sweep."""

from rich.console import Console
from rich.table import Table

from gaintrace.analysis.summary import Summary
from gaintrace.report.verdict import verdict
from gaintrace.report.words import four, interval_text, short_label
from gaintrace.runs.result import epochs_text

ROWS = 12


def show(console: Console, summary: Summary) -> None:
    """Ranking, verdict, findings, and what has no result."""
    if summary.best is not None:
        console.print()
        console.print(ranking_table(summary))
        console.print()
    found = verdict(summary)
    console.print(f"{found.result} {found.trust}", highlight=False, markup=False, style="bold")
    for line in [*found.notes, *(f"- {finding.text}" for finding in summary.findings), *troubles(summary)]:
        console.print(line, highlight=False, markup=False)


def ranking_table(summary: Summary) -> Table:
    """The ranking: the best configurations, then the runs that have no result.

    E1 and E2 are of test, and so is `combined`; `valid` is what ranks, where that is of validation. `vs best` is the
    95 % interval of the difference on test, where there is one.
    """
    comparison = summary.comparison
    configurations = comparison.configurations
    selected = {row["run_id"]: epochs_text(row["best_epoch_e1"], row["best_epoch_e2"]) for row in summary.runs}
    swept = list(configurations[0].swept)
    intervals = any(interval_text(c.difference) for c in configurations)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("rank", justify="right")
    for name in swept:
        table.add_column(name, justify="right")
    metrics = {"valid": summary.objective.rank_by} if summary.objective.on_validation else {}
    metrics |= {"E1": "test_e1_auc", "E2": "test_e2_auc"}
    metrics |= {} if summary.objective.on_validation else {"combined": "combined"}
    for name in metrics:
        table.add_column(name, justify="right", no_wrap=True)
    if comparison.repetitions > 1:
        table.add_column("runs", justify="right")
    else:
        table.add_column("epoch", justify="right", no_wrap=True)
    if intervals:
        table.add_column(f"vs {_compared_with(summary)}", justify="right", no_wrap=True)
    for configuration in configurations[:ROWS]:
        run = configuration.runs[0]
        cells = [str(configuration.rank), *(str(configuration.swept[name]) for name in swept)]
        cells += [four(getattr(configuration, m)) for m in metrics.values()]
        cells.append(str(len(configuration.runs)) if comparison.repetitions > 1 else selected[run])
        if intervals:
            cells.append(interval_text(configuration.difference))
        table.add_row(*cells, style="bold" if configuration is configurations[0] else None)
    if len(configurations) > ROWS:
        table.caption = f"and {len(configurations) - ROWS} more in results.csv"
    return table


def _compared_with(summary: Summary) -> str:
    comparison = summary.comparison
    return "best" if comparison.reference == 0 else short_label(comparison.configurations[comparison.reference].swept)


def troubles(summary: Summary) -> list[str]:
    """A line for each run without a result."""
    rest = [row for row in summary.runs if row["status"] != "succeeded"]
    lines = [
        f"{row['run_id']} ({', '.join(f'{name} {row[name]}' for name in summary.parameters)}): "
        f"{row['error'] or 'not finished'}"
        for row in rest[:ROWS]
    ]
    return lines + ([f"and {len(rest) - ROWS} more in results.csv"] if len(rest) > ROWS else [])
