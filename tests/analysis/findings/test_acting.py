"""Parameters that cannot reach a metric, and ones that can."""

import pytest

from gaintrace.analysis.findings.acting import no_effect_seen, parameter_cannot_act
from gaintrace.store import open_store
from tests.analysis.findings.evidence import evidence, texts

PHASE1 = """
base: {{training: {{bce_loss_weight: 0.2, epochs: 6, clip_scope: {scope}}}}}
grid:
  learning_curve.beta_skill_init: [1.5, 2.0, 2.5]
  learning_curve.m_sat_init: [0.7, 0.8, 0.9]
  learning_curve.gamma_student_init: [0.9, 1.0, 1.1]
  learning_curve.sigmoid_offset: [1.5, 2.0, 2.5]
objective: {{rank_by: {rank_by}}}
"""


def found(tmp_path, text, scores, **details):
    made = evidence(open_store(tmp_path), text, scores, **details)
    return [*parameter_cannot_act(made), *no_effect_seen(made)]


def by_curve(swept):
    """E2 as in the study's Phase 1, E1 the same but in the fifth decimal."""
    beta, m_sat, gamma, offset = swept.values()
    return 0.6860 + beta * 1e-6, 0.5 + beta / 100 - m_sat / 200 + gamma / 150 - offset / 110


def test_phase_1_trained_encoder_1_many_times_for_one_answer(tmp_path):
    (finding,) = found(tmp_path, PHASE1.format(scope="global", rank_by="test_e2_auc"), by_curve)
    assert finding.text.startswith("E1 came out the same in all of 81 trainings")
    assert "no proof that it cannot" in finding.text
    assert "clip_scope per_encoder" in finding.text
    assert finding.numbers["trained"] == 81
    assert finding.numbers["std"] < 5e-5


def test_an_encoder_that_was_shared_was_trained_once(tmp_path):
    text = PHASE1.format(scope="per_encoder", rank_by="test_e2_auc")
    everyone = evidence(open_store(tmp_path), text, by_curve).table["run_id"].tolist()
    for named in (everyone, [min(everyone)]):  # as before there were thousands, and as now
        assert not found(tmp_path / str(len(named)), text, by_curve, shared_e1_with=named)


def test_one_training_a_seed_is_compared_with_no_other(tmp_path):
    """Encoder 1 is shared within each of three seeds, so that three trainings differ by their seeds."""
    text = "grid: {learning_curve.beta_skill_init: [1.0, 2.0, 3.0]}\nseeds: [1, 2, 3]\n"

    def scores(swept):
        return 0.68 + swept["training.seed"] / 100, 0.5 + swept["learning_curve.beta_skill_init"] / 100

    runs = evidence(open_store(tmp_path / "ids"), text, scores).table
    first = {seed: own["run_id"].min() for seed, own in runs.groupby("seed")}
    shared = [
        finding.name for finding in found(tmp_path, text, scores, shared_e1_with=lambda s: [first[s["training.seed"]]])
    ]
    assert "no_effect_seen" not in shared


def test_curve_parameters_have_no_way_to_encoder_1(tmp_path):
    def scores(swept):
        return 0.68 + by_curve(swept)[1] / 100, by_curve(swept)[1]

    for rule, instead in (
        ("test_e1_auc", "test_e2_auc or combined"),
        ("valid_e1_auc", "valid_e2_auc or valid_combined"),
    ):
        (finding,) = found(tmp_path, PHASE1.format(scope="per_encoder", rank_by=rule), scores)
        assert finding.text.endswith(f"Rank by {instead}.")
    text = PHASE1.format(scope="per_encoder", rank_by="test_e1_auc")
    (finding,) = found(tmp_path, text, scores)
    assert "cannot reach E1" in finding.text
    assert finding.numbers["parameters"] == ["beta_skill_init", "m_sat_init", "gamma_student_init", "sigmoid_offset"]
    assert not found(tmp_path, PHASE1.format(scope="global", rank_by="test_e1_auc"), scores)
    assert not found(tmp_path, PHASE1.format(scope="per_encoder", rank_by="combined"), scores)


