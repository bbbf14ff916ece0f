"""Predictions are those of evaluation, and nothing that a student did later, or another student, changes them."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from gaintrace.data.readers.csv import Columns, read
from gaintrace.data.synthetic import generate
from gaintrace.errors import ConfigError
from gaintrace.store import open_store
from gaintrace.use import predictions as module
from gaintrace.use.answered import of_answers, of_dataset
from gaintrace.use.predictions import predicted
from gaintrace.use.trained import load_trained
from tests.conftest import small_run
from tests.use.trained_run import EVIDENCE, IRT, PAST, of_several_skills, train

CPU = torch.device("cpu")
TABLE = Columns("pupil", "topic", "right", item="exercise")
ONE_EPOCH = {"epochs": 1}


def frame_of(tables):
    return pa.concat_tables(tables).to_pandas()


def table_of(dataset):
    """A data set as a table of a school would have it."""
    rows = dataset.interactions
    return pd.DataFrame(
        {
            "pupil": dataset.students["uid"].to_numpy()[rows["student"]],
            "topic": np.array(dataset.skills)[rows["skill"]],
            "right": rows["response"].to_numpy(),
            "exercise": np.array([*dataset.items, "none"])[rows["item"]],
        }
    )


@pytest.mark.parametrize("overlap", [0, 5])
@pytest.mark.parametrize("model", [{}, PAST, PAST | EVIDENCE], ids=["published", "past", "evidence"])
@pytest.mark.parametrize("several", [False, True], ids=["one skill an answer", "several"])
def test_every_prediction_of_the_test_evaluation_is_made_again(tmp_path, model, overlap, several):
    store = open_store(tmp_path)
    data = {"max_sequence_length": 12, "evaluation_overlap": overlap}
    dataset = of_several_skills() if several else None
    run = train(store, dataset, data=data | ({} if several else IRT), model=model, training=ONE_EPOCH)
    trained = load_trained(store, run, CPU)
    dataset = dataset or generate(trained.config.data.synthetic)
    found = frame_of(predicted(trained, of_dataset(trained, dataset), "every", None))
    recorded = pd.read_parquet(tmp_path / "runs" / run / "predictions.parquet")
    recorded["skill"] = np.array(dataset.skills)[recorded["skill"]]
    recorded["student"] = dataset.students["uid"].to_numpy()[recorded["student"]]
    both = recorded.merge(found, on=["student", "position", "skill"], suffixes=("", "_again"), validate="1:1")
    assert len(both) == len(recorded) > 150
    for name, again in (
        ("e1", "probability"),
        ("e2", "probability_by_mastery"),
        ("mastery", "mastery_again"),
        ("ability", "ability_again"),
    ):
        assert (both[name] - both[again]).abs().max() < 1e-6, name
    assert (both["response"] == both["response_again"]).all()


def test_the_next_answer_is_predicted_as_evaluation_would(tmp_path):
    """Of a history without its last answer, as a table of students whom nobody has seen."""
    store = open_store(tmp_path)
    run = train(store, data={"max_sequence_length": 40} | IRT, model=PAST | EVIDENCE, training=ONE_EPOCH)
    trained = load_trained(store, run, CPU)
    dataset = generate(trained.config.data.synthetic)
    table = table_of(dataset)
    last = ~table.duplicated("pupil", keep="last")
    seen = table[~last].assign(pupil="new " + table["pupil"])
    skills = list(range(4))
    found = frame_of(predicted(trained, of_answers(trained, read(seen, TABLE), "table"), "last", skills))
    assert len(found) == 90 * 4
    every = frame_of(predicted(trained, of_dataset(trained, dataset), "every", skills))
    position = table.groupby("pupil").size() - 1
    there = every[every["position"] == every["student"].map(position)].assign(student=lambda f: "new " + f["student"])
    both = found.merge(there, on=["student", "skill"], suffixes=("", "_again"), validate="1:1")
    for name in module.NUMBERS:
        assert (both[name] - both[f"{name}_again"]).abs().max() < 1e-6, name


def test_counts_say_what_mastery_rests_on(tmp_path):
    store = open_store(tmp_path)
    trained = load_trained(store, train(store, training=ONE_EPOCH), CPU)
    rows = [("ann", 0, 1), ("ann", 1, 0), ("ann", 0, 1), ("bob", 2, 0)] + [("cy", 3, 1)] * 43
    table = pd.DataFrame([(p, f"skill-{s}", r) for p, s, r in rows], columns=["pupil", "topic", "right"])
    answered = of_answers(trained, read(table, Columns("pupil", "topic", "right")), "table")
    assert answered.notes == [
        "1 student with more than 40 answers: what comes next is predicted from the last 39; at every answer, as in "
        "the run's evaluation, history begins anew after every 40"
    ]
    found = frame_of(predicted(trained, answered, "last", None)).set_index(["student", "skill"])
    assert found.loc[("ann", "skill-0"), ["practice", "right", "history"]].tolist() == [2, 2, 3]
    assert found.loc[("ann", "skill-1"), ["practice", "right", "history"]].tolist() == [1, 0, 3]
    assert found.loc[("bob", "skill-3"), ["practice", "right", "history"]].tolist() == [0, 0, 1]
    assert found.loc[("cy", "skill-3"), ["practice", "right", "history"]].tolist() == [39, 39, 39]
    assert found.index.get_level_values(0).unique().tolist() == ["ann", "bob", "cy"]


def test_where_a_chunk_begins_the_longest_window_before_it_is_read(tmp_path):
    store = open_store(tmp_path)
    trained = load_trained(store, train(store, training=ONE_EPOCH), CPU)
    table = pd.DataFrame({"pupil": "ann", "topic": ["skill-1"] * 80, "right": 1})
    answered = of_answers(trained, read(table, Columns("pupil", "topic", "right")), "table")
    found = frame_of(predicted(trained, answered, "every", [1]))
    assert found["position"].tolist() == list(range(1, 81))
    assert found["history"].tolist() == [*range(1, 40), 39, *range(1, 40), 39]


def test_no_table_is_larger_than_its_bound_and_all_agree(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    trained = load_trained(store, train(store, training=ONE_EPOCH), CPU)
    answered = of_dataset(trained, generate(trained.config.data.synthetic))
    for at, skills in (("last", None), ("every", None), ("every", [0, 3])):
        whole = frame_of(predicted(trained, answered, at, skills))
        monkeypatch.setattr(module, "ROWS", 70)
        parts = list(predicted(trained, answered, at, skills))
        monkeypatch.undo()
        assert max(map(len, parts)) <= 70
        parted = frame_of(parts)
        pd.testing.assert_frame_equal(parted, whole, check_exact=False, atol=1e-6)


def test_what_a_run_does_not_know_is_left_out_and_said(tmp_path):
    store = open_store(tmp_path)
    run = train(store, of_several_skills(), model=EVIDENCE, training=ONE_EPOCH)
    trained = load_trained(store, run, CPU)
    rows = [("ann", "skill 0", 1, "exercise 1"), ("ann", "cooking", 0, "x"), ("ann", "skill 1", 0, "new")]
    table = pd.DataFrame([*rows, ("bob", "cooking", 1, "x")], columns=["pupil", "topic", "right", "exercise"])
    answered = of_answers(trained, read(table, TABLE), "table")
    assert answered.notes == [
        f"left out: 2 answers on 1 skill that run {run} was not trained on (cooking); nothing is predicted there",
        "nothing is predicted for 1 student who answered no skill that it knows",
        "1 answer on items that its training did not know: as hard as their skill",
    ]
    found = frame_of(predicted(trained, answered, "last", None))
    assert set(found["student"]) == {"ann"}
    assert (found["history"] == 2).all()
    with pytest.raises(ConfigError, match=r"was trained on no skill 'skil 0'; did you mean skill 0\?"):
        trained.numbers_of(["skil 0"])


def test_a_known_item_counts(tmp_path):
    store = open_store(tmp_path)
    run = train(store, of_several_skills(), model=PAST | EVIDENCE)
    trained = load_trained(store, run, CPU)
    assert trained.vocabulary.items == [f"exercise {i}" for i in range(8)]
    table = pd.DataFrame({"pupil": "ann", "topic": ["skill 0", "skill 1"], "right": [1, 0], "exercise": "exercise 2"})
    known, unknown = (
        frame_of(predicted(trained, of_answers(trained, read(rows, TABLE), "table"), "last", None))
        for rows in (table, table.assign(exercise="another"))
    )
    assert (known["probability"] != unknown["probability"]).all()


def test_a_run_of_before_finds_its_skills_in_its_data(tmp_path):
    store = open_store(tmp_path)
    run = train(store, training=ONE_EPOCH)
    now = load_trained(store, run, CPU)
    store.delete(f"runs/{run}/vocabulary.json")
    before = load_trained(store, run, CPU)
    assert before.vocabulary == now.vocabulary
    assert small_run().data.synthetic.skills == len(before.skills)
