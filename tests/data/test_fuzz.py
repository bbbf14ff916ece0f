"""Whatever bytes a raw file holds, a reader reads them or says in one line why not, and then nothing is written."""

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from gaintrace.cli.data import app
from gaintrace.data.dataset import load_dataset
from gaintrace.data.prepare import prepare
from gaintrace.data.readers import READERS
from gaintrace.errors import GaintraceError
from tests.data.test_bad_cells import SEPARATORS, TABLES, rows

CELLS = st.one_of(
    st.sampled_from(
        ["", " ", "0", "1", "2", "-1", "1_13", "1~~2", "_", "~~", "NA", "nan", "inf", "1e5", "1e999", "0x1"]
    ),
    st.sampled_from(["9" * 17, "9" * 30, '"', '"1', '1"', '""', "\0", "\r", "\n", "\ufeff", "é", "١", "1_000", "True"]),
    st.sampled_from(["2005-09-09 12:24:35.0", "2005-09-09T12:24:35+02:00", "9999-12-31", "0001-01-01", "12:24"]),
    st.sampled_from(
        ['"1,0,1"', '"1, 0,1"', '"1_2,2,3"', '"0,1"', "0,1", '"5,5,5"', '",,"', '"0,0,0"', "4", "u1", "u2"]
    ),
    st.text(max_size=6),
)


def clean(reader):
    """A table that is read, as lists of cells."""
    if reader != "pykt":
        return [list(row.values()) for row in rows(reader, students=2, answers=4)]
    lists = ['"1,2_3,1,2"', '"0,1,0,1"', '"5,6,5,6"', '"0,0,0,0"']
    return [["0", "a", *lists], ["1", "b", *lists], ["-1", "c", *lists]]


@st.composite
def tables(draw, reader):
    """Tables of which some cells, rows and bytes are not what they should be, in bytes."""
    columns = [*READERS[reader].columns, *(["questions", "is_repeat"] if reader == "pykt" else [])]
    table = [columns, *clean(reader)]
    for _ in range(draw(st.integers(0, 3))):
        row = draw(st.integers(0 if draw(st.integers(0, 9)) == 0 else 1, len(table) - 1))
        change = draw(st.sampled_from(["cell", "cell", "cell", "cell", "column", "row", "again", "shorter", "longer"]))
        column = draw(st.integers(0, len(columns) - 1))
        if change in ("cell", "column"):
            cell = draw(CELLS)
            for changed in table[1:] if change == "column" else [table[row]]:
                changed[column : column + 1] = [cell]
        elif change == "row":
            table[row] = [draw(CELLS) for _ in columns]
        elif change == "again":
            table.append(list(table[row]))
        else:
            table[row] = table[row][:column] if change == "shorter" else [*table[row], draw(CELLS)]
    text = "\n".join(SEPARATORS.get(reader, ",").join(row) for row in table)
    data = text.encode(draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-16", "utf-32", "latin-1"])), "replace")
    if draw(st.integers(0, 3)):
        return data
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(st.binary(max_size=3)) + data[at + draw(st.integers(0, 3)) :]


@pytest.mark.parametrize("reader", [*TABLES, "pykt"])
@pytest.mark.parametrize("packed", [False, True])
def test_any_table_is_read_or_refused(tmp_path_factory, reader, packed):
    folder = tmp_path_factory.mktemp("fuzz")

    @given(st.one_of(*[tables(reader)] * 9, st.binary(max_size=200)), st.integers(0, 40))
    @settings(max_examples=25)
    def check(data, cut):
        raw = folder / ("raw.csv.gz" if packed else "raw.csv")
        raw.write_bytes(gzip.compress(data)[: -cut or None] if packed else data)
        files = sorted(folder.rglob("*"))
        try:
            dataset = prepare(reader, [raw])
        except GaintraceError as error:
            assert str(raw) in str(error)
            assert "\n" not in str(error).replace(str(raw), "")
            return
        info = dataset.info
        assert info.rows_read >= sum(info.dropped.values())
        assert reader == "pykt" or info.answers <= info.rows_read - sum(info.dropped.values())
        assert set(dataset.dropped) == set(dataset.dropped_at)
        assert sorted(folder.rglob("*")) == files

    check()


@pytest.mark.parametrize("reader", [*TABLES, "pykt"])
def test_refused_input_writes_nothing(tmp_path, reader):
    raw, out = tmp_path / "raw.csv", tmp_path / "out"

    @given(tables(reader))
    @settings(max_examples=8)
    def check(data):
        raw.write_bytes(data)
        arguments = ["prepare", reader, "--raw", str(raw), "--out", str(out), "--force"]
        result = CliRunner().invoke(app, arguments)
        assert result.exception is None or isinstance(result.exception, GaintraceError)
        if result.exception is None:
            assert load_dataset(str(out)).name == "out"
            for path in out.iterdir():
                path.unlink()
            out.rmdir()
        assert not out.exists()

    check()
