"""Aggregation: the study's own figures, honest gaps, and the same bytes whatever came first."""

import csv
import io
import json
import random
import time

import pytest
import yaml

from gaintrace.config import parse_spec
from gaintrace.report.aggregate import aggregate
from gaintrace.store import open_store
from tests.made_results import fail, planned, published, succeed

COLUMNS = (
    "run_id,status,bce_loss_weight,best_epoch,best_epoch_e1,best_epoch_e2,valid_e1_auc,valid_e2_auc,valid_combined,test_e1_auc,"
    "test_e2_auc,test_accuracy,combined,combined_low,combined_high,rank,skill_base_rate_auc,mastery_auc,"
    "mastery_within_skill_auc,mastery_exposure_correlation,"
    "test_e1_oriauclate_mean,test_e1_oriauclate_vote,test_e1_oriauclate_all,test_e1_windowaucconcepts,"
    "test_e1_windowauclate_mean,test_e1_windowauclate_vote,test_e1_windowauclate_all,"
    "test_e2_oriauclate_mean,test_e2_oriauclate_vote,test_e2_oriauclate_all,test_e2_windowaucconcepts,"
    "test_e2_windowauclate_mean,test_e2_windowauclate_vote,test_e2_windowauclate_all,seconds,config_hash,error"
)


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)


def test_the_studys_results_give_the_studys_figures(store):
    """Tables 3.1 and 3.2 of its report, and its correlations."""
    summary = aggregate(store, published(store).sweep_id)
    assert [row["bce_loss_weight"] for row in summary.runs] == [0.3, 0.4, 0.5, 0.7, 0.6, 0.8]
    # The report's own inputs have more digits than it prints, so the last one may differ.
    assert [row["combined"] for row in summary.runs] == pytest.approx(
        [0.9572, 0.9565, 0.9563, 0.9529, 0.9528, 0.9528], abs=1.01e-4
    )
    assert round(summary.best["combined"], 4) == 0.9572
    e1, e2, combined = (summary.statistics[name] for name in ("test_e1_auc", "test_e2_auc", "combined"))
    assert [round(v, 4) for v in (e1.mean, e1.median, e1.std, e1.min, e1.max, e1.range)] == [
        0.6852, 0.6853, 0.0003, 0.6848, 0.6856, 0.0008,
    ]  # fmt: skip
    assert [round(v, 4) for v in (e2.mean, e2.median, e2.std, e2.min, e2.max, e2.range)] == [
        0.5390, 0.5390, 0.0048, 0.5343, 0.5438, 0.0095,
    ]  # fmt: skip
    assert [combined.mean, combined.median, combined.std, combined.min, combined.max, combined.range] == pytest.approx(
        [0.9547, 0.9546, 0.0021, 0.9528, 0.9572, 0.0044], abs=1.01e-4
    )
    correlation = summary.correlations["bce_loss_weight"]
    assert round(correlation["test_e1_auc"], 2) == 0.63
    assert round(correlation["test_e2_auc"], 2) == -0.91
    assert correlation["combined"] == pytest.approx(-0.91, abs=0.01)
    assert {name: criterion.met for name, criterion in summary.success.items()} == {
        "test_e1_auc": True,
        "test_e2_auc": True,
    }


def test_files_are_written_and_say_the_same(store):
    plan = published(store)
    summary = aggregate(store, plan.sweep_id)
    folder = f"sweeps/{plan.sweep_id}"
    table = store.read(f"{folder}/results.csv").decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    assert table.splitlines()[0] == COLUMNS
    assert [row["run_id"] for row in rows] == [row["run_id"] for row in summary.runs]
    assert float(rows[0]["combined"]) == summary.best["combined"]
    document = json.loads(store.read(f"{folder}/results.json"))
    assert document["best"]["bce_loss_weight"] == 0.3
    best = parse_spec(store.read(f"{folder}/best.yaml").decode(), "best")
    assert (best.size(), best.base.training.bce_loss_weight) == (1, 0.3)
    assert yaml.safe_load(store.read(f"{folder}/spec.yaml"))["name"] == "made"
    manifest = json.loads(store.read(f"{folder}/manifest.json"))
    assert manifest["environments"] == [{"torch": "2"}]
    assert len(manifest["runs"]) == 6


def test_the_order_in_which_runs_finish_changes_no_byte(tmp_path):
    contents = []
    for seed in range(2):
        store = open_store(tmp_path / str(seed))
        plan = planned(store)
        order = list(range(5))
        random.Random(seed).shuffle(order)
        for index in order:
            succeed(store, plan, index, 0.7 - index / 100, 0.5 + index / 100)
        for _ in range(1 + seed):  # aggregated once, and twice
            aggregate(store, plan.sweep_id)
        folder = f"sweeps/{plan.sweep_id}"
        # planned.txt is the one file that holds a time.
        written = [key for key in store.keys(folder) if not key.endswith("planned.txt")]
        contents.append({key: store.read(key) for key in written})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 11


