"""`prepare csv`: any table and which column is what, from a file or from memory."""

import gzip
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.data.dataset import load_dataset
from gaintrace.data.prepare import prepare_table
from gaintrace.data.readers import READERS
from gaintrace.data.readers.csv import Columns, columns_of, read
from gaintrace.errors import ConfigError, DataError, GaintraceError
from tests.data.test_bad_cells import FIRST_ID, content
from tests.data.test_commands import run

COLUMNS = Columns("Pupil name", "Topic", "Right?")
ROWS = [("Ann", "Add", 1), ("Ann", "Sub", 0), ("Ann", "Add", 1), ("Bö", "Sub", 0), ("Bö", "Add", 1), ("Bö", "Sub", 1)]
FRAME = pd.DataFrame(ROWS, columns=["Pupil name", "Topic", "Right?"])


def text(rows=ROWS, delimiter=",", header=("Pupil name", "Topic", "Right?")):
    return "\n".join(delimiter.join(map(str, row)) for row in [header, *rows]) + "\n"


def made(tmp_path, table, columns=COLUMNS, name="mine.csv"):
    path = tmp_path / name
    path.write_bytes(table if isinstance(table, bytes) else table.encode())
    return prepare_table(path, columns)


def test_a_table_of_three_columns_is_a_data_set(tmp_path):
    dataset = made(tmp_path, text())
    assert content(dataset) == [
        ("Ann", 0, "Add", 1),
        ("Ann", 1, "Sub", 0),
        ("Ann", 2, "Add", 1),
        ("Bö", 0, "Sub", 0),
        ("Bö", 1, "Add", 1),
        ("Bö", 2, "Sub", 1),
    ]
    assert (dataset.reader, dataset.notes) == ("csv", ["student is Pupil name, skill is Topic, correct is Right?"])
    assert (dataset.rows_read, dataset.dropped, dataset.interactions["item"].unique().tolist()) == (6, {}, [-1])


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("quote", ["{}", '"{}"', ' "{}"', "{} "])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_how_a_table_is_written_changes_nothing(tmp_path, delimiter, quote, encoding):
    quoted = [tuple(quote.format(cell) for cell in row) for row in ROWS]
    header = [quote.format(name) for name in ("Pupil name", "Topic", "Right?")]
    dataset = made(tmp_path, text(quoted, delimiter, header).replace("\n", "\r\n").encode(encoding))
    assert dataset.hash == prepare_table(FRAME, COLUMNS).hash
    told = {"utf-16": "mine.csv is read as UTF-16, as it begins", "latin-1": "mine.csv is not UTF-8; read as Latin-1"}
    assert dataset.notes[1:] == ([told[encoding]] if encoding in told else [])


def test_other_columns_delimiters_in_cells_and_foreign_headers_change_nothing(tmp_path):
    rows = [("x;y;z;z", name, '"a, ""b"""' if skill == "Add" else skill, right) for name, skill, right in ROWS]
    header = ("a;b;c;d", "Schüler", "Topic", "Right?")
    dataset = made(tmp_path, text(rows, header=header).encode("cp1252"), Columns("Schüler", "Topic", "Right?"))
    assert dataset.skills == ['a, "b"', "Sub"]
    curly = text().replace("Bö", "“Bo”").encode("cp1252")
    dataset = made(tmp_path, curly)
    assert dataset.students["uid"].tolist() == ["Ann", "“Bo”"]
    assert dataset.notes[1:] == ["mine.csv is not UTF-8; read as Windows-1252"]


