"""pyKT's files: folds, answers of several skills in each of their three forms, and files that are something else."""

import pytest

from gaintrace.data.prepare import prepare
from gaintrace.errors import DataError

TRAIN = 'fold,uid,concepts,responses\n0,7,"3,3,4","1,0,1"\n1,8,"4,3,4,3","1,1,1,0"\n'
TEST = 'fold,uid,concepts,responses,cidxs\n-1,3,"4,4,4","1,1,0","0,1,2"\n'


def read(tmp_path, train=TRAIN, test=TEST):
    (tmp_path / "train_valid.csv").write_text(train)
    (tmp_path / "test.csv").write_text(test)
    return prepare("pykt", [tmp_path])


def steps(dataset, student):
    frame = dataset.interactions[dataset.interactions["student"] == student]
    return list(zip(frame["step"], (dataset.skills[s] for s in frame["skill"]), frame["response"], strict=True))


def test_folds_and_order_are_kept(tmp_path):
    dataset = read(tmp_path)
    assert dataset.students.to_numpy().tolist() == [["7", 0], ["8", 1], ["3", -1]]
    assert steps(dataset, 0) == [(0, "3", 1), (1, "3", 0), (2, "4", 1)]
    assert steps(dataset, 2) == [(0, "4", 1), (1, "4", 1), (2, "4", 0)]


def test_only_the_files_read_are_named_as_sources(tmp_path):
    (tmp_path / "train_valid_sequences.csv").write_text("something else")
    assert [source.name for source in read(tmp_path).sources] == ["train_valid.csv", "test.csv"]


ONE_ANSWER = [(0, "4", 1), (0, "3", 1), (1, "4", 1), (2, "3", 0)]


@pytest.mark.parametrize(
    ("columns", "row", "expected"),
    [
        ("questions,concepts,responses,is_repeat", '"5,5,6,7","4,3,4,3","1,1,1,0","0,1,0,0"', ONE_ANSWER),
        ("concepts,responses,is_repeat", '"4,3,4,3","1,1,1,0","0,1,0,0"', ONE_ANSWER),
        ("concepts,responses", '"4_3,4,3","1,1,0"', ONE_ANSWER),
        ("questions,concepts,responses", '"5,6,7","4_3,4,3","1,1,0"', ONE_ANSWER),
        ("questions,concepts,responses,is_repeat", '"5,5,6,7","4,3,4,3","1,1,1,0","0,0,0,0"', ONE_ANSWER),
        (
            "questions,concepts,responses,is_repeat",
            '"5,5,5,5","4,3,4,3","1,1,1,0","0,0,0,0"',
            [(0, "4", 1), (0, "3", 1), (1, "4", 1), (2, "3", 0)],
        ),
        (
            "concepts,responses",
            '"4,3,4,3","1,1,1,0"',
            [(0, "4", 1), (1, "3", 1), (2, "4", 1), (3, "3", 0)],
        ),
    ],
    ids=[
        "marked",
        "marked, no questions",
        "a_b",
        "a_b with questions",
        "unmarked neighbours",
        "one question again",
        "one skill an answer",
    ],
)
def test_the_skills_of_an_answer_share_its_step(tmp_path, columns, row, expected):
    """Else the second skill would be predicted from the response to the first, which is the same response."""
    dataset = read(tmp_path, f"fold,uid,{columns}\n0,8,{row}\n", f"fold,uid,{columns}\n-1,9,{row}\n")
    assert steps(dataset, 0) == steps(dataset, 1) == expected


def test_questions_are_items(tmp_path):
    columns = "fold,uid,questions,concepts,responses\n"
    dataset = read(tmp_path, columns + '0,8,"5,6,5","4,4,4","1,1,0"\n', columns + '-1,9,"7,7,6","4,4,4","1,1,0"\n')
    assert dataset.interactions["item"].tolist() == [0, 1, 0, 2, 2, 1]


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (TRAIN.replace("4,3,4,3", "4,3"), "line 3: student 8 has 2 concepts and 4 responses"),
        (TRAIN.replace("0,7", ",7").replace("4,3,4,3", "4,3"), "line 3: student 8 has 2 concepts and 4 responses"),
        (TRAIN.replace("0,7", "9,7"), "line 2: fold '9'; expected -1 for test, or 0 to 4"),
        (TRAIN.replace("1,8", "1,7"), "train_valid.csv: line 3: student 7 is there a second time"),
        (TRAIN.replace("1,8", "1,3"), "test.csv: line 2: student 3 is there a second time"),
        (
            'fold,uid,concepts,responses,selectmasks\n0,7,"3,4,-1","1,0,-1","1,1,-1"\n',
            "cut and padded .* Give train_valid.csv",
        ),
    ],
)
def test_what_pykt_would_not_have_written_is_named(tmp_path, train, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, train)


def test_space_in_lists_and_cells_is_no_part_of_a_value(tmp_path):
    columns = "fold,uid,questions,concepts,responses,is_repeat\n"
    lists = ['"5,5,6,7"', '"3,4_3,3,4"', '"1,1,0,1"', '"0,1,0,0"']
    spaced = [text.replace(",", " , ").replace("_", " _ ") for text in lists]
    clean = columns + "".join(f"{fold},{fold},{','.join(lists)}\n" for fold in range(5))
    test = columns + f"-1,t,{','.join(lists)}\n"
    expected = read(tmp_path, clean, test).hash
    for join in (",", " , ", ", "):
        own = columns + "".join(join.join([f" {fold}", f" {fold} ", *spaced]) + "\n" for fold in range(5))
        assert read(tmp_path, own, test).hash == expected


