"""Blocks that are read at once hold the rows that reading line by line finds, wherever a block ends."""

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gaintrace.data.prepare import prepare_table
from gaintrace.data.readers import blocks, files
from gaintrace.data.readers.common import read_table
from gaintrace.data.readers.csv import Columns
from gaintrace.errors import GaintraceError

PIECES = st.sampled_from(
    [
        "1",
        "23",
        "007",
        "+4",
        "a b",
        " c ",
        "",
        "NA",
        "é",
        '"',
        '""',
        '"x,y"',
        "\x01",
        "\x0b",
        "\xa0",
        "|",
        "\ufeff1",
        "99999999999999999999",
    ]
)
LINES = st.lists(st.lists(PIECES, min_size=1, max_size=4).map(",".join), max_size=12)
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])


def told(path, **how):
    """What is read of a file, and what is said of it."""
    try:
        table = read_table(path, ("a", "b"), **how)
    except GaintraceError as error:
        return str(error)
    return table.frame.astype("str").to_dict("split"), table.rows_read, table.dropped, table.notes


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, end=ENDS, raw=st.sampled_from([b"", b"\xe9", b"\xc3"]), size=st.sampled_from([1, 7, 40, 1 << 22]))
def test_plain_blocks_are_read_as_lines_are(tmp_path, monkeypatch, lines, end, raw, size):
    path = tmp_path / "t.csv"
    path.write_bytes(end.join(["a,b,c", *lines]).encode() + raw)
    with monkeypatch.context() as small:
        small.setattr(files, "BLOCK", size)
        at_once = [told(path), told(path, packed=True), told(path, quoted=False)]
        small.setattr(blocks, "_plain", lambda *_: None)
        by_line = [told(path), told(path, packed=True), told(path, quoted=False)]
    assert at_once == by_line
    assert at_once[0] == at_once[1]


@pytest.mark.parametrize("size", [9, 50, 1 << 22])
def test_most_blocks_of_a_file_are_read_at_once_though_some_need_care(tmp_path, monkeypatch, size):
    rows = [f"s{row % 7},{row % 5},{row % 2}" for row in range(300)]
    rows[100] += ",more"
    rows[200] = "s1"
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["student,skill,right", *rows]))
    with_care = []
    plain = blocks._plain

    def seen(block, *rest):
        found = plain(block, *rest)
        with_care.append(found is None)
        return found

    monkeypatch.setattr(files, "BLOCK", size)
    monkeypatch.setattr(blocks, "_plain", seen)
    dataset = prepare_table(path, Columns("student", "skill", "right"))
    assert len(dataset.interactions) == 298
    assert dataset.dropped == {"more cells than the header": 1, "missing skill": 1}
    assert dataset.dropped_at == {"more cells than the header": "line 102", "missing skill": "line 202"}
    assert sum(with_care) <= 2


def test_a_table_in_memory_is_read_as_its_file_is(tmp_path):
    """The one has texts or numbers for what the other has categories, or whole numbers."""
    frame = pd.DataFrame(
        {
            "who": [str(n % 9) for n in range(200)],
            "what": [n % 4 for n in range(200)],
            "ok": [n % 3 == 0 for n in range(200)],
        }
    ).assign(when=range(1000, 800, -1))
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    columns = Columns("who", "what", "ok", order="when")
    sources = (frame, tmp_path / "t.csv", tmp_path / "t.parquet")
    assert len({prepare_table(source, columns).hash for source in sources}) == 1
    timed = Columns("who", "what", "ok", time="when")
    assert (
        prepare_table(tmp_path / "t.csv", timed).hash
        == prepare_table(frame, timed).hash
        == prepare_table(frame, columns).hash
    )
