"""Findings about encoder 2, on results where they hold and on results where they must be silent."""

import numpy as np
import pytest

from gaintrace.analysis.findings.mastery import degenerate_mastery, exposure_not_mastery, parameters_did_not_move
from gaintrace.config import DataConfig, SyntheticConfig
from gaintrace.data.synthetic import generate
from gaintrace.runs.interpretability import spread as measured_spread
from gaintrace.runs.result import Association, GainStatistics, Interpretability, LearnedParameter, Spread
from gaintrace.runs.targets import Targets
from gaintrace.store import open_store
from tests.analysis.findings.evidence import evidence

GRID = "grid: {learning_curve.beta_skill_init: [1.5, 2.0, 2.5]}\nbase: {training: {learning_rate: 1.74e-4}}\n"


def even(_swept):
    return 0.7, 0.55


def learned(by):
    """β and θ after training that moved them by so much."""

    def found(swept):
        starts = {"beta_skill": swept["learning_curve.beta_skill_init"], "threshold": 0.6}
        return {
            name: LearnedParameter(start=start, mean=start + by, min=start, max=start + 2 * by)
            for name, start in starts.items()
        }

    return found


def test_parameters_that_stay_at_their_start_are_named(tmp_path):
    made = evidence(open_store(tmp_path), GRID, even, learned=learned(0.035), steps=1000)
    (finding,) = parameters_did_not_move(made)
    assert finding.numbers["parameters"]["beta_skill"] == {"moved": pytest.approx(0.035), "scale": 0.5, "of": "grid"}
    assert finding.numbers["parameters"]["threshold"]["of"] == "start"
    assert finding.numbers["adam_bound"] == pytest.approx(0.174)
    assert "beta_skill by 0.035 (grid spacing 0.5) and threshold by 0.035 (start 0.6)" in finding.text
    assert "about 0.17" in finding.text


@pytest.mark.parametrize("details", [{"learned": learned(-0.4), "steps": 1000}, {}])
def test_parameters_that_moved_or_are_unknown_are_not(tmp_path, details):
    assert not list(parameters_did_not_move(evidence(open_store(tmp_path), GRID, even, **details)))


def test_parameters_that_parted_around_their_start_have_moved(tmp_path):
    def parted(swept):
        return {"m_sat": LearnedParameter(start=0.7, mean=0.71, min=0.3, max=0.98)}

    assert not list(parameters_did_not_move(evidence(open_store(tmp_path), GRID, even, learned=parted, steps=1000)))


def spread(mastery, e2=0.15):
    """Of probabilities by mastery alone that vary so much among equals, beside those of encoder 2 in all."""
    return {
        "e1": Spread(std=0.25, min=0.02, max=0.99, among_equals=0.2),
        "e2": Spread(std=e2, min=0.10, max=0.90, among_equals=e2),
        "mastery": Spread(std=0.1, min=0.40, max=0.52, among_equals=mastery),
    }


def gain(std, right=0.601, wrong=0.599):
    return GainStatistics(mean=0.6, std=std, after_correct=right, after_wrong=wrong)


def test_constant_gains_and_a_mastery_that_hardly_varies_say_little(tmp_path):
    made = evidence(open_store(tmp_path), GRID, even, gain=gain(0.0015), spread=spread(0.02))
    (finding,) = degenerate_mastery(made)
    assert finding.numbers == {
        "gain": 0.6, "gain_variation": pytest.approx(0.0025), "gain_by_answer": pytest.approx(0.002 / 0.6),
        "after_correct": 0.601, "after_wrong": 0.599, "mastery_ratio": pytest.approx(0.1), "lowest": 0.40,
        "highest": 0.52, "runs": 3,
    }  # fmt: skip
    assert finding.text == (
        "Mastery says little: the gains are nearly constant (0.600, varying by 0.2 %; 0.601 after a correct answer, "
        "0.599 after a wrong one; medians of 3 runs), so mastery counts practice; and among students with equally "
        "many answers on a skill, the probabilities that mastery gives by itself have 10 % of the standard deviation "
        "of encoder 1's (over all, they lie between 0.40 and 0.52)."
    )


def test_gains_that_vary_with_all_but_the_answer_count_practice(tmp_path):
    (finding,) = degenerate_mastery(evidence(open_store(tmp_path), GRID, even, gain=gain(0.1)))
    assert "the gains are the same whatever was answered (0.600; 0.601 after a correct answer" in finding.text


