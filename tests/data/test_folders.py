"""Public data sets of several files: what belongs together, what is dropped and said, and what is missing."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.data.prepare import prepare
from gaintrace.data.readers import ednet
from gaintrace.errors import DataError, GaintraceError
from tests.data.test_bad_cells import content
from tests.data.test_fuzz import CELLS

KT1 = {
    "u2": "timestamp,solving_id,question_id,user_answer,elapsed_time\n"
    "30,2,q2,b,1000\n10,1,q1,a,1000\n20,1,q3,c,1000\n20,1,q3,c,1000\n40,3,q4,a,1000\n50,3,q9,a,1000\n60,4,q1,,1000\nx,5,q1,a,1\n",
    "u10": "timestamp,solving_id,question_id,user_answer,elapsed_time\n1,1,q1,b,1\n2,1,q1,a,1\n3,1,q2,b,1\n",
    "u7": "timestamp,solving_id,question_id,user_answer,elapsed_time\n1,1,q1,b,1\n2,1,q4,a,1\n3,1,q4,b,1\n",
    "u8": "",
}  # fmt: skip
QUESTIONS = """question_id,bundle_id,explanation_id,correct_answer,part,tags,deployed_at
q1,b1,e1,a,1,7;3;7,0
q2,b1,e1,b,1,3,0
q3,b1,e1,d,1,5;-1,0
q4,b1,e1,a,1,-1,0
"""


def ednet_folder(folder, files=KT1):
    (folder / "KT1").mkdir(parents=True)
    (folder / "contents").mkdir()
    (folder / "contents" / "questions.csv").write_text(QUESTIONS)
    for name, text in files.items():
        (folder / "KT1" / f"{name}.csv").write_text(text)
    return folder


def test_ednet_joins_answers_with_the_skills_of_their_questions(tmp_path):
    dataset = prepare("ednet", [ednet_folder(tmp_path)])
    assert content(dataset) == [
        ("u2", 0, "7", 1),
        ("u2", 0, "3", 1),
        ("u2", 1, "5", 0),
        ("u2", 2, "3", 1),
        ("u10", 0, "7", 0),
        ("u10", 0, "3", 0),
        ("u10", 1, "7", 1),
        ("u10", 1, "3", 1),
        ("u10", 2, "3", 1),
    ]
    assert dataset.interactions["item"].tolist() == [0, 0, 1, 2, 0, 0, 0, 0, 2]
    assert dataset.rows_read == 14
    assert dataset.dropped_at == {
        "missing user_answer": "u2.csv line 8",
        "timestamp is not a number": "u2.csv line 9",
        "question is not in questions.csv": "u2.csv line 7",
        "question without a tag": "u2.csv line 6, u7.csv line 3, u7.csv line 4",
        "duplicate student, timestamp, solving_id, question_id, user_answer": "u2.csv line 5",
        "of students with fewer than 3 usable answers: question without a tag": "u7.csv line 2",
    }
    assert [source.name for source in dataset.sources] == ["KT1", "questions.csv"]


def test_ednet_read_piece_by_piece_is_the_same(tmp_path, monkeypatch):
    folder = ednet_folder(tmp_path)
    whole = prepare("ednet", [folder])
    monkeypatch.setattr(ednet, "FILES_A_PIECE", 1)
    pieces = prepare("ednet", [folder / "KT1", folder / "contents" / "questions.csv"])
    assert (pieces.hash, pieces.dropped_at, pieces.sources) == (whole.hash, whole.dropped_at, whole.sources)
    assert prepare("ednet", [folder / "KT1"]).hash == whole.hash
    (folder / "KT1" / "u10.csv").write_text(KT1["u10"] + "\n")
    again = prepare("ednet", [folder])
    assert again.hash == whole.hash
    assert again.sources[0].sha256 != whole.sources[0].sha256


def test_the_sample_of_ednet_is_the_first_of_pykts_shuffle(tmp_path, monkeypatch):
    """Python's own `random` gives it, so the numbers are those of any version; the first were taken from it by hand."""
    numbers = list(range(840_473))
    random.seed(2)
    random.shuffle(numbers)
    files = {f"u{number}": KT1["u10"] for number in sorted(numbers[:40:5])}
    folder = ednet_folder(tmp_path, files)
    monkeypatch.setattr(ednet, "SAMPLED", 5)
    dataset = prepare("ednet5000", [folder])
    assert dataset.students["uid"].tolist() == [f"u{number}" for number in numbers[:25:5]]
    assert prepare("ednet", [folder]).students["uid"].tolist() == [f"u{number}" for number in sorted(numbers[:40:5])]


