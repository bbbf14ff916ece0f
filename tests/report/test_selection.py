"""Rules that pick epochs order configurations, by the means of their runs."""

import pandas as pd

from gaintrace.analysis.summary import analyse
from gaintrace.report.selection import selection_conclusion, selection_table
from gaintrace.store import open_store
from tests.made_results import planned, succeed

E1 = {(0.3, 1): [0.70, 0.60], (0.3, 2): [0.60, 0.70], (0.8, 1): [0.64, 0.68], (0.8, 2): [0.64, 0.68]}
"""Validation of two epochs, by weight and seed: runs of 0.3 have the better best, 0.8 the better second."""


def summary(store):
    plan = planned(
        store,
        "name: made\ngrid: {training.bce_loss_weight: [0.3, 0.8]}\nseeds: [1, 2]\nobjective: {rank_by: valid_e1_auc}\n",
    )
    for index, run in enumerate(plan.runs):
        aucs = E1[run.config.training.bce_loss_weight, run.config.training.seed]
        succeed(store, plan, index, 0.7, 0.5, best_epoch=1 + aucs.index(max(aucs)), valid=(max(aucs), 0.5))
        frame = pd.DataFrame({"epoch": [1, 2], "valid_e1_auc": aucs, "valid_e2_auc": [0.5, 0.5]})
        store.write(f"runs/{run.run_id}/epochs.csv", frame.to_csv(index=False).encode())
    return analyse(store, plan).summary


def test_configurations_are_ordered_by_the_means_of_their_runs(tmp_path):
    found = summary(open_store(tmp_path))
    by_rule = {order.rule: order.configurations for order in found.selection_orders}
    best = by_rule["valid_e1_auc"]
    assert [(one.swept["bce_loss_weight"], round(one.score, 6)) for one in best] == [(0.3, 0.70), (0.8, 0.68)]
    same = by_rule["same_epoch"]
    assert [(one.swept["bce_loss_weight"], round(one.score, 6)) for one in same] == [(0.8, 0.68), (0.3, 0.65)]


def test_the_table_and_the_sentence_name_configurations(tmp_path):
    found = summary(open_store(tmp_path))
    orders = [str(row[3]) for row in selection_table(found).rows]
    assert "0.3 > 0.8" in orders and "0.8 > 0.3" in orders
    text = selection_conclusion(found)
    assert text.startswith("Which configuration comes first on validation depends on how epochs are picked: ")
    assert "bce_loss_weight 0.8 by epoch 2 of every run" in text and "seed" not in text


def test_seeds_of_one_configuration_leave_nothing_to_order(tmp_path):
    store = open_store(tmp_path)
    plan = planned(store, "name: made\nseeds: [1, 2]\n")
    for index in range(2):
        succeed(store, plan, index, 0.7, 0.5)
    found = analyse(store, plan).summary
    assert found.selection and selection_table(found) is None
