"""From Python: a DataFrame becomes a data set, a sweep, a model that is asked; and importing costs nothing."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import gaintrace
from gaintrace.data.synthetic import generate
from gaintrace.errors import ConfigError, DataError
from gaintrace.store import open_store
from tests.conftest import small_run

SPEC = {
    "name": "mine",
    "base": {
        "model": {"d_model": 16, "n_heads": 2, "n_blocks": 1, "d_ff": 16},
        "training": {"epochs": 2, "batch_size": 16, "learning_rate": 0.01},
    },
    "grid": {"training.bce_loss_weight": [0.3, 0.7]},
}
COLUMNS = {"student": "pupil", "skill": "topic", "correct": "right"}


@pytest.fixture(scope="module")
def answers():
    """A table of a school."""
    dataset = generate(small_run().data.synthetic)
    rows = dataset.interactions
    return pd.DataFrame(
        {
            "pupil": dataset.students["uid"].to_numpy()[rows["student"]],
            "topic": np.array(dataset.skills)[rows["skill"]],
            "right": rows["response"] == 1,
            "minute": rows["step"],
        }
    )


@pytest.fixture(scope="module")
def trained(answers, tmp_path_factory):
    """A store and a sweep that was trained on the table."""
    store = tmp_path_factory.mktemp("api") / "store"
    return store, gaintrace.sweep(SPEC, gaintrace.prepare(answers, **COLUMNS, name="class"), store)


def test_importing_loads_nothing_and_preparing_no_torch():
    script = (
        "import sys, gaintrace\n"
        "assert not {'torch', 'pandas', 'gaintrace.api'} & set(sys.modules)\n"
        "assert {'load', 'prepare', 'sweep'} <= set(dir(gaintrace))\n"
        "gaintrace.prepare, gaintrace.sweep, gaintrace.load\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = gaintrace.nothing


def test_a_sweep_gives_tables_and_keeps_its_data(trained):
    store, done = trained
    assert done.results["rank"].tolist() == [1, 2]
    assert done.results["run_id"][0] == done.best
    assert done.configurations["bce_loss_weight"].tolist() == done.results["bce_loss_weight"].tolist()
    assert done.configurations["combined"][0] == pytest.approx(done.results["combined"][0])
    epochs = done.epochs()
    assert set(epochs["run_id"]) == set(done.results["run_id"])
    assert epochs.groupby("run_id").size().tolist() == [2, 2]
    assert open_store(store).exists("datasets/class/dataset.json")
    again = gaintrace.sweep(SPEC, "class", store)
    assert (again.sweep_id, again.best) == (done.sweep_id, done.best)


def test_a_model_predicts_students_that_nobody_has_seen(trained):
    store, done = trained
    model = gaintrace.load(store, done.best)
    new = pd.DataFrame({"pupil": ["zoe", "zoe", "max"], "topic": ["skill-1", "skill-1", "skill-4"], "right": [1, 0, 1]})
    found = model.predict(new, **COLUMNS)
    assert found[["student", "skill"]].values.tolist() == [[s, k] for s in ("zoe", "max") for k in model.skills]
    assert found["probability"].between(0, 1).all()
    wide = model.mastery(new, **COLUMNS)
    assert wide.index.tolist() == ["zoe", "max"]
    assert wide.columns.tolist() == model.skills
    assert wide.stack().tolist() == found["mastery"].tolist()
    over_time = model.mastery(new, **COLUMNS, skills=["skill-1"], at="every")
    assert over_time.index.tolist() == [("zoe", 1), ("zoe", 2), ("max", 1)]
    assert model.predict(new, **COLUMNS, at="every")["response"].tolist() == [0]
    assert model.mastery(new, **COLUMNS, skills=["skill-1", "skill-1"]).columns.tolist() == ["skill-1"]
    assert repr(model) == f"<gaintrace model: run {done.best}, 5 skills>"
    joined = pd.DataFrame({"pupil": ["zoe", "zoe"], "topic": ["skill-1", "skill-1~~skill-2"], "right": [1, 0]})
    with pytest.warns(UserWarning, match="Its skills joined by ~~: say so"):
        model.predict(joined, **COLUMNS)
    assert gaintrace.load(str(store), "mine").run == done.best
    with pytest.warns(UserWarning, match="students trained this run"):
        by_name = model.predict("class")
    with pytest.warns(UserWarning, match="students trained this run"):
        pd.testing.assert_frame_equal(by_name, model.predict(store / "datasets" / "class"))
    with pytest.raises(DataError, match=r"clas: no prepared data set there; did you mean class\?"):
        model.predict("clas")


def test_what_a_model_does_not_know_is_a_warning(trained):
    store, done = trained
    model = gaintrace.load(store, done.best)
    new = pd.DataFrame({"pupil": "zoe", "topic": ["skill-1", "cooking"], "right": 1})
    with pytest.warns(UserWarning, match=r"left out: 1 answer on 1 skill .*\(cooking\)"):
        model.predict(new, **COLUMNS)
    with pytest.raises(DataError, match=r"was trained on none of the skills of these answers \(cooking\)"):
        model.predict(new[1:], **COLUMNS)
    with pytest.raises(ConfigError, match="say which columns are meant"):
        model.predict(new)
    with pytest.raises(ConfigError, match=r"no column 'rihgt' \(correct\); did you mean right\?"):
        model.predict(new, **COLUMNS | {"correct": "rihgt"})


def test_answers_are_put_in_order_and_bad_ones_counted(answers):
    shuffled = answers.sample(frac=1, random_state=0)
    shuffled = pd.concat([shuffled, pd.DataFrame([{"pupil": None, "topic": "a", "right": True, "minute": 1}])])
    dataset = gaintrace.prepare(shuffled, **COLUMNS, time="minute")
    assert dataset.dropped == {"missing pupil": 1}
    of_one = dataset.interactions[dataset.interactions["student"] == 0]
    pupil = answers[answers["pupil"] == dataset.students["uid"][0]]
    assert [dataset.skills[s] for s in of_one["skill"]] == pupil["topic"].tolist()
    assert of_one["response"].tolist() == pupil["right"].astype(int).tolist()


def test_an_answer_may_need_several_skills():
    table = pd.DataFrame({"pupil": "a", "topic": ["x~~y", "x", "y ~~ z"], "right": [1, 0, 1]})
    dataset = gaintrace.prepare(table, **COLUMNS, skill_separator="~~")
    assert dataset.skills == ["x", "y", "z"]
    assert dataset.interactions["step"].tolist() == [0, 0, 1, 2, 2]


def test_a_name_is_not_given_to_two_data_sets(trained, answers):
    store, _ = trained
    other = gaintrace.prepare(answers[:2000], **COLUMNS, name="class")
    with pytest.raises(ConfigError, match="holds another data set"):
        gaintrace.sweep(SPEC, other, store)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: gaintrace.load("store", None), "a sweep's best is None where no run succeeded"),
        (lambda: gaintrace.prepare("new.csv", student="a", skill="b", correct="c"), "a str is no DataFrame"),
        (lambda: gaintrace.sweep("demo", pd.DataFrame(), "store"), "make one of it with gaintrace.prepare"),
    ],
)
def test_what_is_no_argument_is_refused_in_one_line(call, said):
    with pytest.raises(ConfigError, match=said):
        call()
