"""Readers of the public files: order, what is dropped, answers of several skills, and files that are something else."""

import gzip
import zipfile

import pytest

from gaintrace.data.prepare import prepare
from gaintrace.errors import ConfigError, DataError

ASSIST2009 = """order_id,assignment_id,user_id,problem_id,skill_id,correct,skill_name
3,1,9,p2,30,0,Area
1,1,9,p1,10,1,Addition
1,1,9,p1,20,1,Subtraction
1,1,9,p1,20,1,Subtraction
4,1,9,p2,30,1,Area
5,1,9,p3,,1,
6,1,9,p4,30,0.5,Area
x,1,9,p4,30,1,Area
2,1,9,p5,10,0,Addition
"""
ASSIST2015 = """user_id,log_id,sequence_id,correct
b,5,s1,1
a,9,s2,0
b,3,s2,1
b,4,s1,0.25
b,7,s1,0
a,2,s1,1
a,9,s2,0
a,3,,1
a,4,s9,1
"""
ASSIST2017 = """studentId,problemId,skill,correct,startTime,timeTaken,extra
1,10,algebra,1,200,5.0,x
1,10,algebra,0,100,5.0,x
1,10,algebra,0,100,6.0,x
1,10,algebra,0,100,6.0,x
1,11,,0,150,6.0,x
"""
ALGEBRA = (
    "\t".join(
        [
            "Row",
            "Anon Student Id",
            "Problem Name",
            "Step Name",
            "First Transaction Time",
            "Correct First Attempt",
            "KC(Default)",
        ]
    )
    + """
1\ts\tP1\tx+1=2\t2005-09-09 12:24:35.0\t1\tadd~~solve~~add
2\ts\tP1\tx=1\t2005-09-09 12:20:00.0\t0\tsolve
3\ts\tP2\tx=2\t2005-09-09 13:20:00.0\t1\t
4\ts\tP2\tx=3\t2005-09-09 14:20:00.0\t1\tadd
"""
)


def read(tmp_path, name, text, file="raw.csv"):
    path = tmp_path / file
    path.write_text(text)
    return prepare(name, [path])


def rows(dataset):
    frame = dataset.interactions
    skills = [dataset.skills[s] for s in frame["skill"]]
    return list(zip(frame["student"], frame["step"], skills, frame["response"], strict=True))


def test_assist2009_joins_the_skills_of_an_answer(tmp_path):
    dataset = read(tmp_path, "assist2009", ASSIST2009)
    assert rows(dataset) == [
        (0, 0, "10", 1),
        (0, 0, "20", 1),
        (0, 1, "10", 0),
        (0, 2, "30", 0),
        (0, 3, "30", 1),
    ]
    assert dataset.dropped == {
        "missing skill_id": 1,
        "order_id is not a number": 1,
        "correct is neither 0 nor 1": 1,
        "duplicate user_id, order_id, skill_id": 1,
    }


def test_assist2009_joins_numbered_rows_too(tmp_path):
    """Some copies give the rows of one answer order ids of their own; a skill that comes again is a new answer."""
    text = "order_id,user_id,problem_id,skill_id,correct\n" + "".join(
        f"{i},9,{problem},{skill},{correct}\n"
        for i, (problem, skill, correct) in enumerate(
            [("p", 1, 1), ("p", 2, 1), ("p", 1, 1), ("p", 2, 1), ("p", 3, 0), ("q", 3, 0)]
        )
    )
    assert [step for _, step, _, _ in rows(read(tmp_path, "assist2009", text))] == [0, 0, 1, 1, 2, 3]


def test_assist2015_orders_by_log_id_and_keeps_students_in_file_order(tmp_path):
    dataset = read(tmp_path, "assist2015", ASSIST2015)
    assert dataset.students["uid"].tolist() == ["b", "a"]
    assert rows(dataset) == [
        (0, 0, "s2", 1),
        (0, 1, "s1", 1),
        (0, 2, "s1", 0),
        (1, 0, "s1", 1),
        (1, 1, "s9", 1),
        (1, 2, "s2", 0),
    ]
    assert dataset.dropped == {
        "missing sequence_id": 1,
        "correct is neither 0 nor 1": 1,
        "duplicate user_id, log_id, sequence_id": 1,
    }


def test_assist2017_keeps_repeated_answers_and_drops_copies(tmp_path):
    dataset = read(tmp_path, "assist2017", ASSIST2017)
    assert [(step, response) for _, step, _, response in rows(dataset)] == [(0, 0), (1, 0), (2, 1)]
    assert sum(dataset.dropped.values()) == 2


def test_algebra2005_keeps_the_skills_of_a_step_in_one_answer(tmp_path):
    dataset = read(tmp_path, "algebra2005", ALGEBRA, "a.txt")
    assert rows(dataset) == [(0, 0, "solve", 0), (0, 1, "add", 1), (0, 1, "solve", 1), (0, 2, "add", 1)]
    assert dataset.interactions["item"].tolist() == [0, 1, 1, 2]
    assert dataset.dropped == {"missing KC(Default)": 1}


