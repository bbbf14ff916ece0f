"""What is measured of the mastery encoder: each number against a slow way to it, and words that follow the numbers."""

import re
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.analysis.table import MASTERY_COLUMNS
from gaintrace.config import RunConfig, Simulator
from gaintrace.data.dataset import Dataset
from gaintrace.data.synthetic import simulate
from gaintrace.model.curves import PerSkillCurve
from gaintrace.report.aggregate import aggregate
from gaintrace.report.readings import readings
from gaintrace.report.words import MASTERY_NAMES, SIMULATOR_NAMES
from gaintrace.runs.interpretability import (
    LEAST,
    association,
    calibration,
    curve_recovery,
    interpret,
    learned,
)
from gaintrace.runs.result import GainStatistics, RunResult
from gaintrace.runs.targets import Chains, Targets, future_correctness
from gaintrace.store import open_store
from tests.conftest import small_run
from tests.made_results import planned, succeed

WEIGHTS = {"e2": {"curve.threshold": torch.tensor([0.25]), "curve.temperature": torch.tensor([1.5])}}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def made(students=30, each=40, skills=4, seed=0):
    """Students whose mastery rises with practice and decides their answers, beside an ability of no use."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"student": np.repeat(np.arange(students), each), "position": np.tile(np.arange(each), students)}
    )
    frame["skill"] = rng.integers(0, skills, len(frame))
    frame["mastery"] = sigmoid(frame.groupby(["student", "skill"]).cumcount() / 2 - 2)
    logit = 6 * (frame["mastery"] - 0.5)
    frame["response"] = (rng.random(len(frame)) < sigmoid(logit)).astype("int8")
    frame["ability"] = rng.normal(0, 3, len(frame))
    frame["e2"] = sigmoid(logit + frame["ability"])
    frame["e1"] = sigmoid(logit)
    return frame


def dataset_of(frame):
    """The data set whose targets these are: the students of the frame, all of whom train."""
    students = frame["student"].nunique()
    interactions = frame[["student", "skill", "response"]].reset_index(drop=True)
    return Dataset("made", interactions, pd.DataFrame({"fold": np.ones(students, int)}), ["a", "b", "c", "d"])


def interpreted(frame, config=None):
    config, dataset = config or RunConfig(), dataset_of(frame.sort_values(["student", "position"]))
    return interpret(frame, Targets.of(frame, dataset, config.data), config, WEIGHTS)


def test_a_fall_of_mastery_is_counted_inside_a_chunk_and_not_between_chunks():
    frame, config = made(), RunConfig.model_validate({"data": {"max_sequence_length": 20}})
    second = frame["position"] >= 20
    frame.loc[second, "mastery"] = sigmoid(frame[second].groupby(["student", "skill"]).cumcount() / 2 - 2)
    assert interpreted(frame, config).mastery_falls == 0
    assert interpreted(frame.sample(frac=1, random_state=1), config).mastery_falls == 0
    assert interpreted(frame).mastery_falls > 0
    frame.loc[[19, 59], "mastery"] = -0.5  # the last of their chunks
    assert interpreted(frame, config).mastery_falls == 2


def future_of(frame):
    """Without windows."""
    student, skill, response = (frame[name].to_numpy() for name in ("student", "skill", "response"))
    return future_correctness(response, Chains.of(student, np.zeros_like(student), skill))


def associated(frame, by):
    return association(*(frame[name].to_numpy() for name in (by, "mastery", "future")), LEAST[by])


def test_future_correctness_is_the_share_from_here_on():
    frame = made(students=3, each=12, skills=2)
    future = future_of(frame)
    for row in frame.index:
        at = frame.loc[row]
        later = frame[(frame["student"] == at["student"]) & (frame["skill"] == at["skill"]) & (frame.index >= row)]
        assert future[row] == pytest.approx(later["response"].mean())


def test_mastery_that_decides_answers_is_told_from_an_ability_that_does_not():
    measured = interpreted(made())
    assert measured.mastery_auc > 0.75
    assert measured.mastery_within_skill_auc > 0.75
    assert measured.mastery_exposure_correlation > 0.5
    assert measured.future_within_skills.mean > 0.3
    assert measured.future_within_students.groups == 30
    assert measured.calibration["e1"].error < 0.05 < measured.calibration["e2"].error


def test_groups_without_enough_targets_do_not_count():
    frame = made(students=2, each=12)
    frame["future"] = future_of(frame)
    assert associated(frame, "skill").groups == 0
    assert associated(frame, "skill").mean is None
    assert associated(frame, "student").groups == 2
    assert associated(frame.assign(mastery=0.5), "student").mean is None


@pytest.mark.parametrize("by", ["skill", "student"])
def test_associations_are_those_of_each_group_by_itself(by):
    frame = made(students=60, each=35).sample(frac=1, random_state=2)
    frame.loc[frame["student"] == 7, "mastery"] = 0.25
    frame["future"] = np.random.default_rng(1).random(len(frame)).round(1)
    least = LEAST[by]
    found = [
        float(np.corrcoef(group["mastery"], group["future"])[0, 1])
        for _, group in frame.groupby(by)
        if len(group) >= least and group["mastery"].nunique() > 1 and group["future"].nunique() > 1
    ]
    measured = associated(frame, by)
    assert measured.groups == len(found)
    assert measured.mean == pytest.approx(np.mean(found), rel=0, abs=1e-15)


@given(values=st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_the_calibration_error_is_the_textbooks(values):
    probability = pd.Series([p for p, _ in values])
    response = pd.Series([int(r) for _, r in values])
    found = calibration(probability.to_numpy(), response.to_numpy())
    expected = 0.0
    for b in range(15):
        inside = [(p, r) for p, r in zip(probability, response, strict=True) if min(int(p * 15), 14) == b]
        if inside:
            expected += abs(sum(p for p, _ in inside) - sum(r for _, r in inside)) / len(values)
    assert found.error == pytest.approx(expected, abs=1e-9)
    assert sum(b.targets for b in found.bins) == len(values)


def test_parameters_equal_to_the_simulated_ones_are_recovered():
    config = small_run()
    truth = simulate(config.data.synthetic)[1]
    curve = PerSkillCurve(config.learning_curve, 5)
    with torch.no_grad():
        curve.log_beta_skill[0] = torch.tensor(truth.beta).log()
        curve.logit_m_sat[0] = torch.tensor(truth.m_sat).logit()
        curve.offset[0] = torch.tensor(-truth.offset)
    weights = {"e2": {f"curve.{name}": tensor[0] for name, tensor in curve.state_dict().items()}}
    found = curve_recovery(config, weights)
    assert found["beta_skill"] == pytest.approx(1, abs=1e-5)
    assert found["m_sat"] == pytest.approx(1, abs=1e-5)
    assert found["offset"] == pytest.approx(-1, abs=1e-5)
    assert found["threshold"] is None  # the same for all skills
    assert learned(config, weights)["beta_skill"].max == pytest.approx(float(truth.beta.max()))
    assert curve_recovery(RunConfig(), weights) is None
    other = small_run(data={"synthetic": {"skills": 5, "simulator": "bkt"}})
    assert curve_recovery(other, weights) is None, "it has no such parameters"


@pytest.mark.thorough
def test_the_report_says_what_was_measured(tmp_path):
    store = open_store(tmp_path)
    plan = planned(store, "name: made")
    succeed(store, plan, 0, 0.7, 0.6)
    key = f"runs/{plan.runs[0].run_id}/result.json"
    gain = GainStatistics(mean=0.5, std=0.1, after_correct=0.6, after_wrong=0.4)
    result = RunResult.model_validate_json(store.read(key))
    measured = interpreted(made())
    for falls, words in ((0, "mastery never fell"), (3, "fell 3 times")):
        changed = measured.model_copy(update={"mastery_falls": falls})
        store.write(
            key, result.model_copy(update={"interpretability": changed, "gain": gain}).model_dump_json().encode()
        )
        summary = aggregate(store, plan.sweep_id)
        assert summary.interpretability == changed
        page = (tmp_path / "sweeps" / plan.sweep_id / "report.html").read_text()
        assert words in page
        assert f"AUC {measured.mastery_auc:.4f}" in page
        assert f"Among answers on one skill it has AUC {measured.mastery_within_skill_auc:.4f}" in page
        assert "0.600 after a correct answer" in page
        assert (tmp_path / "sweeps" / plan.sweep_id / "figures" / "reliability.svg").is_file()


@pytest.mark.parametrize(
    ("simulator", "falls", "said", "circular"),
    [
        ("curve", 0, "(curve: a learning curve of practice): mastery correlates 0.862", True),
        (None, 0, "(curve: a learning curve of practice): mastery correlates 0.862", True),
        ("curve", None, "(curve: a learning curve of practice): mastery correlates 0.862", False),
        ("bkt", 0, "(bkt: skills known or not, with slips and guesses): mastery correlates 0.862", False),
        ("irt", None, "(irt: ability and skills that grow with practice, against items' difficulty): mastery", False),
    ],
)
def test_the_report_says_which_simulation_mastery_was_recovered_from_and_where_that_is_circular(
    tmp_path, simulator, falls, said, circular
):
    store = open_store(tmp_path)
    plan = planned(store, "name: made")
    succeed(store, plan, 0, 0.7, 0.6)
    key = f"runs/{plan.runs[0].run_id}/result.json"
    result = RunResult.model_validate_json(store.read(key))
    told = interpreted(made()).model_copy(update={"mastery_falls": falls})
    more = {"interpretability": told, "mastery_recovery": 0.862, "simulator": simulator}
    store.write(key, result.model_copy(update=more).model_dump_json().encode())
    (sentence,) = (text for text in readings(aggregate(store, plan.sweep_id)) if "simulated" in text)
    assert said in sentence
    assert ("circular" in sentence) == circular
    assert set(SIMULATOR_NAMES) == set(get_args(Simulator))


@pytest.mark.thorough
def test_the_report_sets_what_mastery_is_worth_beside_base_rate_and_exposure_for_every_run(tmp_path):
    store = open_store(tmp_path)
    plan = planned(store, "name: made\ngrid: {training.bce_loss_weight: [0.3, 0.7]}")
    for place, within in enumerate((0.5042, 0.6816)):
        succeed(store, plan, place, 0.7 - place / 100, 0.6)
        key = f"runs/{plan.runs[place].run_id}/result.json"
        measured = {"mastery_within_skill_auc": within, "mastery_exposure_correlation": -0.11}
        result = RunResult.model_validate_json(store.read(key))
        told = interpreted(made()).model_copy(update={"skill_base_rate_auc": 0.6083, "mastery_auc": 0.7141} | measured)
        store.write(key, result.model_copy(update={"interpretability": told}).model_dump_json().encode())
    aggregate(store, plan.sweep_id)
    folder = tmp_path / "sweeps" / plan.sweep_id
    lines = (folder / "report.md").read_text().splitlines()
    assert "| 0.3 | 0.6083 | 0.7141 | 0.5042 | −0.1100 |" in lines
    assert "| 0.7 | 0.6083 | 0.7141 | 0.6816 | −0.1100 |" in lines
    page = re.sub(r"<td[^>]*>", "<td>", (folder / "report.html").read_text())
    assert "<td>0.7</td><td>0.6083</td><td>0.7141</td><td>0.6816</td>" in page
    assert tuple(MASTERY_NAMES) == MASTERY_COLUMNS