def test_files_that_are_packed_are_read(tmp_path):
    expected = prepare_table(FRAME, COLUMNS).hash
    (tmp_path / "mine.csv.gz").write_bytes(gzip.compress(text().encode()))
    assert prepare_table(tmp_path / "mine.csv.gz", COLUMNS).hash == expected
    FRAME.to_parquet(tmp_path / "mine.parquet")
    assert prepare_table(tmp_path / "mine.parquet", COLUMNS).hash == expected
    assert columns_of(tmp_path / "mine.parquet") == columns_of(tmp_path / "mine.csv.gz") == list(FRAME.columns)
    (tmp_path / "no.parquet").write_text(text())
    for path in ("no.parquet", "nowhere.parquet", "nowhere.csv"):
        with pytest.raises(DataError, match=f"{path}: (no such file|not a readable Parquet file)"):
            prepare_table(tmp_path / path, COLUMNS)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        *[("1", "0"), ("1.0", "0.0"), ("1,0", "0,0"), ("+1", "-0"), ("1e0", "0e0"), ("01", "00")],
        *[("true", "false"), ("TRUE", "FALSE"), ("t", "f"), ("Yes", "no"), ("y", "n")],
        *[("right", "wrong"), ("correct", "INCORRECT")],
    ],
)
def test_words_and_numbers_say_whether_an_answer_was_right(tmp_path, right, wrong):
    rows = [(name, skill, right if r else wrong) for name, skill, r in ROWS]
    assert made(tmp_path, text(rows, ";")).hash == prepare_table(FRAME, COLUMNS).hash


@pytest.mark.parametrize("dtype", ["bool", "float64", "Int64", "boolean", "object", "category", "str"])
def test_a_frame_may_say_so_in_any_type(dtype):
    frame = FRAME.assign(**{"Right?": FRAME["Right?"].astype(dtype)})
    assert prepare_table(frame, COLUMNS).hash == prepare_table(FRAME, COLUMNS).hash


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("0.5", "Right? is a fraction, as 0.5"),
        (".25", "Right? is a fraction, as .25"),
        ("2", "Right? is neither right nor wrong, as 2"),
        ("maybe", "Right? is neither right nor wrong, as maybe"),
        ("", "missing Right?"),
        ("NA", "missing Right?"),
    ],
)
def test_a_bad_cell_costs_its_row_and_is_said(tmp_path, bad, reason):
    dataset = made(tmp_path, text([*ROWS, ("Ann", "Add", bad)]))
    assert content(dataset) == content(prepare_table(FRAME, COLUMNS))
    assert (dataset.dropped, dataset.dropped_at) == ({reason: 1}, {reason: "line 8"})
    frame = pd.concat([FRAME.astype(str), pd.DataFrame([("Ann", "Add", bad)], columns=FRAME.columns)])
    assert prepare_table(frame, COLUMNS).dropped_at == {reason: "row 6"}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([85, 90, 100, 0, 70, 1], r"4 of 6 answers are neither right nor wrong, as '85' \(line 2\)"),
        ([1, 2, 1, 1, 2, 1], r"2 of 6 answers are neither right nor wrong, as '2' \(line 3\)"),
        ([0.5, 0.25, 1, 1, 0, 0.75], r"3 of 6 answers are neither right nor wrong, as '0.5' \(line 2\)"),
        (["A", "B", "A", "C", "B", "A"], r"6 of 6 answers are neither right nor wrong, as 'A' \(line 2\)"),
    ],
)
def test_a_column_that_says_something_else_is_refused(tmp_path, values, told):
    rows = [(name, skill, value) for (name, skill, _), value in zip(ROWS, values, strict=True)]
    with pytest.raises(DataError, match=rf"mine.csv: column Right\?: {told}; expected 0 and 1"):
        made(tmp_path, text(rows))


@pytest.mark.parametrize(
    ("column", "hint"),
    [
        ("right?", "did you mean Right??"),
        ("Pupil nam", "did you mean Pupil name?"),
        ("zzz", ". It has"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet", "frame"])
def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path, column, hint, kind):
    (tmp_path / "mine.csv").write_text(text())
    FRAME.to_parquet(tmp_path / "mine.parquet")
    with pytest.raises(ConfigError) as error:
        prepare_table(FRAME if kind == "frame" else tmp_path / f"mine.{kind}", Columns("Pupil name", "Topic", column))
    assert f"no column {column!r} (correct)" in str(error.value)
    assert hint in str(error.value)
    assert str(error.value).endswith("It has Pupil name, Topic, Right?")


def test_space_around_the_name_of_a_column_is_no_part_of_it(tmp_path):
    expected = prepare_table(FRAME, COLUMNS).hash
    spaced = Columns(" Pupil name", "Topic ", "Right?")
    assert made(tmp_path, text(header=("\ufeffPupil name ", " Topic", '"Right?" ')), spaced).hash == expected
    assert prepare_table(FRAME.rename(columns={"Topic": " Topic"}), spaced).hash == expected
    with pytest.raises(DataError, match="more than one column Topic "):
        prepare_table(FRAME.rename(columns={"Topic": " Topic", "Right?": "Topic"}), spaced)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (Columns("a", "a", "b"), "student and skill are one column, a"),
        (Columns("a", "b", "b"), "skill and correct are one column, b"),
        (Columns("a", " ", "b"), "skill is empty"),
        (Columns("a", "b", "c", skill_separator=""), "skill_separator is empty"),
    ],
)
def test_columns_that_cannot_be_are_refused(columns, message):
    with pytest.raises(ConfigError, match=message):
        prepare_table(FRAME, columns)