ANSWERS = """QuestionId,UserId,AnswerId,IsCorrect,CorrectAnswer,AnswerValue
5,1,100,1,2,2
6,1,101,0,2,1
5,1,102,1,2,2
7,1,103,1,2,2
8,1,104,1,2,2
5,1,105,,2,2
5,1,106,1,2,2
5.0,1,101,0,2,1
"""
METADATA = {
    "answer_metadata_task_3_4": "AnswerId,DateAnswered,Confidence,GroupId,QuizId,SchemeOfWorkId\n"
    "100,2020-03-02 10:00:00.000,,1,1,1\n101,2020-03-01 09:00:00.000,,1,1,1\n102,2020-03-01 09:00:00.000,50,1,1,1\n"
    "103,2020-03-01 09:00:00.000,,1,1,1\n104,2020-03-01 09:00:00.000,,1,1,1\n105,2020-03-01 09:00:00.000,,1,1,1\n",
    "question_metadata_task_3_4": 'QuestionId,SubjectId\n5,"[3, 71, 98, 209]"\n6,"[3, 209, 210]"\n7,"[3, 71]"\n',
    "subject_metadata": "SubjectId,Name,ParentId,Level\n3,Maths,NULL,0\n71,Number,3,1\n98,Place,71,2\n"
    "209,A,98,3\n210,B,98,3\n",
}


def nips_folder(folder, data=".", metadata="metadata"):
    for place in (data, metadata):
        (folder / place).mkdir(parents=True, exist_ok=True)
    (folder / data / "train_task_3_4.csv").write_text(ANSWERS)
    for name, text in METADATA.items():
        (folder / metadata / f"{name}.csv").write_text(text)
    return folder


def test_nips_task34_takes_subjects_of_level_3_and_the_time_of_the_answer(tmp_path):
    dataset = prepare("nips_task34", [nips_folder(tmp_path)])
    assert content(dataset) == [("1", 0, "209", 0), ("1", 0, "210", 0), ("1", 1, "209", 1), ("1", 2, "209", 1)]
    assert dataset.interactions["item"].tolist() == [0, 0, 1, 1]
    assert dataset.dropped_at == {
        "missing IsCorrect": "line 7",
        "duplicate AnswerId": "line 9",
        "AnswerId has no DateAnswered in answer_metadata_task_3_4.csv": "line 8",
        "QuestionId has no SubjectId in question_metadata_task_3_4.csv": "line 6",
        "question without a subject of level 3": "line 5",
    }
    assert dataset.rows_read == 8
    assert [source.name for source in dataset.sources] == ["train_task_3_4.csv", *(f"{name}.csv" for name in METADATA)]


@pytest.mark.parametrize("places", [("data/train_data", "data/metadata"), ("train_data", "metadata"), (".", ".")])
def test_nips_task34_is_found_as_it_is_unpacked(tmp_path, places):
    expected = prepare("nips_task34", [nips_folder(tmp_path / "a")]).hash
    folder = nips_folder(tmp_path / "b", *places)
    assert prepare("nips_task34", [folder]).hash == expected
    assert prepare("nips_task34", [folder / places[0] / "train_task_3_4.csv"]).hash == expected


