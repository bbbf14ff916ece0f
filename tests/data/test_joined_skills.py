"""Skills of an answer that one cell joins, as releases and tools do, and names that only look so."""

import pytest

from gaintrace.data.prepare import prepare
from tests.data.test_bad_cells import content, rows, written


def read(tmp_path, name, column, skills):
    made = rows(name, students=4, answers=len(skills))
    for row, skill in zip(made, skills * 4, strict=True):
        row[column] = skill
    return prepare(name, [written(tmp_path / "raw.csv", name, made)])


def skills_of_steps(dataset, student="u0"):
    found = {}
    for uid, step, skill, _ in content(dataset):
        if uid == student:
            found.setdefault(step, []).append(skill)
    return list(found.values())


@pytest.mark.parametrize("name", ["assist2009", "assist2015", "assist2017"])
@pytest.mark.parametrize(
    "joined", ["1_13_20", " 1_13 _20", '"1,13,20"', "1~~13~~20", "1;13;20", "1|13|20", "_1__13_20_", "1_13_20_1"]
)
def test_numbers_are_taken_apart(tmp_path, name, joined):
    column = {"assist2009": "skill_id", "assist2015": "sequence_id", "assist2017": "skill"}[name]
    dataset = read(tmp_path, name, column, ["1", joined, "13", joined])
    assert dataset.skills == ["1", "13", "20"]
    assert skills_of_steps(dataset) == [["1"], ["1", "13", "20"], ["13"], ["1", "13", "20"]]
    assert (dataset.info.answers, dataset.dropped, dataset.notes) == (16, {}, [])


def test_names_are_taken_apart_where_each_stands_alone_too(tmp_path):
    dataset = read(tmp_path, "assist2017", "skill", ["area", "area_volume", "volume", "linear_equations"])
    assert skills_of_steps(dataset) == [["area"], ["area", "volume"], ["volume"], ["linear_equations"]]
    assert dataset.notes == ["taken for the name of one skill, not of several: linear_equations"]


@pytest.mark.parametrize("skill", ["Write, in slope_form", "a_b", "1_13", "[Rule: a; {b}]"])
def test_the_kdd_cup_joins_with_two_tildes_alone(tmp_path, skill):
    dataset = read(tmp_path, "algebra2005", "KC(Default)", ["k", f"{skill}~~ k", skill])
    assert skills_of_steps(dataset) == [["k"], [skill, "k"], [skill]]
    assert dataset.notes == []


def test_a_cell_of_separators_alone_is_a_missing_skill(tmp_path):
    dataset = read(tmp_path, "assist2009", "skill_id", ["1", "_", "13", "2"])
    assert (dataset.dropped, dataset.dropped_at) == ({"missing skill_id": 4}, {"missing skill_id": "lines 3, 7, 11, …"})


def test_collapsed_rows_are_answers_though_problem_and_response_stay(tmp_path):
    """In the release that has a row a skill, the same rows would be one answer."""
    text = "order_id,user_id,problem_id,skill_id,correct\n" + "".join(
        f"{u}{i},{u},7,{skill},1\n" for u in range(3) for i, skill in enumerate(["1", "1_13", "13", "20"])
    )
    (tmp_path / "raw.csv").write_text(text)
    dataset = prepare("assist2009", [tmp_path / "raw.csv"])
    assert skills_of_steps(dataset, "0") == [["1"], ["1", "13"], ["13"], ["20"]]


def test_one_joined_cell_changes_no_answer_but_its_neighbours(tmp_path):
    """Copies that number the rows of an answer through are still joined elsewhere."""
    rows_of = [("p", 1), ("p", 2), ("q", "3_4"), ("r", 1), ("r", 2), ("r", 1), ("r", 2)]
    text = "order_id,user_id,problem_id,skill_id,correct\n"
    text += "".join(f"{i},9,{problem},{skill},1\n" for i, (problem, skill) in enumerate(rows_of))
    (tmp_path / "raw.csv").write_text(text)
    dataset = prepare("assist2009", [tmp_path / "raw.csv"])
    assert skills_of_steps(dataset, "9") == [["1", "2"], ["3", "4"], ["1", "2"], ["1", "2"]]


def test_a_row_that_adds_no_skill_to_its_answer_is_a_duplicate(tmp_path):
    text = "order_id,user_id,problem_id,skill_id,correct\n"
    text += "".join(f"{i},9,p{i},{s},1\n" for i, s in [(1, "1_13"), (1, "13_1"), (2, "1"), (3, "13")])
    (tmp_path / "raw.csv").write_text(text.replace("p1,13_1", "p1,13_1"))
    dataset = prepare("assist2009", [tmp_path / "raw.csv"])
    assert (dataset.rows_read, dataset.dropped_at) == (4, {"duplicate answer and skill": "line 3"})
