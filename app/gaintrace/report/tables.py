"""Tables of a report, once for HTML and Markdown. On a phone a row becomes a block of names and values."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from gaintrace.analysis.comparison import Configuration, Standing
from gaintrace.analysis.ranking import REPETITIONS
from gaintrace.analysis.summary import Summary
from gaintrace.config import weighted
from gaintrace.report.words import (
    MASTERY_NAMES,
    compared_with,
    four,
    interval_text,
    metric_names,
    rank_texts,
    short_label,
    sides_of,
    signed,
)
from gaintrace.runs.result import epochs_text

PAGE_ROWS = 25
OTHER_ROWS = 10
JOINED = 3
"""From so many parameters on their values share a column, so that the scores stay in sight."""
FEW, SHORT = 4, 34
"""Columns, and letters across them, that fit a phone side by side."""
BLOCKS = 5
"""Rows of a wide table that a phone shows before it is asked for all; report.css has the number too."""


class Cell(NamedTuple):
    """What a cell says. `soft`: beside it; `mark`: after both, and `why` it is there; `kind`: bad or id."""

    text: str
    soft: str = ""
    mark: str = ""
    why: str = ""
    kind: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.text, self.soft, self.mark) if part)


class Column(NamedTuple):
    """`kind`: empty for numbers, `text`, `wrap` for text of several lines, `names` for joined values, `interval`."""

    name: str
    kind: str = ""


class Table(NamedTuple):
    """Rows of cells under columns. `best`: of the rows, those that rank first."""

    columns: list[Column]
    rows: list[list[Cell]]
    best: Sequence[int] = ()

    @property
    def wide(self) -> bool:
        """Whether a phone shows it as blocks."""
        columns = zip(self.columns, zip(*self.rows, strict=True), strict=False)
        letters = (max(map(len, [*column.name.split(), *map(str, cells)])) for column, cells in columns)
        return len(self.columns) > FEW or sum(letters) > SHORT

    @property
    def long(self) -> bool:
        """Whether a phone shows the first rows alone until it is asked for all."""
        return self.wide and len(self.rows) > BLOCKS


def ranking_table(summary: Summary) -> Table:
    """The best configurations, with differences on test."""
    comparison, objective = summary.comparison, summary.objective
    shown = comparison.configurations[:PAGE_ROWS]
    selected = {row["run_id"]: epochs_text(row) for row in summary.runs}
    sides, several = sides_of(summary), comparison.repetitions > 1
    combined = objective.scored == "combined"
    columns = [Column("Rank"), *swept_columns(list(shown[0].swept))]
    columns += [Column(f"{objective.words} on validation")] if objective.on_validation else []
    columns += [Column(side.upper()) for side in sides]
    columns += [Column(weighted(objective.alpha))] if combined else []
    columns += [
        Column(against(summary), "interval"),
        *([Column("Runs")] if several else []),
        Column("Epoch"),
        Column("Run", "text"),
    ]
    rows = []
    ranks = rank_texts([getattr(c, comparison.metric) for c in comparison.configurations])
    for rank, c in zip(ranks, shown, strict=False):
        row = [Cell(rank), *swept_cells(c.swept)]
        row += [Cell(four(getattr(c, objective.rank_by)))] if objective.on_validation else []
        row += [Cell(four(getattr(c, f"test_{side}_auc"))) for side in sides]
        row += [Cell(four(c.combined))] if combined else []
        row += [difference_cell(summary, c), *([Cell(str(len(c.runs)))] if several else [])]
        row += [Cell(", ".join(dict.fromkeys(selected[run] for run in c.runs))), Cell(c.runs[0], kind="id")]
        rows.append(row)
    return Table(columns, rows, [n for n, c in enumerate(shown) if c.rank == 1])


def alpha_tables(summary: Summary) -> dict[str, Table]:
    """The rankings by the study's other weights of E2, on test, by their sum in words."""
    configurations = summary.comparison.configurations
    found = {}
    for alpha in configurations[0].by_alpha if len(configurations) > 1 else ():
        ordered = sorted(configurations, key=lambda c: c.by_alpha[alpha].rank)
        ranks, shown = rank_texts([c.by_alpha[alpha].combined for c in ordered]), ordered[:OTHER_ROWS]
        columns = [Column("Rank"), *swept_columns(list(shown[0].swept))]
        columns += [Column(weighted(float(alpha))), Column("vs best", "interval")]
        rows = [
            [Cell(rank), *swept_cells(c.swept), Cell(four(c.by_alpha[alpha].combined)),
             difference_cell(summary, c.by_alpha[alpha])]
            for rank, c in zip(ranks, shown, strict=False)
        ]  # fmt: skip
        found[weighted(float(alpha))] = Table(
            columns, rows, [n for n, c in enumerate(shown) if c.by_alpha[alpha].rank == 1]
        )
    return found