def sequences(students, length, level="kc"):
    """Rows as pyKT cuts them: of `length`, the last one padded, or left out where it would be shorter than 3."""
    lines = ["fold,uid,questions,concepts,responses,timestamps,selectmasks,is_repeat"]
    for uid, (fold, history) in students.items():
        for start in range(0, len(history), length):
            part = history[start : start + length]
            if len(part) < 3:
                continue
            padding = length - len(part)
            cells = [[str(token[place]) for token in part] + ["-1"] * padding for place in range(4)]
            masks = ["1"] * len(part) + ["-1"] * padding
            questions, concepts, responses, repeats = (",".join(cell) for cell in cells)
            lines.append(
                f'{fold},{uid},"{questions}","{concepts}","{responses}","{responses}","{",".join(masks)}","{repeats}"'
            )
    return "\n".join(lines) + "\n"


# question, concept, response, is_repeat
HISTORY = [
    (5, 1, 1, 0),
    (6, 1, 0, 0),
    (6, 2, 0, 1),
    (6, 3, 0, 1),
    (5, 1, 1, 0),
    (7, 2, 1, 0),
    (7, 3, 1, 1),
    (5, 1, 0, 0),
]
STEPS = [(0, "1", 1), (1, "1", 0), (1, "2", 0), (1, "3", 0), (2, "1", 1), (3, "2", 1), (3, "3", 1), (4, "1", 0)]
TEST = (
    'fold,uid,questions,concepts,responses,is_repeat,cidxs\n-1,30,"5,6,6,5","1,1,2,1","1,0,0,1","0,0,1,0","0,1,2,3"\n'
)


def xes_folder(folder, students, length=3, test=TEST):
    (folder / "kc_level").mkdir(parents=True)
    (folder / "kc_level" / "train_valid_sequences.csv").write_text(sequences(students, length))
    (folder / "kc_level" / "test.csv").write_text(test)
    return folder


def steps(dataset, uid):
    return [(step, skill, response) for student, step, skill, response in content(dataset) if student == uid]


@pytest.mark.parametrize("length", [3, 4, 8, 200])
def test_xes3g5m_puts_the_cut_histories_together_again(tmp_path, length):
    """A cut inside an answer of several concepts leaves one answer, not two."""
    students = {10: (0, HISTORY), 11: (4, HISTORY[:5])}
    dataset = prepare("xes3g5m", [xes_folder(tmp_path, students, length)])
    kept = {3: 6, 4: 8, 8: 8, 200: 8}[length]
    assert steps(dataset, "10") == STEPS[:kept]
    assert steps(dataset, "11") == (STEPS[:5] if length > 4 else [])  # else two answers are left of three
    assert steps(dataset, "30") == [(0, "1", 1), (1, "1", 0), (1, "2", 0), (2, "1", 1)]
    assert dataset.students["fold"].tolist()[-1] == -1
    assert dataset.notes == []


def test_xes3g5m_takes_what_a_mask_selects_and_no_more(tmp_path):
    columns = "fold,uid,questions,concepts,responses,selectmasks,is_repeat\n"
    rows = ['0,10,"5,6,7","1,2,3","1,0,1","1,1,1","0,0,0"', '0,10,"6,7,5","2,3,1","0,1,0","-1,-1,1","0,0,0"']
    folder = xes_folder(tmp_path, {})
    train = folder / "kc_level" / "train_valid_sequences.csv"
    train.write_text(columns + "\n".join(rows))
    dataset = prepare("xes3g5m", [folder])
    assert steps(dataset, "10") == [(0, "1", 1), (1, "2", 0), (2, "3", 1), (3, "1", 0)]
    train.write_text(columns + "\n".join(rows).replace('0,10,"6', '1,10,"6'))
    with pytest.raises(DataError, match="line 2: student 10 is there a second time; expected a fold a student"):
        prepare("xes3g5m", [folder])
    train.write_text(columns + "\n".join(rows).replace("0,10,", "0,30,"))
    with pytest.raises(DataError, match=r"test.csv: line 2: student 30 is there a second time"):
        prepare("xes3g5m", [folder])


