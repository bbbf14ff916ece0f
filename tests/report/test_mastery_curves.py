"""Mastery by practice and its figures, and `gaintrace trajectories` as a whole."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.cli.trajectories import trajectories
from gaintrace.errors import ConfigError
from gaintrace.report.figures.mastery import (
    LABEL_GAP,
    MasteryPanel,
    apart,
    most_practised,
    practice_panel,
    student_panel,
)
from gaintrace.report.figures.mastery import trajectories as draw
from gaintrace.report.figures.style import svg
from gaintrace.report.mastery_curves import LEAST_STUDENTS, Curve, asked_twice, curves
from gaintrace.store import open_store
from tests.sweeps.test_shard import sweep


def predictions(students=12, times=4, mastery=0.1):
    """Every student is asked skill 3 `times` times and skill 1 once; mastery of skill 3 is `mastery` a time."""
    rows = [(s, t, 3, t % 2, mastery * (t + 1)) for s in range(students) for t in range(times)]
    rows += [(s, times, 1, 1, 0.5) for s in range(students)]
    return pd.DataFrame(rows, columns=["student", "position", "skill", "response", "mastery"])


def test_a_curve_is_the_mean_over_students_at_each_time_they_are_asked():
    (curve,) = curves({"a": predictions(), "b": predictions(mastery=0.2)})
    assert curve.skill == 3, "a skill asked once is no curve"
    assert curve.mastery["a"] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert curve.mastery["b"] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert curve.correct == [0, 1, 0, 1]
    assert curve.students == [12] * 4
    shuffled = predictions().sample(frac=1, random_state=1)
    assert curves({"a": shuffled}) == curves({"a": predictions()})


def test_means_over_few_students_are_left_out():
    frame = predictions()
    few = frame[(frame["student"] < LEAST_STUDENTS - 1) | (frame["position"] < 2)]
    assert curves({"a": few})[0].students == [12, 12]
    assert curves({"a": predictions(students=LEAST_STUDENTS - 1)}) == []


def test_runs_on_other_targets_are_not_laid_side_by_side():
    with pytest.raises(ConfigError, match="different test sets"):
        curves({"a": predictions(), "b": predictions(students=11)})


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4).map(sorted))
def test_labels_keep_their_order_their_distance_and_the_panel(heights):
    places = apart(heights)
    assert places == sorted(places)
    assert max(places) <= 1
    assert all(b - a >= LABEL_GAP - 1e-9 for a, b in pairwise(places))


def test_the_skills_practised_most_are_drawn():
    assert most_practised([5, 2, 2, 7, 7, 1, 9]) == [2, 7, 5, 1]


def test_a_figure_is_the_same_text_every_time_and_says_what_it_is():
    panel = MasteryPanel("student <a>", {"x": pd.Series([0.1, 0.2, 0.2]).to_numpy()}, {"x": [(1, 1), (2, 0)]})
    figure = draw([panel])
    assert figure == draw([panel])
    assert figure.startswith('<svg role="img" aria-label="Mastery over time, a panel a student')
    assert "student &lt;a&gt;" in figure


def test_names_of_a_data_set_cannot_break_out_of_a_figure():
    panel = MasteryPanel('" onload="x()', {"<b>": pd.Series([0.1, 0.2]).to_numpy()}, {"<b>": [(1, 1)]})
    curve = Curve(0, {"best": [0.1, 0.2]}, [0.5, 0.5], [10, 10])
    for figure in (svg(student_panel(panel)), svg(practice_panel(curve, '"><script>'))):
        elements = list(ElementTree.fromstring(figure).iter())
        assert not [element for element in elements if element.tag.endswith(("}b", "}script"))]
        assert not [element for element in elements if "onload" in element.attrib]


def test_the_command_writes_every_skill_and_both_figures(tmp_path, capsys):
    store = open_store(tmp_path)
    plan, _ = sweep(store, {"training.bce_loss_weight": [0.2, 0.8]}, training={"epochs": 1})
    run, other = (planned.run_id for planned in plan.runs)
    trajectories(run, students=3, against=other, out=str(tmp_path))
    output = capsys.readouterr().out
    assert "these are the 3 at equal steps of their rank" in " ".join(output.split())
    folder = tmp_path / "runs" / run / "trajectories"
    table = pd.read_parquet(folder / "mastery-3-students.parquet")
    assert table["student"].nunique() == 3
    assert (table.groupby(["student", "time"]).size() == 5).all()
    falls = table.sort_values("time", kind="stable").groupby(["student", "skill"])["mastery"].diff()
    assert falls.min() >= -1e-6
    answers = table[table["practised"]]
    assert set(answers["response"]) <= {0, 1}
    assert (answers.groupby(["student", "time"]).size() == 1).all()
    practice = (folder / f"practice-against-{other}.svg").read_text()
    assert re.search(rf"mastery, run {other}", practice)
    before = table.copy()
    files = {file.name for file in folder.iterdir()}
    trajectories(run[:6], students=2, against=other[:6], out=str(tmp_path))
    trajectories(run, students=3, out=str(tmp_path))
    pd.testing.assert_frame_equal(before, pd.read_parquet(folder / "mastery-3-students.parquet"))
    assert pd.read_parquet(folder / "mastery-2-students.parquet")["student"].nunique() == 2
    assert {file.name for file in folder.iterdir()} > files
    with pytest.raises(ConfigError, match="has no finished run nothing"):
        trajectories(run, students=3, against="nothing", out=str(tmp_path))


def test_too_few_students_are_counted_for_one_skill_not_over_all():
    """Six of seven are asked something twice, but no more than four of them the same."""
    twice = {0: 0, 1: 0, 2: 0, 3: 0, 4: 1, 5: 1}
    rows = [(student, skill) for student, skill in twice.items() for _ in range(3)] + [(6, 0), (6, 1)]
    assert asked_twice(pd.DataFrame(rows, columns=["student", "skill"])) == (4, 7)
