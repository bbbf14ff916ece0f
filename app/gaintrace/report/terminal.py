"""What a terminal shows of a sweep."""

from rich.console import Console
from rich.table import Table

from gaintrace.analysis.summary import Summary
from gaintrace.report.verdict import verdict
from gaintrace.report.words import four, interval_text
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

    `vs best` is the 95 % interval of the difference in the metric that ranks, where there is one.
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
    for name in ("E1", "E2", "combined"):
        table.add_column(name, justify="right", no_wrap=True)
    if comparison.repetitions > 1:
        table.add_column("runs", justify="right")
    else:
        table.add_column("epoch", justify="right", no_wrap=True)
    if intervals:
        table.add_column("vs best", justify="right", no_wrap=True)
    for configuration in configurations[:ROWS]:
        run = configuration.runs[0]
        cells = [str(configuration.rank), *(str(configuration.swept[name]) for name in swept)]
        cells += [four(getattr(configuration, m)) for m in ("test_e1_auc", "test_e2_auc", "combined")]
        cells.append(str(len(configuration.runs)) if comparison.repetitions > 1 else selected[run])
        if intervals:
            cells.append(interval_text(configuration.difference))
        table.add_row(*cells, style="bold" if configuration.rank == 1 else None)
    if len(configurations) > ROWS:
        table.caption = f"and {len(configurations) - ROWS} more in results.csv"
    return table


def troubles(summary: Summary) -> list[str]:
    """A line for each run without a result."""
    rest = [row for row in summary.runs if row["status"] != "succeeded"]
    lines = [
        f"{row['run_id']} ({', '.join(f'{name} {row[name]}' for name in summary.parameters)}): "
        f"{row['error'] or 'not finished'}"
        for row in rest[:ROWS]
    ]
    return lines + ([f"and {len(rest) - ROWS} more in results.csv"] if len(rest) > ROWS else [])
