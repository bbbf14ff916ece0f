"""Ids that programs write in several ways are one; names are what they are, and no two ids are merged unsaid."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.data.prepare import prepare
from gaintrace.data.readers.answers import JOINTS
from gaintrace.data.readers.ids import same_ids
from tests.data.test_bad_cells import FIRST_ID, HEADERS, TABLES, rows, written

STEP = ("Anon Student Id", "Problem Name", "Step Name")
IDS = {
    "assist2009": ("user_id", "problem_id", "skill_id"),
    "assist2012": ("user_id", "problem_id", "skill_id"),
    "assist2015": ("user_id", "sequence_id"),
    "assist2017": ("studentId", "problemId", "skill"),
    "algebra2005": (*STEP, "KC(Default)"),
    "bridge2algebra2006": (*STEP, "KC(SubSkills)"),
    "statics2011": STEP,
    "poj": ("User", "Problem"),
}


def told(values, joints=""):
    made, notes = same_ids(pd.Series(values, dtype="str", name="skill"), joints)
    return made.tolist(), notes


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "1.0", "01", "+1", "1.", "001.000"], ["1"] * 6),
        (["1.0", "2.0", "10.0"], ["1", "2", "10"]),
        (["01", "02", "10"], ["01", "02", "10"]),
        (["01.0", "02.0"], ["01", "02"]),
        (["0", "-0", "00", "0.0"], ["0"] * 4),
        (["-1", "1"], ["-1", "1"]),
        ([str(FIRST_ID), str(FIRST_ID + 1), f"{FIRST_ID}.0"], [str(FIRST_ID), str(FIRST_ID + 1), str(FIRST_ID)]),
        (["1" * 5000, "1" * 5000 + ".0"], ["1" * 5000] * 2),
    ],
)
def test_whole_numbers_are_compared_as_numbers(values, expected):
    made, notes = told(values)
    assert made == expected
    assert bool(notes) == (len(set(expected)) < len(values))


@pytest.mark.parametrize("name", ["A1", "1.5", "1e3", "١", "0x1", "1-2", "x"])
def test_one_name_makes_all_of_them_names_and_this_is_said(name):
    made, (note,) = told(["1", "1.0", "01", name])
    assert made == ["1", "1.0", "01", name]
    assert note == (f"1 and 1.0 and 01 of skill stay apart, as the column does not hold whole numbers alone ({name})")


def test_names_of_which_none_could_be_one_are_no_news():
    assert told(["01", "A1", "2"]) == (["01", "A1", "2"], [])
    assert told(["1.1", "1.10"]) == (["1.1", "1.10"], [])


def test_a_missing_value_is_none():
    made, _ = told(["1", None, "1.0"])
    assert made[0] == made[2] == "1"
    assert pd.isna(made[1])


def test_ids_in_a_joined_cell_are_ids_too():
    assert told(["1_13", "01", "13.0", "1.0 ~~ 13"], JOINTS)[0] == ["1_13", "1", "13", "1~~13"]
    assert told(["1_b", "1.0"], JOINTS)[0] == ["1_b", "1.0"]


@given(st.lists(st.tuples(st.integers(-(10**30), 10**30), st.sampled_from(["", ".0", "."]), st.integers(0, 3))))
def test_two_are_one_exactly_where_their_numbers_are(numbers):
    values = [f"{'-' * (n < 0)}{'0' * zeros}{abs(n)}{end}" for n, end, zeros in numbers]
    made, _ = told(values)
    ids = [n for n, _, _ in numbers]
    assert [made.index(one) for one in made] == [ids.index(one) for one in ids]


@pytest.mark.parametrize("name", TABLES)
def test_every_reader_takes_numbers_for_what_they_are(tmp_path, name):
    """One missing value makes pandas write a whole column of ids as 1.0."""
    columns = IDS[name]
    clean = rows(name)
    for column in columns:
        numbers = {value: str(place) for place, value in enumerate(dict.fromkeys(row[column] for row in clean))}
        for row in clean:
            row[column] = numbers[row[column]]
    floats = [
        row | {column: row[column] + ".0" if place % 2 else "0" + row[column] for column in columns}
        for place, row in enumerate(clean)
    ]
    expected = prepare(name, [written(tmp_path / "clean.csv", name, clean)])
    dataset = prepare(name, [written(tmp_path / "floats.csv", name, clean[:1] + floats[1:])])
    assert dataset.interactions.equals(expected.interactions)
    assert len(dataset.skills) == len(expected.skills)
    assert len(dataset.notes) == len(columns)
    assert all("as the column holds whole numbers alone" in note for note in dataset.notes)


def test_a_copy_whose_ids_are_written_otherwise_is_a_copy(tmp_path):
    text = "order_id,user_id,problem_id,skill_id,correct\n1,9,1,2,1\n1,9.0,1.0,2.0,1\n2,9,1,2,1\n3,9,1,2,1\n"
    (tmp_path / "raw.csv").write_text(text)
    dataset = prepare("assist2009", [tmp_path / "raw.csv"])
    assert dataset.dropped == {"duplicate user_id, order_id, skill_id": 1}
    assert dataset.info.answers == 3


@pytest.mark.parametrize("name", TABLES)
def test_why_a_student_has_too_few_answers_is_what_is_wrong(tmp_path, name):
    made = rows(name)
    response, wrong = {
        "statics2011": ("First Attempt", "First Attempt is neither correct nor incorrect"),
        "poj": ("Result", "Result is no verdict"),
    }.get(name, ("", ""))
    if not response:
        response = next(column for column in HEADERS[name] if column.lower().startswith("correct"))
        wrong = f"{response} is neither 0 nor 1"
    for row in made[:3]:
        row[response] = "0.5"
    dataset = prepare(name, [written(tmp_path / "raw.csv", name, made[:-3])])
    assert dataset.dropped == {
        wrong: 3,
        f"of students with fewer than 3 usable answers: {wrong}": 2,
        "of students with fewer than 3 answers": 2,
    }
    assert list(dataset.dropped_at.values()) == ["lines 2, 3, 4", "lines 5, 6", "lines 27, 28"]


def test_one_bad_cell_does_not_decide_what_the_others_mean(tmp_path):
    rows = [f"{u},{u}1,1,0\n{u}.0,{u}2,1.0,1\n0{u},{u}3,01,1\n" for u in range(1, 10)]
    text = "user_id,log_id,sequence_id,correct\n" + "".join(rows)
    for more, notes in (("", 0), ("1,99,abc,\n", 1), ("x,99,1,1\n", 1)):
        path = tmp_path / "raw.csv"
        path.write_text(text + more)
        found = prepare("assist2015", [path])
        assert (len(found.skills), len(found.students)) == (1, 9)
        assert sum("but for" in note for note in found.notes) == notes