def test_gaps_are_reported_as_gaps(store):
    plan = planned(store)
    succeed(store, plan, 2, 0.70, 0.52)
    succeed(store, plan, 4, 0.69, 0.55)
    fail(store, plan, 1, "a, b\nc <script>")
    summary = aggregate(store, plan.sweep_id)
    assert [row["status"] for row in summary.runs] == ["succeeded"] * 2 + ["failed"] + ["missing"] * 3
    assert [row["rank"] for row in summary.runs] == [1, 2, None, None, None, None]
    assert not summary.coverage.enough
    assert summary.statistics["test_e1_auc"].count == 2
    page = store.read(f"sweeps/{plan.sweep_id}/report.html").decode()
    assert "&lt;script&gt;" in page
    assert "not finished" in page
    rows = list(csv.DictReader(io.StringIO(store.read(f"sweeps/{plan.sweep_id}/results.csv").decode())))
    assert rows[2]["error"] == "NonFiniteLossError: a, b\nc <script>"
    assert rows[3]["test_e1_auc"] == rows[3]["combined"] == ""


@pytest.mark.parametrize(
    ("required", "succeeded", "enough"), [(1.0, 6, True), (1.0, 5, False), (0.8, 5, True), (0, 0, False)]
)
def test_coverage_decides_whether_a_sweep_is_done(store, required, succeeded, enough):
    plan = planned(store, overrides=[f"min_coverage={required}"])
    for index in range(succeeded):
        succeed(store, plan, index, 0.7, 0.5)
    assert aggregate(store, plan.sweep_id).coverage.enough is enough


def test_nothing_succeeded_has_no_best(store):
    plan = planned(store)
    fail(store, plan, 0)
    summary = aggregate(store, plan.sweep_id)
    assert (summary.best, summary.success, summary.statistics) == (None, {}, {})
    assert not store.exists(f"sweeps/{plan.sweep_id}/best.yaml")


def test_equal_values_share_a_rank(store):
    plan = planned(store)
    for index, e1 in enumerate([0.70, 0.72, 0.72, 0.71]):
        succeed(store, plan, index, e1, 0.5)
    summary = aggregate(store, plan.sweep_id)
    assert [(row["rank"], row["bce_loss_weight"]) for row in summary.runs[:4]] == [
        (1, 0.4),
        (1, 0.5),
        (3, 0.6),
        (4, 0.3),
    ]


def test_parameters_of_one_name_keep_their_paths(store):
    plan = planned(store, "name: made\ngrid: {training.seed: [1, 2], data.fold: [0, 1]}\n")
    for index in range(4):
        succeed(store, plan, index, 0.7, 0.5)
    assert aggregate(store, plan.sweep_id).parameters == ["seed", "fold"]


@pytest.mark.thorough
def test_two_thousand_runs_aggregate_in_twenty_seconds_of_cpu(store):
    weights = [round(i / 2000, 4) for i in range(2000)]
    plan = planned(store, f"name: many\ngrid: {{training.bce_loss_weight: {weights}}}\n")
    result = None
    for index, run in enumerate(plan.runs):
        if result is None:
            succeed(store, plan, index, 0.7, 0.5)
            result = store.read(f"runs/{run.run_id}/result.json").decode()
        folder = store.root / "runs" / run.run_id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "result.json").write_text(result.replace(plan.runs[0].run_id, run.run_id))
    began = time.process_time()
    summary = aggregate(store, plan.sweep_id)
    assert summary.coverage.succeeded == 2000
    assert time.process_time() - began < 20


def test_findings_reach_the_file_the_report_and_the_terminal(store):
    plan = planned(store)
    for index, epoch in enumerate([5, 5, 5, 3, 3, 3]):
        succeed(store, plan, index, 0.7 - index / 10_000, 0.55, best_epoch=epoch)
    summary = aggregate(store, plan.sweep_id)
    names = [finding.name for finding in summary.findings]
    assert {"selection_epoch", "parameter_cannot_act", "too_few_epochs"} <= set(names)
    document = json.loads(store.read(f"sweeps/{plan.sweep_id}/results.json"))
    assert [finding["name"] for finding in document["findings"]] == names
    page = store.read(f"sweeps/{plan.sweep_id}/report.html").decode()
    assert all(finding.text.split(":")[0] in page for finding in summary.findings)