@pytest.mark.parametrize(
    ("concepts", "responses", "note"),
    [
        ("3,3,4,4", "1,2,1,0", "left out 1 interaction whose response is neither 0 nor 1, line 3"),
        ("3,3,4,4", "1,,1,0", "left out 1 interaction whose response is neither 0 nor 1, line 3"),
        ("3,,4,4", "1,1,1,0", "left out 1 interaction without a concept, line 3"),
        ("3,_,4,4", "1,1,1,0", "left out 1 interaction without a concept, line 3"),
    ],
)
def test_a_bad_place_of_a_list_costs_its_interaction_and_is_named(tmp_path, concepts, responses, note):
    dataset = read(tmp_path, TRAIN.replace("4,3,4,3", concepts).replace("1,1,1,0", responses))
    assert dataset.students["uid"].tolist() == ["7", "8", "3"]
    assert steps(dataset, 1) == [(0, "3", 1), (1, "4", 1), (2, "4", 0)]
    assert dataset.notes == [f"train_valid.csv: {note}"]
    assert (dataset.rows_read, dataset.dropped) == (3, {})


def test_a_bad_first_skill_of_an_answer_does_not_add_the_second_to_the_answer_before(tmp_path):
    columns = "fold,uid,concepts,responses,is_repeat\n"
    row = '"1,4,3,4,3","1,x,1,1,0","0,0,1,0,0"'
    dataset = read(tmp_path, f"{columns}0,8,{row}\n", f"{columns}-1,9,{row}\n")
    assert steps(dataset, 0) == [(0, "1", 1), (1, "3", 1), (2, "4", 1), (3, "3", 0)]


def test_dropped_students_are_rows_and_named_by_file_and_line(tmp_path):
    train = TRAIN + '2,10,"3,4","1,0"\n3,11,"4","x"\n,12,"3,3,3","1,1,1"\n'
    dataset = read(tmp_path, train, TEST + '-1,13,"3","1"\n')
    assert dataset.rows_read == 7
    assert dataset.dropped == {
        "missing fold": 1,
        "no response is 0 or 1": 1,
        "of students with fewer than 3 answers": 2,
    }
    assert dataset.dropped_at == {
        "missing fold": "train_valid.csv line 6",
        "no response is 0 or 1": "train_valid.csv line 5",
        "of students with fewer than 3 answers": "train_valid.csv line 4; test.csv line 3",
    }


FEW = "of students with fewer than 3 usable answers: "


@pytest.mark.parametrize(
    ("concepts", "responses", "reason"),
    [
        (
            "3,3,4,4",
            "2,2,2,1",
            f"{FEW}interactions whose response is neither 0 nor 1",
        ),
        ("3,,4,_", "1,0,1,1", f"{FEW}interactions without a concept"),
        (
            "3,,4,4",
            "1,0,2,1",
            f"{FEW}interactions without a concept, interactions whose response is neither 0 nor 1",
        ),
        ("3,3,4,4", "50,100,75,x", "no response is 0 or 1"),
        ("3,,4,4", "2,0,2,2", "no usable interaction"),
        (",,_,", "1,0,1,1", "no concept"),
        ("3,4,-1,-1", "1,0,-1,-1", "of students with fewer than 3 answers"),
        ("-1,-1,-1,-1", "-1,-1,-1,-1", "padding alone"),
    ],
)
def test_why_a_student_has_too_few_answers_is_what_is_wrong(tmp_path, concepts, responses, reason):
    dataset = read(tmp_path, TRAIN.replace("4,3,4,3", concepts).replace("1,1,1,0", responses))
    assert dataset.students["uid"].tolist() == ["7", "3"]
    assert (dataset.dropped, dataset.dropped_at) == ({reason: 1}, {reason: "train_valid.csv line 3"})


def test_padding_is_no_wrong_response(tmp_path):
    dataset = read(tmp_path, TRAIN.replace("4,3,4,3", "4,3,4,-1").replace("1,1,1,0", "1,1,1,-1"))
    assert steps(dataset, 1) == [(0, "4", 1), (1, "3", 1), (2, "4", 1)]
    assert dataset.notes == ["train_valid.csv: left out 1 interaction of padding (-1), line 3"]


def test_a_concept_is_one_however_its_number_is_written_in_either_file(tmp_path):
    columns = "fold,uid,questions,concepts,responses\n"
    train = columns + '0,7,"1,1.0,2","3,3.0,04_5","1,0,1"\n1,8.0,"2,2,1","3,4.0_5.0,4","1,1,1"\n'
    dataset = read(tmp_path, train, columns + '-1,9,"01,2,2","03,3,4","1,1,0"\n')
    assert dataset.skills == ["3", "4", "5"]
    assert dataset.interactions["item"].nunique() == 2
    assert dataset.students["uid"].tolist() == ["7", "8", "9"]
    assert (
        "3 and 3.0 and 03; 4 and 4.0 and 04; 5 and 5.0 are one skill, as the column holds whole numbers alone"
        in dataset.notes
    )
    with pytest.raises(DataError, match=r"test.csv: line 2: student 7 is there a second time"):
        read(tmp_path, TRAIN, TEST.replace("-1,3", "-1,7.0"))


def test_concepts_that_are_names_stay_apart(tmp_path):
    dataset = read(tmp_path, TRAIN.replace("3,3,4", "3,03,a"))
    assert dataset.skills == ["3", "03", "a", "4"]
    assert dataset.notes == ["3 and 03 of skill stay apart, as the column does not hold whole numbers alone (a)"]