ORDERED = "s,k,c,t,o\nu,A,1,{2},2\nv,A,1,{0},1\nu,B,0,{1},1\nu,C,1,{1},0\nv,B,1,{0},0\nv,C,0,{0},1\n"


@pytest.mark.parametrize("times", [("1", "5", "10"), ("2020-01-09", "2020-01-10 10:00", "2020-02-01")])
@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, ["ABC", "ABC"]),
        ({"time": "t"}, ["BCA", "ABC"]),
        ({"order": "o"}, ["CBA", "BAC"]),
        ({"time": "t", "order": "o"}, ["CBA", "BAC"]),
    ],
)
def test_answers_are_in_order_of_time_then_order_then_rows(tmp_path, times, keys, expected):
    dataset = made(tmp_path, ORDERED.format(*times), Columns("s", "k", "c", **keys))
    skills = [skill for _, _, skill, _ in content(dataset)]
    assert ["".join(skills[:3]), "".join(skills[3:])] == expected


def test_a_cell_of_several_skills_is_one_answer_where_a_separator_says_so(tmp_path):
    table = "s,k,c\nu,A~~B,1\nu,B,0\nu,~~ C~~A,1\nu,~~,1\n"
    joined = made(tmp_path, table, Columns("s", "k", "c", skill_separator="~~"))
    assert content(joined) == [("u", 0, "A", 1), ("u", 0, "B", 1), ("u", 1, "B", 0), ("u", 2, "C", 1), ("u", 2, "A", 1)]
    assert joined.dropped == {"missing k": 1}
    assert made(tmp_path, table, Columns("s", "k", "c")).skills == ["A~~B", "B", "~~ C~~A", "~~"]
    other = made(tmp_path, table, Columns("s", "k", "c", skill_separator="|"))
    assert "no cell of k has | in it: every answer needs one skill" in other.notes


SEVERAL = "s,q,k,c,t\nu,1,A,1,5\nu,1,B,1,5\nu,2,A,1,6\nu,2,A,1,6\nu,2,B,0,6\nu,1,B,1,7\n"


def test_rows_of_one_moment_and_item_are_one_answer(tmp_path):
    """Else the second skill would be predicted from the response to the first, which is the same response."""
    dataset = made(tmp_path, SEVERAL, Columns("s", "k", "c", item="q", time="t"))
    assert [step for _, step, _, _ in content(dataset)] == [0, 0, 1, 2, 3, 4]
    alone = made(tmp_path, SEVERAL, Columns("s", "k", "c", item="q"))
    assert alone.info.answers == 6
    assert alone.notes[-1].startswith("1 rows follow one of the same student, item and response with another skill")
    assert made(tmp_path, SEVERAL, Columns("s", "k", "c", time="t")).info.answers == 6


def test_an_item_may_be_unknown_or_be_the_skill(tmp_path):
    dataset = made(tmp_path, SEVERAL.replace("u,2,", "u,,"), Columns("s", "k", "c", item="q", time="t"))
    assert dataset.interactions["item"].tolist() == [0, 0, -1, -1, -1, 0]
    assert dataset.notes[1:] == ["3 of 6 rows have no q; they are kept"]
    same = made(tmp_path, SEVERAL, Columns("s", "q", "c", item="q", time="t"))
    assert same.skills == ["1", "2"]