SIGNED = GainStatistics(mean=-0.01, std=0.2, after_correct=0.15, after_wrong=-0.2)
BEFORE = {side: Spread(std=std, min=0.1, max=0.9) for side, std in (("e1", 0.2), ("e2", 0.01))}


@pytest.mark.parametrize(
    "details",
    [
        {"gain": gain(0.2, 0.7, 0.5), "spread": spread(0.15)},
        {"gain": SIGNED},
        {"gain": GainStatistics(mean=0.6, std=0.1, after_correct=0.6, after_wrong=None)},
        {"spread": BEFORE},
        {"spread": spread(None)},
        {},
    ],
)
def test_a_mastery_that_varies_or_is_unknown_is_not_degenerate(tmp_path, details):
    assert not list(degenerate_mastery(evidence(open_store(tmp_path), GRID, even, **details)))


@pytest.mark.parametrize(("counts", "ability"), [(True, 1.0), (True, 0.0), (False, 1.0), (False, 0.0)])
def test_mastery_that_counts_practice_is_found_whatever_ability_is_beside_it_and_other_mastery_is_not(
    tmp_path, counts, ability
):
    """Probabilities of encoder 2 as a run leaves them; ability alone makes them vary as much as encoder 1's."""
    dataset = generate(SyntheticConfig(students=200, skills=5, mean_length=30, simulator="irt"))
    frame = dataset.interactions.rename(columns={"step": "position"})
    own = np.log(frame["true_mastery"] / (1 - frame["true_mastery"])).astype("float64")
    frame["mastery"] = frame.groupby(["student", "skill"]).cumcount() / 40 if counts else frame["true_mastery"]
    frame["ability"] = ability * np.random.default_rng(1).normal(size=200)[frame["student"]]
    told = 2 * frame["mastery"] if counts else own
    frame["e1"], frame["e2"] = (1 / (1 + np.exp(-logit)) for logit in (own, told + frame["ability"]))
    found = measured_spread(frame, Targets.of(frame, dataset, DataConfig()))
    assert (found["e2"].among_equals > 0.1) == (ability > 0 or not counts)
    findings = list(degenerate_mastery(evidence(open_store(tmp_path), GRID, even, spread=found)))
    assert len(findings) == counts


def measured(within, share, falls=0, **more):
    nothing = Association(mean=None, groups=0)
    return Interpretability(
        mastery_falls=falls,
        mastery_auc=0.603,
        mastery_within_skill_auc=within,
        right_share_within_skill_auc=share,
        future_within_skills=nothing,
        future_within_students=nothing,
        calibration={},
        **more,
    )


def test_mastery_that_ranks_a_skills_answers_worse_than_their_share_is_exposure(tmp_path):
    counting = measured(0.504, 0.671, skill_base_rate_auc=0.613, mastery_exposure_correlation=0.245)
    (finding,) = exposure_not_mastery(evidence(open_store(tmp_path), GRID, even, interpretability=counting))
    assert finding.text == (
        "This is exposure, not mastery: among answers on one skill its AUC is 0.504, where the share of right answers "
        "so far has 0.671; over all skills it has 0.603, and the skill's base rate, which knows no student, 0.613; "
        "it correlates +0.245 with earlier answers on the skill (medians). Do not read it as what a student knows; "
        "base.model.gain=evidence, with base.model.curve=per_skill, is made for that."
    )
    assert finding.numbers["runs"] == 3
    (short,) = exposure_not_mastery(evidence(open_store(tmp_path), GRID, even, interpretability=measured(0.5, 0.6)))
    assert "base rate" not in short.text


def test_evidence_that_falls_behind_counting_is_not_called_exposure_nor_advised_to_become_evidence(tmp_path):
    def by_gain(swept):
        return measured(0.6, 0.65, None if swept["model.gain"] == "evidence" else 0)

    text = "grid: {model.gain: [linear, evidence]}\nbase: {model: {curve: per_skill}}\n"
    exposure, behind = exposure_not_mastery(evidence(open_store(tmp_path), text, even, interpretability=by_gain))
    assert exposure.text.startswith("This is exposure, not mastery in 1 of 2 runs: among")
    assert behind.text.startswith("This is less than counting right answers in 1 of 2 runs: among")
    assert "evidence" not in behind.text


@pytest.mark.parametrize("details", [{"interpretability": measured(0.69, 0.671)}, {}, {"interpretability": None}])
def test_mastery_that_earns_its_name_or_was_not_measured_is_not(tmp_path, details):
    assert not list(exposure_not_mastery(evidence(open_store(tmp_path), GRID, even, **details)))
