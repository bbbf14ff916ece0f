"""How AUCs under pyKT's names are told."""

from gaintrace.report.tables import Cell, Column, Table
from gaintrace.report.words import four
from gaintrace.runs.result import PyktScores
from gaintrace.training.epoch_rules import SIDES


def pykt_columns(found: PyktScores) -> list[str]:
    """The encoders that were measured, as they head a column."""
    return [side.upper() for side in SIDES if getattr(found, side) is not None]


def pykt_rows(found: PyktScores) -> list[list[str]]:
    """A row a measure that there is: pyKT's name, and the AUC of each encoder."""
    aucs = [of_side for side in SIDES if (of_side := getattr(found, side)) is not None]
    rows = [[name, *(four(getattr(own, name)) for own in aucs)] for name in type(found.e1).model_fields]
    return [row for row in rows if set(row[1:]) != {four(None)}]


def described(found: PyktScores) -> str:
    """What the numbers are of, and whether they are what pyKT's tables hold."""
    of_questions = found.e1.windowauclate_mean is not None
    name = "windowauclate_mean" if of_questions else "windowaucconcepts (window_testauc of answers of one skill)"
    windowed = (
        f"Windowed ({found.window_targets:,} targets): a target beyond its student's first window has at least "
        f"{found.window_overlap} interactions before it."
    )
    return f"{windowed} pyKT's tables hold {name}, of windows that overlap by all interactions but one."


def pykt_table(found: PyktScores | None) -> Table | None:
    """A row a measure; None where nothing was measured."""
    if found is None or not pykt_rows(found):
        return None
    columns = [Column("AUC", "text"), *map(Column, pykt_columns(found))]
    return Table(columns, [[Cell(cell) for cell in row] for row in pykt_rows(found)])