@pytest.mark.parametrize(
    ("swept", "rank_by", "said"),
    [
        ("model.aggregate: [none, mastery]", "valid_combined", "cannot reach E1 + 0.5 · E2, which ranks"),
        ("model.aggregate: [none, mastery]", "test_e2_auc", "See E3 instead."),
        ("training.aggregate_loss_weight: [0.5, 1.0]", "test_e2_auc", "Rank by test_e3_auc."),
        ("model.dropout: [0.1, 0.2]", "test_e2_auc", None),
    ],
)
def test_what_only_a_third_encoder_has_reaches_no_other(tmp_path, swept, rank_by, said):
    base = "gain: evidence, curve: per_skill, aggregate: mastery"
    text = f"base: {{model: {{{base}}}}}\ngrid: {{{swept}}}\nobjective: {{rank_by: {rank_by}}}\n"
    findings = found(tmp_path, text, lambda swept: (0.7 + sum(map(len, map(str, swept.values()))) / 100, 0.6))
    hidden = [finding.text for finding in findings if "cannot reach" in finding.text]
    assert hidden == [finding.text for finding in findings if said and said in finding.text]
    assert len(hidden) == (said is not None)


@pytest.mark.parametrize(("scope", "count"), [("per_encoder", 1), ("global", 0)])
def test_a_loss_weight_acts_through_the_shared_norm_alone(tmp_path, scope, count):
    text = f"base: {{training: {{clip_scope: {scope}}}}}\ngrid: {{training.bce_loss_weight: [0.3, 0.5, 0.8]}}\n"
    findings = found(tmp_path, text, lambda swept: (0.7 + swept["training.bce_loss_weight"] / 100, 0.5 + 0.01))
    assert sum("hardly a way to act" in text for text in texts(findings)) == count


@pytest.mark.parametrize(
    "text",
    [
        "base: {training: {loss_weighting: learned}}\ngrid: {training.bce_loss_weight: [0.3, 0.5, 0.8]}\n",
        "grid: {training.bce_loss_weight: [0.3, 0.8], training.loss_weighting: [fixed, learned]}\n",
    ],
)
def test_nothing_is_said_of_a_loss_weight_that_is_a_start(tmp_path, text):
    def scores(swept):
        learned = swept.get("training.loss_weighting") == "learned"
        return 0.7 + swept["training.bce_loss_weight"] / 100 + learned, 0.5 + swept["training.bce_loss_weight"] / 50

    assert not found(tmp_path, text, scores)


@pytest.mark.parametrize(("values", "count"), [([0.2, 0.8], 1), ([0.0, 0.8], 0), ([0.5, 1.0], 0)])
def test_a_weight_that_leaves_an_encoder_no_loss_is_no_scale(tmp_path, values, count):
    text = f"grid: {{training.bce_loss_weight: {values}}}\n"
    findings = found(tmp_path, text, lambda swept: (0.7 + swept["training.bce_loss_weight"] / 100, 0.5))
    assert sum("hardly a way to act" in text for text in texts(findings)) == count


@pytest.mark.parametrize(("weighting", "hidden"), [("fixed", ["curve_learning_rate"]), ("learned", [])])
def test_the_curve_s_learning_rate_reaches_encoder_1_through_a_learned_weight(tmp_path, weighting, hidden):
    text = (
        f"base: {{training: {{loss_weighting: {weighting}}}}}\n"
        "grid: {training.curve_learning_rate: [0.01, 0.02]}\nobjective: {rank_by: test_e1_auc}\n"
    )
    findings = found(tmp_path, text, lambda swept: (0.7 + swept["training.curve_learning_rate"], 0.5))
    assert [name for finding in findings for name in finding.numbers["parameters"]] == hidden


def test_a_parameter_that_changes_no_bit_did_nothing(tmp_path):
    text = """
base: {training: {clip_scope: global}}
grid: {learning_curve.threshold_temperature: [1.0, 1.5], training.learning_rate: [0.001, 0.002]}
seeds: [1, 2]
"""

    def scores(swept):
        return 0.7 + swept["training.learning_rate"], 0.5 + swept["training.learning_rate"] + swept["training.seed"]

    (finding,) = found(tmp_path, text, scores)
    assert finding.numbers == {"parameters": ["threshold_temperature"], "metric": None, "identical": True}
    assert not found(
        tmp_path, text, lambda swept: (scores(swept)[0], swept["learning_curve.threshold_temperature"] / 3)
    )
