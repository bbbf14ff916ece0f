"""Public data sets of one table beside those of test_readers.py: what is an answer, and what is dropped."""

import pytest

from gaintrace.data.prepare import prepare
from gaintrace.errors import DataError
from tests.data.test_bad_cells import content

ASSIST2012 = """problem_log_id,skill,problem_id,user_id,start_time,end_time,correct,skill_id
1,Area,10,7,2012-09-28 15:11:27.5,2012-09-28 15:12:00,1,3.0
2,,11,7,2012-09-28 15:13:00,2012-09-28 15:14:00,1,
3,Area,12,7,2012-09-28 15:11:27,2012-09-28 15:12:00,0,3.0
4,Area,12,7,2012-09-28 15:11:27,2012-09-28 15:12:00,0,3.0
5,Sum,13,7,2012-09-29 08:00:00,2012-09-29 08:01:00,0.25,4.0
6,Sum,13,7,2012-09-29 08:02:00,2012-09-29 08:03:00,1,4.0
7,Sum,13,7,2012-09-29 08:04:00,,1,4.0
"""
STATICS = """Row,Anon Student Id,Problem Name,Step Name,First Transaction Time,First Attempt,KC (F2011)
1,Stu_b,axis,load_x,2011/9/21 17:35,correct,a
2,Stu_b,axis,load_x,2011/10/1 7:05,incorrect,a
3,Stu_b,axis,load_y,2011/9/21 9:35,hint,a
4,Stu_b,axis,"load_y, too",2011/9/21 9:36,Correct,a
5,Stu_b,axis,load_x,2011/10/1 7:05,incorrect,a
6,Stu_a,axis,load_x,2011/9/21 17:35,correct,a
7,Stu_a,axis,load_x,2011/9/22 17:35,correct,a
8,Stu_a,axis,load_x,2011/9/23 17:35,unknown,a
9,Stu_a,axis,load_x,2011/9/24 17:35,incorrect,
"""
POJ = """Run ID,User,Problem,Result,Memory,Submit Time
1,ann,1000,Accepted,1,2013-03-01 10:00:00
2,ann,1001,Wrong Answer,1,2013-03-01 09:00:00
3,ann,1001,Waiting,1,2013-03-01 09:30:00
4,ann,1001,Time Limit Exceeded,1,2013-03-01 11:00:00
5,,1001,Accepted,1,2013-03-01 12:00:00
"""
BRIDGE = (
    "Row\tAnon Student Id\tProblem Name\tStep Name\tFirst Transaction Time\tCorrect First Attempt\tKC(SubSkills)\n"
    "1\ts\tP_1\tx\t2006-10-26 09:51:58.0\t1\tadd, then_sub~~solve\n"
    "2\ts\tP_1\ty\t2006-10-26 09:51:57.0\t0\tsolve\n"
    "3\ts\tP_1\tz\t2006-10-26 09:51:59.0\t1\t\n"
    "4\ts\tP_2\tx\t2006-10-27 09:51:58.0\t1\tsolve\n"
)


def read(tmp_path, name, text):
    (tmp_path / "raw").write_text(text)
    return prepare(name, [tmp_path / "raw"])


def test_assist2012_orders_by_the_start_and_leaves_partial_credit_out(tmp_path):
    dataset = read(tmp_path, "assist2012", ASSIST2012)
    assert content(dataset) == [("7", 0, "3", 0), ("7", 1, "3", 1), ("7", 2, "4", 1)]
    assert dataset.interactions["item"].tolist() == [0, 1, 2]
    assert list(dataset.dropped.values()) == [1] * 4
    assert {reason.partition(" user_id")[0] for reason in dataset.dropped} == {
        "missing skill_id",
        "missing end_time",
        "correct is neither 0 nor 1",
        "duplicate",
    }


def test_statics2011_takes_steps_for_skills_and_orders_students_by_id(tmp_path):
    dataset = read(tmp_path, "statics2011", STATICS)
    assert content(dataset) == [
        ("Stu_a", 0, "axis----load_x", 1),
        ("Stu_a", 1, "axis----load_x", 1),
        ("Stu_a", 2, "axis----load_x", 0),
        ("Stu_b", 0, "axis----load_y, too", 1),
        ("Stu_b", 1, "axis----load_x", 1),
        ("Stu_b", 2, "axis----load_x", 0),
    ]
    assert dataset.dropped_at == {
        "First Attempt is hint": "line 4",
        "First Attempt is neither correct nor incorrect": "line 9",
        "duplicate Anon Student Id, Problem Name, Step Name, First Transaction Time, First Attempt": "line 6",
    }


def test_poj_takes_a_verdict_for_a_response(tmp_path):
    dataset = read(tmp_path, "poj", POJ)
    assert content(dataset) == [("ann", 0, "1001", 0), ("ann", 1, "1000", 1), ("ann", 2, "1001", 0)]
    assert dataset.dropped_at == {"missing User": "line 6", "Result is no verdict": "line 4"}


def test_bridge2algebra2006_keeps_the_skills_of_a_step_in_one_answer(tmp_path):
    dataset = read(tmp_path, "bridge2algebra2006", BRIDGE)
    assert content(dataset) == [
        ("s", 0, "solve", 0),
        ("s", 1, "add, then_sub", 1),
        ("s", 1, "solve", 1),
        ("s", 2, "solve", 1),
    ]
    assert dataset.dropped == {"missing KC(SubSkills)": 1}
    with pytest.raises(DataError, match=r"no column KC\(Default\).* It looks like bridge2algebra2006"):
        read(tmp_path, "algebra2005", BRIDGE)