def test_archives_and_latin_1_are_read(tmp_path):
    text = ASSIST2009.replace("Addition", "Adición")
    plain = read(tmp_path, "assist2009", ASSIST2009)
    (tmp_path / "latin.csv").write_bytes(text.encode("latin-1"))
    with gzip.open(tmp_path / "raw.csv.gz", "wt") as file:
        file.write(text)
    with zipfile.ZipFile(tmp_path / "raw.zip", "w") as archive:
        archive.writestr("raw.csv", text)
    for name in ("latin.csv", "raw.csv.gz", "raw.zip"):
        assert prepare("assist2009", [tmp_path / name]).hash == plain.hash
    (tmp_path / "names.csv").write_bytes(ASSIST2017.replace("algebra", "álgebra").encode("latin-1"))
    dataset = prepare("assist2017", [tmp_path / "names.csv"])
    assert dataset.skills == ["álgebra"]
    assert dataset.notes == ["names.csv is not UTF-8; read as Latin-1"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"PAR1\x00\x00", "a binary file"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"user_id,log_id,correct\n1,2,1\n", "line 1: no column sequence_id"),
        (ASSIST2015.replace(",", "\t").encode(), "Its columns are separated by tabs: save it with commas"),
        (gzip.compress(ASSIST2015.encode(), mtime=0), "Compressed files must be named .gz or .zip"),
        (b"a,b\n1,2\n", "The publisher's file for assist2015 is 2015_100_skill_builders_main_problems.csv"),
        (ASSIST2009.encode(), "It looks like assist2009"),
        (b'user_id,log_id,sequence_id,correct\n1,2,3,1\n1,"2,3,1\n', "1 unbalanced quotation mark, line 3"),
        (b"user_id,log_id,sequence_id,correct\n", "no usable row"),
        (b"user_id,log_id,sequence_id,correct,correct\n1,2,3,1,0\n", "line 1: more than one column correct"),
        (
            b'user_id,log_id,sequence_id,correct,"note\n1,2,3,1,x\n1,3,3,1,"y"\n',
            "a quotation mark among the names of the columns is not closed",
        ),
        (b'"\x01', "a quotation mark among the names of the columns is not closed"),
        (b"\n" + ASSIST2015.encode(), "found an empty line"),
        (ASSIST2015.encode("utf-16-le"), "save a spreadsheet as CSV in UTF-8"),
        (ASSIST2015.encode("utf-16")[:-1], "and goes on as something else"),
        (b"user_id,log_id,sequence_id,correct\n1,2,3,7\n", "no usable row"),
        (b"user_id,log_id,sequence_id,correct\n1,2,3,1\n1,3,3,1\n", "no student with 3 answers"),
    ],
)
def test_a_wrong_file_is_named_with_the_place(tmp_path, content, message):
    path = tmp_path / "raw.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        prepare("assist2015", [path])
    assert str(path) in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + ASSIST2015,
        ASSIST2015.replace("user_id,log_id,sequence_id", '"user_id", log_id ,sequence_id'),
        ASSIST2015.replace("b,5,s1,1", " b,5, s1 ,1 "),
        "".join(line + ",\n" for line in ASSIST2015.splitlines()),
        ASSIST2015.split("\n", 1)[0] + "\n" + "".join(line + ",\n" for line in ASSIST2015.splitlines()[1:]),
        ASSIST2015.replace("\n", "\r\n"),
    ],
    ids=["byte order mark", "spaced header", "spaced values", "empty column", "delimiter at the end", "CRLF"],
)
def test_how_a_table_is_written_changes_nothing(tmp_path, text):
    assert read(tmp_path, "assist2015", text).hash == read(tmp_path, "assist2015", ASSIST2015).hash


def test_a_byte_order_mark_before_latin_1_is_no_part_of_a_name(tmp_path):
    path = tmp_path / "raw.csv"
    path.write_bytes(b"\xef\xbb\xbf" + ASSIST2017.replace("algebra", "álgebra").encode("latin-1"))
    assert prepare("assist2017", [path]).skills == ["álgebra"]


def test_rows_read_are_kept_or_dropped(tmp_path):
    for name, text in (("assist2009", ASSIST2009), ("assist2015", ASSIST2015), ("assist2017", ASSIST2017)):
        info = read(tmp_path, name, text).info
        assert info.rows_read == len(text.splitlines()) - 1 == info.interactions + sum(info.dropped.values())


def test_algebra2005_takes_quotation_marks_for_text(tmp_path):
    """KDD Cup files quote nothing; read as quotes, the marks would swallow every row between them."""
    text = ALGEBRA.replace("x+1=2", '"x+1').replace("x=3", 'x=3"')
    assert rows(read(tmp_path, "algebra2005", text, "a.txt")) == rows(read(tmp_path, "algebra2005", ALGEBRA, "b.txt"))


def test_algebra2005_ignores_empty_parts_of_a_skill_list(tmp_path):
    text = ALGEBRA.replace("add~~solve~~add", "~~add~~ solve~~").replace("\t1\t\n", "\t1\t~~\n")
    assert rows(read(tmp_path, "algebra2005", text, "a.txt")) == rows(read(tmp_path, "algebra2005", ALGEBRA, "b.txt"))


def test_one_student_of_one_skill_is_a_data_set(tmp_path):
    info = read(tmp_path, "assist2015", "user_id,log_id,sequence_id,correct\n1,1,a,1\n1,2,a,0\n1,3,a,1\n").info
    assert (info.students, info.skills, info.interactions) == (1, ["a"], 3)


def test_broken_archives_and_wrong_paths_are_named(tmp_path):
    whole = gzip.compress(ASSIST2015.encode() * 500)
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "no.csv.gz").write_text("plain text")
    (tmp_path / "no.zip").write_text("plain text")
    for name in ("cut.csv.gz", "no.csv.gz", "no.zip"):
        with pytest.raises(DataError, match=rf"{name}.*Download the file again"):
            prepare("assist2015", [tmp_path / name])
    with pytest.raises(DataError, match="no such file"):
        prepare("assist2015", [tmp_path / "nowhere.csv"])
    with pytest.raises(DataError, match="a folder"):
        prepare("assist2015", [tmp_path])
    with pytest.raises(DataError, match="one raw file"):
        prepare("assist2015", [tmp_path, tmp_path])
    with pytest.raises(ConfigError, match=r"did you mean assist201\d\? Known are assist2009, assist2012"):
        prepare("assist2010", [tmp_path])
