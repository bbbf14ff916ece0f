"""The verdict: two sentences that say no more than the numbers do."""

import pytest

from gaintrace.analysis.summary import analyse
from gaintrace.report.aggregate import aggregate
from gaintrace.report.tables import statistics_table
from gaintrace.report.verdict import verdict
from gaintrace.store import open_store
from tests.made_results import fail, planned, predict, published, succeed

GLOBAL = ["base.training.clip_scope=global"]


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)


def judged(store, plan):
    return verdict(analyse(store, plan).summary)


def with_skills(store, skills, more=""):
    text = (
        f"name: made\nbase: {{training: {{clip_scope: global}}}}\ngrid: {{training.bce_loss_weight: {list(skills)}}}\n"
    )
    plan = planned(store, text + more)
    for index, run in enumerate(plan.runs):
        predict(store, plan, index, skills[run.config.training.bce_loss_weight])
    return judged(store, plan)


@pytest.mark.thorough
def test_equals_are_not_ranked_and_give_no_advice(store):
    plan = planned(store, overrides=GLOBAL)
    for index in range(6):
        succeed(store, plan, index, 0.7, 0.6)
    summary = aggregate(store, plan.sweep_id)
    found = verdict(summary)
    assert found.result.startswith("All 6 configurations reached the same: E1 + 0.5 · E2 = 1.0000")
    assert found.trust == "So nothing came out best."
    assert "edge_of_the_grid" not in [finding.name for finding in summary.findings]
    for name in ("report.md", "report.html"):
        assert "try" not in store.read(f"sweeps/{plan.sweep_id}/{name}").decode().lower()


def test_a_shared_first_rank_is_told(store):
    plan = planned(store)
    for index in range(6):
        succeed(store, plan, index, 0.7 if index < 2 else 0.69, 0.6)
    result = judged(store, plan).result
    assert result.startswith("bce_loss_weight 0.3 and 0.4 share the first rank of 6, with E1 + 0.5 · E2 = 1.0000")


def test_runs_without_an_auc_are_not_said_to_have_failed(store):
    plan = planned(store, "name: made\ngrid: {training.bce_loss_weight: [0.3, 0.8]}\n")
    for index in range(2):
        succeed(store, plan, index, 0.7, 0.6, valid=(None, None))
    assert judged(store, plan).result.startswith(
        "2 of 2 runs succeeded, and none has the AUC that ranks (valid_combined)"
    )


def test_what_is_better_on_test_than_the_first_is_named(store):
    plan = planned(
        store,
        "name: made\ngrid: {training.bce_loss_weight: [0.3, 0.8]}\n"
        + "base: "
        + str({"training": {"clip_scope": "global"}})
        + "\n",
    )
    for index, skill in enumerate([0.3, 1.0]):
        predict(store, plan, index, skill, valid=(0.9 - index / 10, 0.6))
    assert judged(store, plan).trust.startswith("But on test bce_loss_weight 0.8 is better, by +")


def test_the_best_of_many_is_said_to_be_flattered_where_test_picked_it(store):
    rule = "objective: {rank_by: combined}\n"
    found = with_skills(store, {0.3: 1.0, 0.5: 1.0, 0.8: 1.0}, rule)
    assert found.notes[-1].startswith(
        "Picked by E1 + 0.5 · E2 on test (rank_by: combined), the study's rule: as the best"
    )
    assert "is flattered by about 0.00" in found.notes[-1]


def test_without_results_there_is_nothing_to_rank(store):
    plan = planned(store)
    fail(store, plan, 0)
    found = judged(store, plan)
    assert found.result == "None of the 6 runs succeeded (1 failed, 5 not finished)."


def test_one_configuration_is_reported_not_compared(store):
    plan = planned(store, "name: made\n")
    succeed(store, plan, 0, 0.7, 0.5)
    found = judged(store, plan)
    assert found.result == (
        "The configuration reached E1 + 0.5 · E2 = 0.9515 on validation "
        "(test AUC: E1 + 0.5 · E2 0.9500, E1 0.7000, E2 0.5000)."
    )
    assert "nothing to compare" in found.trust


def test_a_parameter_that_begins_a_sentence_keeps_its_name(store):
    plan = planned(store, "name: made\ngrid: {training.learning_rate: [0.002]}\n")
    succeed(store, plan, 0, 0.7, 0.5)
    assert judged(store, plan).result.startswith("learning_rate 0.002 reached ")
    assert statistics_table(analyse(store, plan).summary) is None, "of one run there are none"


def test_the_epoch_picked_comes_before_all_else(store):
    plan = planned(store, overrides=GLOBAL)
    for index, epoch in enumerate([5, 5, 5, 3, 3, 3]):
        succeed(store, plan, index, 0.7 - index / 10_000, 0.55, best_epoch=epoch)
    found = judged(store, plan)
    assert found.result.startswith("bce_loss_weight 0.3 ranks first of 6 configurations")
    assert "of the difference in E2 is which epoch was picked" in found.trust
    assert "one seed and one fold nothing says" in found.trust


