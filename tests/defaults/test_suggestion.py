"""What is suggested for a data set from what came out on others, and whether its properties say anything."""

import numpy as np
import pytest
import yaml

from gaintrace.cli.suggest import suggest as command
from gaintrace.config import RunConfig, SweepSpec, SyntheticConfig, parse_spec
from gaintrace.data.dataset import save_dataset
from gaintrace.data.synthetic import generate
from gaintrace.defaults import suggestion as module
from gaintrace.defaults.suggestion import properties, suggest, suggested_spec
from gaintrace.errors import ConfigError
from gaintrace.runs.result import DataName, EncoderMetrics, Metrics, RunResult
from gaintrace.store import open_store
from gaintrace.sweeps.data import reference
from gaintrace.sweeps.plan import make_plan, write_plan

WEIGHTS = [0.2, 0.5, 0.8]


def simulated(students, skills=5):
    return SyntheticConfig(students=students, skills=skills, mean_length=10, seed=students)


def put(store, students, scores, skills=5, weights=WEIGHTS):
    """A sweep on simulated students whose runs, one a weight, have these AUCs on validation."""
    base = RunConfig.model_validate({"data": {"synthetic": simulated(students, skills).model_dump()}})
    spec = SweepSpec(name=f"s{students}", base=base, grid={"training.bce_loss_weight": weights[: len(scores)]})
    plan = make_plan(spec, reference(base, generate(base.data.synthetic)))
    write_plan(store, plan)
    for run, score in zip(plan.runs, scores, strict=True):
        metrics = Metrics(e1=EncoderMetrics(auc=score), e2=EncoderMetrics(auc=0.5))
        result = RunResult(
            run_id=run.run_id,
            status="succeeded",
            config_hash=run.config_hash,
            data=DataName(name=plan.data.name, hash=plan.data.hash),
            code_version=plan.code_version,
            valid=metrics,
        )
        store.write(f"runs/{run.run_id}/result.json", result.model_dump_json().encode())


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)


def silent(text):
    raise AssertionError(text)


def test_properties_are_counted():
    dataset = generate(simulated(50))
    found = properties(dataset)
    frame = dataset.interactions
    pairs = len(set(zip(frame["student"], frame["skill"], strict=True)))
    assert (found.interactions, found.skills) == (len(frame), 5)
    assert found.correct == pytest.approx(frame["response"].mean())
    assert found.repetition == pytest.approx(len(frame) / pairs)


def test_where_properties_decide_they_are_followed_and_their_error_is_told(store):
    small, large = [20, 22, 24, 26], [400, 420, 440, 460]
    for students in small:
        put(store, students, [0.70, 0.66, 0.60], skills=3)
    for students in large:
        put(store, students, [0.60, 0.66, 0.70], skills=40)
    found = suggest(store, generate(simulated(430, 40)), silent)
    assert found.by == "properties"
    assert found.swept == {"training.bce_loss_weight": 0.8}
    assert {one.by_properties for one in found.left_out} == {0.0}
    assert [one.by_default for one in found.left_out] == pytest.approx([0.04] * 8)
    assert found.gain.mean == pytest.approx(0.04)
    assert suggest(store, generate(simulated(23, 3)), silent).swept == {"training.bce_loss_weight": 0.2}
    assert "0.0000 behind the best known there in the mean, the best of the others 0.0400" in found.text
    assert "properties predict better" in found.text


def test_where_they_say_nothing_one_default_is_suggested_and_that_is_said(store):
    for students in (20, 60, 180, 540):
        put(store, students, [0.60, 0.70, 0.65])
    found = suggest(store, generate(simulated(100)), silent)
    assert (found.by, found.swept) == ("default", {"training.bce_loss_weight": 0.5})
    assert "properties predict nothing better than one default for all" in found.text
    assert [one.by_default for one in found.left_out] == [0.0] * 4


def test_an_advantage_within_noise_is_no_advantage(store):
    draw = np.random.default_rng(3)
    for students in (20, 40, 80, 160, 320):
        put(store, students, [float(auc) for auc in draw.uniform(0.6, 0.7, 3)])
    assert suggest(store, generate(simulated(100)), silent).by == "default"


def test_a_data_set_that_is_known_gets_what_was_best_on_it(store):
    put(store, 20, [0.7, 0.6])
    put(store, 40, [0.6, 0.7])
    found = suggest(store, generate(simulated(40)), silent)
    assert (found.by, found.swept) == ("itself", {"training.bce_loss_weight": 0.5})


def test_two_data_sets_without_a_configuration_in_common_suggest_nothing(store):
    put(store, 20, [0.7, 0.6])
    with pytest.raises(ConfigError, match="no two configurations were trained on the same two data sets"):
        suggest(store, generate(simulated(100)), silent)


def test_configurations_are_shared_by_the_data_sets_that_each_was_trained_on(store):
    for students in (20, 40, 60):
        put(store, students, [0.7])
    for students in (40, 60, 80):
        put(store, students, [0.6], weights=[0.5])
    found = suggest(store, generate(simulated(100)), silent)
    assert (len(found.datasets), found.configurations, found.swept) == (2, 2, {"training.bce_loss_weight": 0.2})


def test_a_data_set_that_cannot_be_read_is_named_and_left_out(store, tmp_path):
    put(store, 20, [0.7, 0.6])
    put(store, 40, [0.7, 0.6])
    save_dataset(generate(simulated(60)), open_store(tmp_path / "data"))
    spec = parse_spec(f"name: gone\nbase: {{data: {{dataset: {tmp_path / 'data'}}}}}", "here")
    write_plan(store, make_plan(spec, reference(spec.base, generate(simulated(60)))))
    (tmp_path / "data" / "dataset.json").unlink()
    notes = []
    assert suggest(store, generate(simulated(100)), notes.append).datasets == ["synthetic", "synthetic"]
    assert len(notes) == 1
    assert notes[0].startswith("gone-")


def test_what_is_suggested_can_be_trained(store, tmp_path, capsys):
    put(store, 20, [0.7, 0.6])
    put(store, 40, [0.7, 0.6])
    save_dataset(generate(simulated(60)), open_store(tmp_path / "mine"))
    command(data=str(tmp_path / "mine"), out=str(tmp_path), to=str(tmp_path / "start.yaml"))
    shown = capsys.readouterr().out
    assert "suggested: training.bce_loss_weight 0.2" in shown
    assert "Two data sets cannot tell" in shown
    assert f"train {tmp_path}/start.yaml --data {tmp_path}/mine --out {tmp_path}` trains it" in shown
    spec = parse_spec((tmp_path / "start.yaml").read_text(), "start.yaml")
    assert (spec.size(), spec.base.training.bce_loss_weight, spec.base.data.synthetic) == (1, 0.2, None)
    assert yaml.safe_load((tmp_path / "start.yaml").read_text())["name"] == "suggested"
    assert suggested_spec(suggest(store, generate(simulated(60)), silent)) == spec.model_copy(
        update={"description": spec.description.replace("mine", "synthetic")}
    )


def test_far_away_the_nearest_still_counts():
    matrix, places = np.array([[0.7, 0.6], [0.6, 0.7]]), np.array([[1.0], [1.1]])
    assert module._by_properties(matrix, places, np.array([1000.0])) == 1
