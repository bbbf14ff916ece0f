"""What is exported to pyKT's files and read back is what was there, answers of several skills included."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.data.dataset import COLUMNS, Dataset
from gaintrace.data.export import export_pykt
from gaintrace.data.prepare import prepare
from gaintrace.data.split import split_students
from gaintrace.errors import ConfigError, StoreError


def made(students, most_skills, items, seed):
    """Students of 3 to 8 answers that need 1 to `most_skills` of 5 skills each."""
    rng = np.random.default_rng(seed)
    rows = [
        (student, step, int(rng.integers(9)) if items else -1, int(skill), response)
        for student in range(students)
        for step in range(rng.integers(3, 9))
        for response in [int(rng.integers(2))]
        for skill in rng.permutation(5)[: rng.integers(1, most_skills + 1)]
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    if items:
        frame["item"] = frame.groupby(["student", "step"])["item"].transform("first")
    students_frame = pd.DataFrame({"uid": [f"u{i}" for i in range(students)], "fold": split_students(students).fold})
    return Dataset("made", frame, students_frame, [f"skill {s}" for s in range(5)])


def by_export_number(dataset):
    """Rows as (student, step, skill, response) in the numbers that an export of it, or its source, has."""
    frame = dataset.interactions
    student = dataset.students["uid"].to_numpy()[frame["student"]].astype(int)
    skill = np.array(dataset.skills)[frame["skill"]].astype(int)
    columns = {"student": student, "step": frame["step"], "skill": skill, "response": frame["response"]}
    return pd.DataFrame(columns).sort_values("student", kind="stable").astype(int).to_numpy().tolist()


@given(students=st.integers(10, 30), most_skills=st.integers(1, 3), items=st.booleans(), seed=st.integers(0, 2**31 - 1))
@settings(max_examples=25)
def test_reading_an_export_gives_the_data_set(tmp_path_factory, students, most_skills, items, seed):
    dataset = made(students, most_skills, items and most_skills > 1, seed)
    folder = tmp_path_factory.mktemp("pykt")
    export_pykt(dataset, folder)
    again = prepare("pykt", [folder])
    assert by_export_number(again) == dataset.interactions[["student", "step", "skill", "response"]].to_numpy().tolist()
    fold = dict(zip(again.students["uid"].astype(int), again.students["fold"], strict=True))
    assert [fold[i] for i in range(students)] == dataset.students["fold"].tolist()


def test_columns_are_those_of_pykt(tmp_path):
    for items, most_skills, columns in [
        (False, 1, "fold,uid,concepts,responses"),
        (False, 3, "fold,uid,concepts,responses,is_repeat"),
        (True, 1, "fold,uid,questions,concepts,responses,is_repeat"),
    ]:
        export_pykt(made(10, most_skills, items, 0), tmp_path, force=True)
        assert (tmp_path / "train_valid.csv").read_text().splitlines()[0] == columns
        assert (tmp_path / "test.csv").read_text().splitlines()[0] == columns + ",cidxs"


def test_the_first_skill_of_an_answer_alone_is_no_repetition(tmp_path):
    frame = pd.DataFrame(
        [(0, 0, 0, 0, 1), (0, 0, 0, 1, 1), (0, 1, 1, 0, 0), (0, 2, 0, 1, 1)], columns=list(COLUMNS)
    ).astype(COLUMNS)
    students = pd.DataFrame({"uid": ["a"], "fold": split_students(1).fold})
    export_pykt(Dataset("made", frame, students, ["s", "t"]), tmp_path)
    row = (tmp_path / "train_valid.csv").read_text().splitlines()[1]
    assert row == '0,0,"0,0,1,0","0,1,0,1","1,1,0,1","0,1,0,0"'


def test_files_that_are_there_are_replaced_by_force_alone(tmp_path):
    (tmp_path / "test.csv").write_text("mine")
    with pytest.raises(ConfigError, match=r"test.csv: there already.*--force"):
        export_pykt(made(10, 1, False, 0), tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("test.csv", "mine")]
    export_pykt(made(10, 1, False, 0), tmp_path, force=True)
    assert prepare("pykt", [tmp_path]).info.students == 10


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write .*a part of the path is a file"):
        export_pykt(made(10, 1, False, 0), tmp_path / "file")