def test_ids_are_exact_and_those_that_are_not_are_refused(tmp_path):
    ids = [FIRST_ID + place % 2 for place in range(6)]
    expected = sorted(map(str, set(ids)))
    frame = FRAME.assign(**{"Pupil name": ids})
    assert prepare_table(frame, COLUMNS).students["uid"].tolist() == expected
    frame.to_csv(tmp_path / "mine.csv", index=False)
    frame.to_parquet(tmp_path / "mine.parquet")
    for name in ("mine.csv", "mine.parquet"):
        assert prepare_table(tmp_path / name, COLUMNS).students["uid"].tolist() == expected
    with pytest.raises(DataError, match=r"row 0: column Pupil name holds ids beyond 2\^53 as floats"):
        prepare_table(frame.astype({"Pupil name": "float64"}), COLUMNS)
    floats = FRAME.assign(**{"Pupil name": [1.0, 1, 1, 2, 2, np.nan]})
    dataset = read(floats, COLUMNS)
    assert dataset.frame["uid"].tolist() == ["1", "1", "1", "2", "2"]
    assert dataset.tables[0].dropped == {"missing Pupil name": [5]}


def test_frames_with_dates_categories_and_any_index_are_read():
    frame = FRAME.assign(
        when=pd.date_range("2021-01-09", periods=6, freq="-1h"), Topic=FRAME["Topic"].astype("category")
    )
    frame.index = ["same"] * 6
    dataset = prepare_table(frame, Columns("Pupil name", "Topic", "Right?", time="when"))
    assert [step for *_, step in content(dataset)][:3] == [1, 0, 1]
    assert dataset.sources == []
    with pytest.raises(DataError, match="row 1: column Topic holds lists"):
        prepare_table(FRAME.assign(Topic=["a", ["a", "b"], "c", "d", "e", "f"]), COLUMNS)
    assert frame.columns.tolist() == ["Pupil name", "Topic", "Right?", "when"]


def test_every_reader_is_told_of_by_command_and_document():
    told = set(re.findall(r"\w+", run("prepare", "--help")))
    document = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text()
    assert told >= READERS.keys()
    assert set(re.findall(r"^\| `(\w+)` \|", document, re.M)) == READERS.keys()


def test_the_command_takes_columns_and_says_which_there_are(tmp_path):
    path, out = tmp_path / "mine.csv", tmp_path / "out"
    path.write_text(text())
    with pytest.raises(ConfigError, match=r"csv needs --skill and --correct: .* It has Pupil name, Topic, Right\?"):
        run("prepare", "csv", "--raw", path, "--out", out, "--student", "Pupil name")
    with pytest.raises(ConfigError, match="--skill-separator is for `prepare csv`"):
        run("prepare", "assist2015", "--raw", path, "--out", out, "--skill-separator", "|")
    with pytest.raises(DataError, match="one raw file"):
        run("prepare", "csv", "--raw", path, "--raw", path, "--out", out)
    options = ["--student", "Pupil name", "--skill", "Topic", "--correct", "Right?"]
    assert not out.exists()
    said = run("prepare", "csv", "--raw", path, "--out", out, *options)
    assert "read as  csv" in said
    assert load_dataset(str(out)).hash == prepare_table(FRAME, COLUMNS).hash


@given(
    st.lists(
        st.tuples(*[st.sampled_from(["1", "0", "1.0", "u", "", "NA", "a,b", "2020-01-01", "3/4/2020", "é", '"x'])] * 4)
    ),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from([{}, {"time": "d"}, {"order": "d"}, {"item": "d", "skill_separator": ","}]),
)
def test_any_cells_are_read_or_refused(tmp_path_factory, rows, delimiter, keys):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(text(rows, delimiter, ("a", "b", "c", "d")))
    frame = pd.DataFrame(rows, columns=["a", "b", "c", "d"])
    for source in (path, frame):
        try:
            info = prepare_table(source, Columns("a", "b", "c", **keys)).info
        except GaintraceError as error:
            assert "\n" not in str(error)
        else:
            assert info.answers <= info.rows_read - sum(info.dropped.values())