def test_noise_is_called_noise(store):
    found = with_skills(store, {0.3: 1.0, 0.5: 1.0, 0.8: 1.0}, "seeds: [1, 2, 3]\n")
    assert "means of 3 runs" in found.result
    assert found.trust == "But that is within noise; none of the 3 configurations can be told from the best."


def test_ties_at_the_top_are_named(store):
    found = with_skills(store, {0.3: 1.0, 0.5: 0.997, 0.8: 0.5})
    assert found.trust == "But bce_loss_weight 0.5 cannot be told from the best."


def test_one_seed_measures_no_noise_of_training_and_is_not_said_to(store):
    found = with_skills(store, {0.3: 0.3, 0.5: 1.0, 0.8: 0.5})
    assert found.trust.startswith("The lead on test over every other configuration is beyond the intervals (95 %)")
    assert "the randomness of training is taken to make, which one seed and one fold cannot show" in found.trust
    assert "more than noise" not in found.trust


def test_a_lead_beyond_the_students_alone_is_not_decided_by_one_seed(store):
    found = with_skills(store, {0.3: 1.0, 0.8: 0.97})
    assert "whether it is more than the randomness of training, one seed and one fold cannot say" in found.trust


def test_what_is_more_than_noise_is_said_to_be(store):
    found = with_skills(store, {0.3: 0.6, 0.5: 1.0, 0.8: 0.8}, "seeds: [1, 2, 3]\n")
    assert found.trust == (
        "The lead on test over every other configuration is more than noise (95 % intervals over the choice of the 200 "
        "test students and the randomness of training (3 seeds))."
    )


def test_a_weight_that_cannot_act_is_not_credited(store):
    plan = planned(store)
    for index in range(6):
        succeed(store, plan, index, 0.7, 0.5 + index / 1000)
    assert "hardly a way to act" in judged(store, plan).trust


def test_criteria_and_other_rankings_are_told(store):
    text = """
name: made
base: {training: {clip_scope: global}}
grid: {learning_curve.beta_skill_init: [1, 2, 3], learning_curve.sigmoid_offset: [1, 2, 3]}
objective: {rank_by: test_e2_auc}
success: {test_e1_auc: 0.9}
"""
    plan = planned(store, text)
    for index in range(9):
        succeed(store, plan, index, 0.7 - index / 500, 0.5 + index / 1000)
    found = judged(store, plan)
    assert "E2 = 0.5080 on test (test AUC: E1 0.6840)" in found.result
    assert "Success criteria: missed on E1 AUC." in found.notes
    assert "By E1 + 0.5 · E2, beta_skill_init 1, sigmoid_offset 1 ranks first." in found.notes


def test_gaps_and_met_criteria_are_notes(store):
    plan = published(store)
    assert judged(store, plan).notes == [
        "Success criteria: met.",
        "Picked by E1 + 0.5 · E2 on test (rank_by: combined), the study's rule: as the best of 6, its number is "
        "flattered by luck; by how much cannot be said without predictions.",
    ]
    store.delete(f"runs/{plan.runs[3].run_id}/result.json")
    assert "0 failed and 1 not finished of 6 planned." in judged(store, plan).notes


def test_ties_by_the_study_s_alpha_are_no_first_rank(store):
    plan = planned(store, "name: made\ngrid: {training.bce_loss_weight: [0.2, 0.5, 0.8]}\n")
    for index, (e1, valid) in enumerate([(0.70, 0.75), (0.72, 0.70), (0.72, 0.71)]):
        succeed(store, plan, index, e1, 0.6, valid=(valid, 0.6))
    notes = judged(store, plan).notes
    assert "By E1 + 0.5 · E2 on test, bce_loss_weight 0.8 and 0.5 share the first rank." in notes
    (finding,) = [f for f in analyse(store, plan).summary.findings if f.name == "splits_disagree"]
    assert "and shares the first on test with 1 more" in finding.text
    assert finding.numbers["as_good_on_test"] == 1


def test_the_best_is_not_blamed_for_others_predictions(store):
    plan = planned(store, "name: made\ngrid: {learning_curve.beta_skill_init: [1.0, 2.0, 3.0]}\n")
    for index in range(3):
        predict(store, plan, index, 1 - index / 10)
        if index:
            store.write(f"runs/{plan.runs[index].run_id}/predictions.parquet", b"damaged")
    assert judged(store, plan).trust.startswith("Without all predictions of any other, nothing here says whether")


def test_luck_never_takes_anything_away(store):
    plan = planned(store, "name: made\ngrid: {training.bce_loss_weight: [0.2, 0.8]}\nobjective: {rank_by: combined}\n")
    for index in range(2):
        predict(store, plan, index, 1 - index / 2)
    summary = analyse(store, plan).summary
    for optimism, said in ((-0.0023, "though not measurably so here"), (0.0023, "about 0.0023")):
        comparison = summary.comparison.model_copy(update={"optimism": optimism})
        (note,) = [n for n in verdict(summary.model_copy(update={"comparison": comparison})).notes if "flattered" in n]
        assert said in note