def test_xes3g5m_of_whole_questions_has_the_same_answers(tmp_path):
    students = {10: (0, HISTORY)}
    expected = prepare("xes3g5m", [xes_folder(tmp_path / "a", students, 8)])
    folder = tmp_path / "b" / "question_level"
    folder.mkdir(parents=True)
    joined = [(5, 1, 1, 0), (6, "1_2_3", 0, 0), (5, 1, 1, 0), (7, "2_3", 1, 0), (5, 1, 0, 0)]
    (folder / "train_valid_sequences_quelevel.csv").write_text(sequences({10: (0, joined)}, 5))
    (folder / "test_quelevel.csv").write_text(
        'fold,uid,questions,concepts,responses\n-1,30,"5,6,5","1,1_2,1","1,0,1"\n'
    )
    for raw in (
        [folder],
        [folder.parent],
        [folder / "train_valid_sequences_quelevel.csv", folder / "test_quelevel.csv"],
    ):
        assert content(prepare("xes3g5m", raw)) == content(expected)


def test_pykts_own_sequences_are_no_whole_histories(tmp_path):
    folder = xes_folder(tmp_path, {10: (0, HISTORY)})
    with pytest.raises(DataError, match=r"cut and padded .*`prepare xes3g5m`"):
        prepare("pykt", [folder / "kc_level" / "train_valid_sequences.csv"])


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        ("ednet", "no folder KT1|no questions.csv"),
        ("ednet5000", "no folder KT1|no questions.csv"),
        ("nips_task34", r"no answer_metadata_task_3_4.csv there, nor in metadata or .* Give the folder"),
        ("xes3g5m", "no train_valid_sequences.csv and test.csv there|no such file|File name too long"),
    ],
)
def test_what_is_missing_is_named_in_one_line(tmp_path, reader, message):
    for raw in (tmp_path, tmp_path / "nowhere", tmp_path / ("x" * 300)):
        with pytest.raises(DataError, match=message) as error:
            prepare(reader, [raw])
        assert "\n" not in str(error.value)
    (tmp_path / "questions.csv").write_text(QUESTIONS)
    if reader.startswith("ednet"):
        with pytest.raises(DataError, match=r"no u1.csv, u2.csv, … there"):
            prepare(reader, [tmp_path])
        (tmp_path / "u1.csv").write_text("a,b\n1,2\n")
        if reader == "ednet":
            with pytest.raises(DataError, match=r"u1.csv: line 1: no column timestamp"):
                prepare(reader, [tmp_path])


def test_students_of_ednet_are_in_the_order_of_their_numbers(tmp_path):
    dataset = prepare("ednet", [ednet_folder(tmp_path, {f"u{n}": KT1["u10"] for n in (100, 20, 3, 21)})])
    numbers = [int(uid[1:]) for uid in dataset.students["uid"]]
    assert all(one < other for one, other in pairwise(numbers))


@pytest.mark.parametrize("reader", ["ednet", "nips_task34", "xes3g5m"])
def test_whatever_a_cell_holds_the_folder_is_read_or_refused(tmp_path, reader):
    if reader == "ednet":
        ednet_folder(tmp_path)
    elif reader == "nips_task34":
        nips_folder(tmp_path)
    else:
        xes_folder(tmp_path, {10: (0, HISTORY), 11: (4, HISTORY)}, length=5)
    originals = {path: path.read_text() for path in sorted(tmp_path.rglob("*.csv"))}

    @settings(max_examples=40)  # a folder each
    @given(st.sampled_from(sorted(originals)), st.integers(0, 9), st.integers(0, 9), CELLS)
    def check(path, row, column, cell):
        lines = [line.split(",") for line in originals[path].splitlines()] or [[""]]
        cells = lines[row % len(lines)]
        cells[column % len(cells)] = cell
        path.write_text("\n".join(map(",".join, lines)), errors="surrogateescape")
        try:
            info = prepare(reader, [tmp_path]).info
        except GaintraceError as error:
            assert "\n" not in str(error)
        else:
            assert info.rows_read >= sum(info.dropped.values())
        finally:
            path.write_text(originals[path])

    check()
