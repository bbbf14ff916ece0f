"""What a terminal shows of a sweep."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group, RenderableType

from gaintrace.analysis.summary import Summary
from gaintrace.report.fitting import fitted
from gaintrace.report.search import sentences
from gaintrace.report.verdict import verdict
from gaintrace.report.words import four, interval_text, rank_texts, short_label, sides_of
from gaintrace.runs.result import epochs_text

ROWS = 12
SHORTEST_ID = 8
PLAIN: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}


def show(console: Console, summary: Summary) -> None:
    """Ranking, verdict, findings, and what has no result."""
    if summary.best is not None:
        console.print()
        console.print(ranking_table(summary, console.width))
        console.print()
    found = verdict(summary)
    search = [" ".join(said)] if (said := sentences(summary)) else []
    console.print(f"{found.result} {found.trust}", **PLAIN, style="bold")
    for line in [*found.notes, *search, *(f"- {finding.text}" for finding in summary.findings), *troubles(summary)]:
        console.print(line, **PLAIN)


def ranking_table(summary: Summary, width: int) -> RenderableType:
    """The ranking: the best configurations, in at most `width` columns of text.

    `run` is how the id of the configuration's first run begins, as far as no other run of the sweep begins so. E1, E2
    and E3, where there is one, are of test, and so is `combined`; `valid` is what ranks, where that is of validation.
    `vs best` is the 95 % interval of the difference on test, where there is one.
    """
    comparison = summary.comparison
    configurations = comparison.configurations
    shown = configurations[:ROWS]
    selected = {row["run_id"]: epochs_text(row) for row in summary.runs}
    length = id_length([row["run_id"] for row in summary.runs])
    several = comparison.repetitions > 1
    swept = list(configurations[0].swept)
    metrics: dict[str, str] = {"valid": summary.objective.rank_by} if summary.objective.on_validation else {}
    metrics |= {side.upper(): f"test_{side}_auc" for side in sides_of(summary)}
    metrics |= {} if summary.objective.on_validation else {"combined": "combined"}
    columns = ["rank", *swept, *metrics, "runs" if several else "epoch"]
    intervals = any(interval_text(configuration.difference) for configuration in configurations)
    columns += [f"vs {_compared_with(summary)}", "run"] if intervals else ["run"]
    ranks = rank_texts([getattr(configuration, comparison.metric) for configuration in configurations])
    rows = [
        [
            rank,
            *(str(configuration.swept[name]) for name in swept),
            *(four(getattr(configuration, metric)) for metric in metrics.values()),
            str(len(configuration.runs)) if several else selected[configuration.runs[0]],
            *([interval_text(configuration.difference)] if intervals else []),
            configuration.runs[0][:length],
        ]
        for rank, configuration in zip(ranks, shown, strict=False)
    ]
    table = fitted(width, columns, rows, styles=["bold"])
    more = len(configurations) - len(shown)
    return Group(table, "and more in results.csv") if more else table


def id_length(runs: Sequence[str]) -> int:
    """How many digits of run ids tell these runs apart; no fewer than SHORTEST_ID, as others may join them."""
    longest = max(map(len, runs), default=0)
    lengths = range(SHORTEST_ID, longest)
    return next((n for n in lengths if len({run[:n] for run in runs}) == len(set(runs))), longest)


def _compared_with(summary: Summary) -> str:
    comparison = summary.comparison
    return "best" if comparison.reference == 0 else short_label(comparison.configurations[comparison.reference].swept)


def troubles(summary: Summary) -> list[str]:
    """A line for each run without a result."""
    rest = [row for row in summary.runs if row["status"] not in ("succeeded", "stopped")]
    lines = [
        f"{row['run_id']} ({', '.join(f'{name} {row[name]}' for name in summary.parameters)}): "
        f"{row['error'] or 'not finished'}"
        for row in rest[:ROWS]
    ]
    return lines + (["and more in results.csv"] if len(rest) > ROWS else [])