def runs_table(summary: Summary) -> Table | None:
    """Single runs, where configurations have several."""
    if summary.comparison.repetitions < 2:
        return None
    rows = [row for row in summary.runs if row["rank"] is not None][:PAGE_ROWS]
    sides = sides_of(summary)
    repeated = [name for name in summary.parameters if name in REPETITIONS]
    swept = [name for name in summary.parameters if name not in REPETITIONS]
    columns = [Column("Rank"), *swept_columns(swept), *map(Column, repeated), *(Column(s.upper()) for s in sides)]
    columns += [Column(weighted(summary.objective.alpha)), Column("Epoch"), Column("Accuracy"), Column("Run", "text")]
    return Table(
        columns,
        [
            [Cell(str(row["rank"])), *swept_cells({name: row[name] for name in swept}),
             *(Cell(str(row[name])) for name in repeated),
             *(Cell(four(row[f"test_{side}_auc"])) for side in sides), Cell(four(row["combined"])),
             Cell(epochs_text(row)), Cell(four(row["test_accuracy"])), Cell(row["run_id"], kind="id")]
            for row in rows
        ],
    )  # fmt: skip


def success_table(summary: Summary) -> Table | None:
    """What the best run had to reach."""
    if not summary.success:
        return None
    names = metric_names(summary)
    columns = [Column("Best run", "text"), Column("Required"), Column("Reached"), Column("Met", "text")]
    return Table(
        columns,
        [
            [Cell(names[name]), Cell(str(c.required)), Cell(four(c.value)),
             Cell("yes" if c.met else "no", kind="" if c.met else "bad")]
            for name, c in summary.success.items()
        ],
    )  # fmt: skip


def troubled_table(summary: Summary) -> Table | None:
    """Runs that failed or have not finished."""
    rows = [row for row in summary.runs if row["status"] not in ("succeeded", "stopped")][:PAGE_ROWS]
    if not rows:
        return None
    columns = [
        Column("Run", "text"),
        *map(Column, summary.parameters),
        Column("Status", "text"),
        Column("Reason", "wrap"),
    ]
    return Table(
        columns,
        [
            [Cell(row["run_id"], kind="id"), *(Cell(str(row[name])) for name in summary.parameters),
             Cell(row["status"], kind="bad"), Cell(row["error"] or "no result in the store: not finished")]
            for row in rows
        ],
    )  # fmt: skip


def effects_table(summary: Summary) -> Table | None:
    """What each parameter of a grid does, on each encoder."""
    if not summary.effects:
        return None
    names = metric_names(summary)
    columns = [Column("Parameter", "text")]
    for found in summary.effects:
        columns += [Column(f"Effect on {names[found.metric]}"), Column("Share of its variance")]
    rows = []
    for main in summary.effects[-1].main:
        row = [Cell(main.parameter)]
        for found in summary.effects:
            own = next(effect for effect in found.main if effect.parameter == main.parameter)
            row += [Cell(four(own.range)), Cell(percent(own.share))]
        rows.append(row)
    return Table(columns, rows)


def statistics_table(summary: Summary) -> Table | None:
    """Over the runs that succeeded, if there are several."""
    if not summary.statistics or summary.coverage.succeeded < 2:
        return None
    names = metric_names(summary)
    columns = [Column("Test metric", "text"), *map(Column, ("Mean", "Median", "Std", "Min", "Max", "Range"))]
    found = summary.statistics.items()
    numbers = [(name, (s.mean, s.median, s.std, s.min, s.max, s.range)) for name, s in found]
    return Table(columns, [[Cell(names[name]), *(Cell(four(value)) for value in row)] for name, row in numbers])


def correlations_table(summary: Summary) -> Table | None:
    """Of parameters with test metrics."""
    if not summary.correlations:
        return None
    names = metric_names(summary)
    columns = [Column("Correlation of", "text"), *(Column(f"with {name}") for name in names.values())]
    return Table(
        columns,
        [
            [Cell(parameter), *(Cell("–" if row[m] is None else f"{row[m]:+.2f}".replace("-", "−")) for m in names)]
            for parameter, row in summary.correlations.items()
        ],
    )


def mastery_table(summary: Summary, rows: list[dict[str, Any]]) -> Table | None:
    """What mastery alone is worth, a configuration each."""
    if not rows:
        return None
    names = [*summary.comparison.configurations[0].swept]
    columns = [*map(Column, names), *map(Column, MASTERY_NAMES.values())]
    return Table(columns, [[Cell(str(row[name])) for name in (*names, *MASTERY_NAMES)] for row in rows])


def swept_columns(names: list[str]) -> list[Column]:
    """Columns of what is swept."""
    return [Column(" · ".join(names), "names")] if len(names) >= JOINED else [Column(name) for name in names]


def swept_cells(swept: dict[str, Any]) -> list[Cell]:
    """A configuration's values in those columns."""
    return [Cell(short_label(swept))] if len(swept) >= JOINED else [Cell(str(value)) for value in swept.values()]


def difference_cell(summary: Summary, of: Configuration | Standing) -> Cell:
    """A configuration's difference to what the others are compared with, and whether it is more than noise."""
    found = of.difference
    if found is None:
        return Cell("best" if of.rank == 1 else "–")
    if found.low is None:
        return Cell(signed(found.mean), "not compared" if summary.comparison.compared > 1 else "")
    mark, why = {False: ("≈", "cannot be told from the best"), None: ("?", "another seed might undo it")}.get(
        of.apart, ("", "")
    )
    return Cell(signed(found.mean), interval_text(found), mark, why)


def against(summary: Summary) -> str:
    """The head of the column of differences."""
    score = {"combined": ""}.get(summary.objective.scored, f"{summary.objective.words} ")
    return f"{score}vs {compared_with(summary).removeprefix('the ')}"


def percent(share: float | None) -> str:
    """A share of one, for a reader."""
    return "–" if share is None else f"{100 * share:.0f} %"
