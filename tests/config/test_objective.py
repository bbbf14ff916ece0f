"""What ranks: validation unless a sweep says otherwise, and the study's sweeps say otherwise."""

import pytest
from pydantic import ValidationError

from gaintrace.config import Objective, SweepSpec, load_spec
from gaintrace.sweeps.plan import Plan, make_plan
from tests.made_results import DATA

METRICS = {
    "valid_combined": ("combined", "valid_combined", "combined"),
    "valid_e1_auc": ("e1", "valid_e1_auc", "test_e1_auc"),
    "valid_e2_auc": ("e2", "valid_e2_auc", "test_e2_auc"),
    "valid_e3_auc": ("e3", "valid_e3_auc", "test_e3_auc"),
    "combined": ("combined", "valid_combined", "combined"),
    "test_e1_auc": ("e1", "valid_e1_auc", "test_e1_auc"),
    "test_e2_auc": ("e2", "valid_e2_auc", "test_e2_auc"),
    "test_e3_auc": ("e3", "valid_e3_auc", "test_e3_auc"),
}


@pytest.mark.parametrize("rank_by", METRICS)
def test_every_rule_has_its_score_on_both_splits(rank_by):
    objective = Objective(rank_by=rank_by, alpha=2.0)
    scored, valid, test = METRICS[rank_by]
    assert (objective.scored, objective.valid_metric, objective.test_metric) == (scored, valid, test)
    assert objective.on_validation == (rank_by == valid)
    aucs = {"e1": 0.7, "e2": 0.6, "e3": 0.8}
    assert objective.score(aucs) == {"combined": 0.7 + 2 * 0.6, **aucs}[scored]
    assert objective.words == {"combined": "E1 + 2 · E2", "e1": "E1", "e2": "E2", "e3": "E3"}[scored]


@pytest.mark.parametrize("asked", [{"objective": {"rank_by": "valid_e3_auc"}}, {"success": {"test_e3_auc": 0.7}}])
def test_e3_is_asked_for_only_where_every_run_has_a_third_encoder(asked):
    model = {"gain": "evidence", "curve": "per_skill"}
    with_it = {"name": "s", "base": {"model": model | {"aggregate": "mastery"}}} | asked
    assert SweepSpec.model_validate(with_it).sides == ("e1", "e2", "e3")
    for lacking in ({"base": {"model": model}}, {"grid": {"model.aggregate": ["none", "mastery"]}}):
        with pytest.raises(ValidationError, match=r"third encoder, which not every run has.*base\.model\.aggregate"):
            SweepSpec.model_validate(with_it | lacking)


def test_validation_picks_unless_the_study_s_rule_is_asked_for():
    rules = {"phase1": "test_e2_auc", "phase2": "combined", "published": "combined", "demo": "valid_combined"}
    assert {name: load_spec(name).objective.rank_by for name in rules} == rules
    assert SweepSpec(name="s").objective.rank_by == "valid_combined"


def test_a_sweep_with_its_rule_written_out_keeps_its_id():
    """An objective is a rule and α, no more: what was planned before is read, and found again."""
    before = load_spec("phase2").model_dump(mode="json")
    assert before["objective"] == {"rank_by": "combined", "alpha": 0.5}
    plan = make_plan(SweepSpec.model_validate(before), DATA)
    assert plan.sweep_id == make_plan(load_spec("phase2"), DATA).sweep_id
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_the_rule_decides_no_run():
    one, other = (
        make_plan(load_spec("demo", [f"objective.rank_by={rule}"]), DATA) for rule in ("valid_combined", "combined")
    )
    assert one.sweep_id != other.sweep_id
    assert [run.run_id for run in one.runs] == [run.run_id for run in other.runs]
