"""What each rule that picks epochs does to a conclusion."""

import pandas as pd
import pytest

from gaintrace.analysis.epoch_rules import compare_rules
from gaintrace.analysis.summary import analyse
from gaintrace.config import Objective, RunConfig
from gaintrace.report.aggregate import aggregate
from gaintrace.report.selection import selection_conclusion
from gaintrace.store import open_store
from tests.made_results import planned, succeed

E1 = {"early": [0.60, 0.70, 0.69, 0.68], "late": [0.60, 0.69, 0.70, 0.68]}
E2 = {"early": [0.50, 0.52, 0.56, 0.55], "late": [0.50, 0.51, 0.55, 0.56]}


def frames():
    """Two runs whose E1 peaks an epoch apart, while E2 rises in step: the study's artefact in small."""
    return {
        run: pd.DataFrame({"epoch": range(1, 5), "valid_e1_auc": E1[run], "valid_e2_auc": E2[run]})
        for run in ("early", "late")
    }


def test_each_rule_is_applied_to_the_epochs_that_there_are():
    found = {o.rule: o for o in compare_rules(frames(), dict.fromkeys(E1, RunConfig()), Objective(alpha=1.0))}
    picked = {rule: {run.run_id: (run.epoch_e1, run.epoch_e2) for run in o.runs} for rule, o in found.items()}
    assert picked == {
        "valid_e1_auc": {"early": (2, 2), "late": (3, 3)},
        "valid_combined": {"early": (3, 3), "late": (3, 3)},
        "per_encoder": {"early": (2, 3), "late": (3, 4)},
        "same_epoch": {"early": (3, 3), "late": (3, 3)},
    }
    assert [run.run_id for run in found["valid_e1_auc"].runs] == ["late", "early"]
    assert found["valid_e1_auc"].range_e2 == pytest.approx(0.03)
    assert found["same_epoch"].range_e2 == pytest.approx(0.01)
    assert {rule: outcome.cut_off for rule, outcome in found.items()} == {
        "valid_e1_auc": 0, "valid_combined": 0, "per_encoder": 1, "same_epoch": 0,
    }  # fmt: skip


def test_the_objective_ranks_and_one_run_is_no_comparison():
    ranked = compare_rules(frames(), dict.fromkeys(E1, RunConfig()), Objective(rank_by="test_e2_auc"))
    assert [run.score for run in ranked[0].runs] == [0.55, 0.52]
    assert compare_rules({"early": frames()["early"]}, {"early": RunConfig()}, Objective()) == []


def test_rules_that_pick_alike_are_told_once(tmp_path):
    store = open_store(tmp_path)
    plan = planned(store, "name: made\ngrid: {training.bce_loss_weight: [0.2, 0.8]}\n")
    for index in range(2):
        succeed(store, plan, index, 0.7 + index / 100, 0.5, best_epoch=5)
    text = selection_conclusion(analyse(store, plan).summary)
    assert text.startswith("However epochs are picked, bce_loss_weight 0.8 comes first on validation.")
    assert text.endswith("E1 + 0.5 · E2 differs by 0.0100 by every rule.")


@pytest.mark.thorough
def test_the_section_says_whether_the_best_depends_on_the_rule(tmp_path):
    store = open_store(tmp_path)
    plan = planned(store, "name: made\ngrid: {training.bce_loss_weight: [0.2, 0.8]}\n")
    for index, (run, e1) in enumerate(E1.items()):
        succeed(store, plan, index, 0.7, 0.5)
        csv = pd.DataFrame({"epoch": range(1, 5), "valid_e1_auc": e1, "valid_e2_auc": E2[run]}).to_csv(index=False)
        store.write(f"runs/{plan.runs[index].run_id}/epochs.csv", csv.encode())
    summary = aggregate(store, plan.sweep_id)
    text = selection_conclusion(summary)
    assert text.startswith("Which configuration comes first on validation depends on how epochs are picked: bce_loss_")
    assert "none alone by best of each encoder, for itself" in text
    page = store.read(f"sweeps/{plan.sweep_id}/report.html").decode()
    assert page.count('epochs">2–3</td>') >= 2
    assert "epoch 3 of every run" in page
