"""Whatever the width, a table shows every value whole and stays within it."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from gaintrace.report.fitting import fitted

RANKING = ["rank", "bce_loss_weight", "learning_curve.beta_skill_init", "patience", "selection_metric", "d_model",
           "n_heads", "E1", "E2", "combined", "epoch", "vs best", "run"]  # fmt: skip
ROW = ["1", "0.2", "2.5", "3", "valid_combined", "64", "4", "0.7888", "0.7648", "1.1712", "8",
       "[−0.0002, +0.0000]", "1a2b3c4d"]  # fmt: skip


def shown(width, columns, rows, **options):
    console = Console(width=width, file=io.StringIO(), markup=False, emoji=False, highlight=False)
    console.print(fitted(width, columns, rows, **options))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("swept", [1, 2, 3, 4, 5, 6])
def test_nothing_of_a_ranking_is_cut(width, swept):
    kept = [*range(swept + 1), *range(7, len(RANKING))]
    columns, row = [RANKING[c] for c in kept], [ROW[c] for c in kept]
    other = [cell.replace("8", "9") for cell in row]
    text = shown(width, columns, [row, other])
    assert "…" not in text
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert all(text.count(cell) >= 1 for cell in [*row, *other])
    names = {"".join(name.split()) for name in columns}
    assert all(
        part in "".join(text.split()) for name in names for part in name.replace("_", "_ ").replace(".", ". ").split()
    )


def test_a_table_that_fits_is_a_table_and_names_are_broken_before_it_is_not():
    columns, row = ["rank", "bce_loss_weight", "E1"], ["1", "0.2", "0.7888"]
    assert shown(40, columns, [row]).split("\n")[0] == "rank  bce_loss_weight      E1"
    assert [line.split() for line in shown(24, columns, [row]).splitlines()] == [
        ["bce_loss_"], ["rank", "weight", "E1"], ["1", "0.2", "0.7888"],
    ]  # fmt: skip
    assert shown(17, columns, [row]) == "rank 1\n  bce_loss_weight\n  0.2  E1 0.7888\n"


@given(
    width=st.integers(8, 100),
    columns=st.lists(st.from_regex(r"[a-z]{1,8}([_.][a-z]{1,8}){0,3}", fullmatch=True), min_size=1, max_size=6),
    data=st.data(),
)
def test_every_value_is_there_within_the_width(width, columns, data):
    cell = st.text("abc123.[]:/数ß", max_size=20)
    row = st.lists(cell, min_size=len(columns), max_size=len(columns))
    rows = data.draw(st.lists(row, min_size=1, max_size=4))
    text = shown(width, columns, rows, left=columns[:1], styles=["bold"])
    assert all(cell_len(line) <= width for line in text.splitlines())
    packed = "".join(text.split())
    assert all("".join(value.split()) in packed for values in rows for value in values)
