"""Mastery over time: what the encoder says of every skill agrees with its predictions, and never falls."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.data.dataset import Dataset
from gaintrace.data.synthetic import generate
from gaintrace.errors import DataError, StoreError
from gaintrace.model.dual import build_mastery
from gaintrace.report.trajectories import (
    StudentHistory,
    choose_students,
    load_encoder,
    mastery_over_time,
    panels,
    trajectory_table,
)
from gaintrace.store import open_store
from tests.conftest import small_run
from tests.sweeps.test_shard import sweep

KINDS = [("scalar", "published", "none"), ("per_skill", "published", "none"), ("linear", "per_skill", "inferred")]


@pytest.mark.parametrize(("gain", "curve", "ability"), [*KINDS, ("evidence", "per_skill", "inferred")])
def test_after_every_answer_mastery_is_what_the_next_prediction_was_made_with(tmp_path, gain, curve, ability):
    store = open_store(tmp_path)
    model = {"gain": gain, "curve": curve, "ability": ability}
    plan, _ = sweep(store, {}, model=model, training={"epochs": 1})
    run, dataset = plan.runs[0], generate(plan.spec.base.data.synthetic)
    encoder = load_encoder(store, run.run_id, run.config, len(dataset.skills))
    chosen = choose_students(dataset, run.config, 4)
    table = trajectory_table(encoder, chosen.histories, dataset.skills)
    predictions = pd.read_parquet(tmp_path / "runs" / run.run_id / "predictions.parquet")
    compared = 0
    for history in chosen.histories:
        own = table[table["student"] == history.uid].set_index(["time", "skill"])["mastery"]
        for row in predictions[predictions["student"] == history.student].itertuples():
            if 1 <= row.position <= len(history.skill):  # its sequence is one chunk
                assert own[row.position, dataset.skills[row.skill]] == pytest.approx(row.mastery, abs=1e-5)
                compared += 1
    assert compared > 40


@settings(max_examples=40)
@given(
    st.sampled_from(KINDS),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1)), min_size=1, max_size=20),
    st.integers(0, 2**31),
)
def test_mastery_never_falls_and_stays_a_share(kind, answers, seed):
    """Whatever the answers, and whatever training made of the weights."""
    gain, curve, ability = kind
    config = small_run(model={"gain": gain, "curve": curve, "ability": ability})
    encoder = build_mastery(config, 5, 3).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.7 * torch.randn(parameter.shape, generator=generator))
    skill, response = (np.array(column, dtype=np.int64) for column in zip(*answers, strict=True))
    history = StudentHistory(0, "s", skill, response, np.zeros(len(skill), int))
    mastery = mastery_over_time(encoder, history, range(5), 5)
    assert mastery.shape == (5, len(answers) + 1)
    assert ((mastery >= 0) & (mastery <= 1)).all()
    assert (np.diff(mastery, axis=1) >= -1e-6).all()
    if gain != "per_skill":
        unpractised = [s for s in range(5) if s not in skill]
        assert np.ptp(mastery[unpractised], axis=1).max(initial=0) < 1e-6, "nothing else raises it"


def test_the_table_marks_what_was_practised_and_how_it_went():
    encoder = build_mastery(small_run(), 3, 2).eval()
    history = StudentHistory(0, "anna", np.array([2, 0]), np.array([1, 0]), np.zeros(2, int))
    table = trajectory_table(encoder, [history], ["a", "b", "c"])
    assert len(table) == 9
    marked = table[table["practised"]]
    assert marked[["time", "skill", "response"]].values.tolist() == [[1, "c", 1], [2, "a", 0]]
    assert table["response"].isna().sum() == 7
    start = table[table["time"] == 0]
    assert start["mastery"].nunique() == 1, "before the first answer nothing tells the skills of a new model apart"


def students(histories, folds=None):
    """A data set from lists of skills."""
    rows = [(s, t, skill) for s, skills in enumerate(histories) for t, skill in enumerate(skills)]
    frame = pd.DataFrame(rows, columns=["student", "step", "skill"]).assign(item=-1, response=1)
    people = pd.DataFrame({"uid": [f"u{s}" for s in range(len(histories))], "fold": folds or [-1] * len(histories)})
    return Dataset("made", frame, people, ["a", "b", "c"])


def test_students_are_chosen_by_their_rank_in_length_and_ties_by_their_place():
    full = [0, 0, 1, 1, 2, 2]
    histories = [full + [0] * extra for extra in (4, 0, 2, 1, 3, 0)]
    chosen = choose_students(students(histories), small_run(), 3)
    assert [h.uid for h in chosen.histories] == ["u1", "u3", "u0"]
    assert "6 practised at least 3 skills twice" in chosen.rule
    held_out = choose_students(students(histories, folds=[-1, 0, -1, 1, -1, 2]), small_run(), 3)
    assert [h.uid for h in held_out.histories] == ["u2", "u4", "u0"]


def test_the_rule_gives_way_where_histories_are_short_and_says_so():
    chosen = choose_students(students([[0, 0], [1, 1, 2], [0, 1]]), small_run(), 2)
    assert [h.uid for h in chosen.histories] == ["u0", "u1"]
    assert "at least 1 skill twice" in chosen.rule
    with pytest.raises(DataError, match="no student of the test set practised a skill twice"):
        choose_students(students([[0, 1], [1, 2]]), small_run(), 2)


def test_a_long_history_is_shown_as_far_as_one_sequence_reaches():
    (history,) = choose_students(students([[0, 1, 2] * 40]), small_run(), 1).histories
    assert (len(history.skill), history.beyond) == (39, 81)
    (panel,) = panels(build_mastery(small_run(), 3, 1).eval(), [history], ["a", "b", "c"])
    assert panel.title == "student u0, first 39 of 120 interactions"


@pytest.mark.parametrize(
    ("uid", "title"), [("982", "student 982, 2 interactions"), ("student-982", "student-982, 2 interactions")]
)
def test_a_title_says_once_that_it_is_a_student(uid, title):
    history = StudentHistory(0, uid, np.array([0, 0]), np.array([0, 1]), np.zeros(2, int))
    (panel,) = panels(build_mastery(small_run(), 1, 1).eval(), [history], ["a"])
    assert panel.title == title


def test_weights_that_do_not_fit_are_named(tmp_path):
    store = open_store(tmp_path)
    plan, _ = sweep(store, {}, training={"epochs": 1})
    run = plan.runs[0]
    with pytest.raises(StoreError, match="does not fit this version of the model"):
        load_encoder(store, run.run_id, small_run(model={"n_blocks": 3}), 5)
    store.write(f"runs/{run.run_id}/model.safetensors", b"\xff" * 300)
    with pytest.raises(StoreError, match="is damaged"):
        load_encoder(store, run.run_id, run.config, 5)
