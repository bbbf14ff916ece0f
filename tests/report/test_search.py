"""How a search is told: in words, round by round, with what was stopped, and in figures."""

import io
import json
import re

import pytest
from rich.console import Console

from gaintrace.analysis.search import summarise_search
from gaintrace.report import search as told
from gaintrace.report.aggregate import aggregate
from gaintrace.report.figures.search import front, history
from gaintrace.report.figures.style import NARROW, WIDE, svg
from gaintrace.report.terminal import show
from gaintrace.runs.result import Stopped
from gaintrace.store import open_store
from gaintrace.sweeps.plan import planned_runs, write_plan
from tests.analysis.test_search import ONE, TWO, planned, result

HALTED = {"status": "stopped", "stopped": Stopped(epoch=3, reason="2 of 2 …"), "epochs_trained": 3}


def reported(store, text, scores, e2=lambda index: 0.6):
    """The summary of a search of 12 runs with these AUCs of E1 on validation; None: it was stopped."""
    plan = planned(text)
    write_plan(store, plan)
    for number in range(3):
        runs = [run.model_dump(mode="json") for run in plan.runs if run.round == number]
        store.write(f"sweeps/{plan.sweep_id}/rounds/{number:03}.json", _json({"number": number, "runs": runs}))
    for run, score in zip(plan.runs, scores, strict=True):
        found = result(run, score or 0.9, e2(run.index), **({} if score else HALTED))
        if score:
            found = found.model_copy(update={"test": found.valid, "config_hash": run.config_hash})
        key = f"runs/{run.run_id}/result.json" if score else f"sweeps/{plan.sweep_id}/stopped/{run.run_id}.json"
        store.write(key, found.model_dump_json().encode())
    return aggregate(store, plan.sweep_id)


def _json(value):

    return json.dumps(value).encode()


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)


def test_a_search_for_one_score_is_told(store):
    scores = [0.7, None, 0.75, None, 0.72, 0.8, None, 0.71, 0.7, 0.74, None, 0.73]
    summary = reported(store, ONE, scores)
    words = " ".join(told.sentences(summary))
    assert "12 configurations were suggested by TPE in 3 of 3 rounds, for E1 + 0.5 · E2 on validation." in words
    assert "The best, 1.1000, came in round 2." in words
    assert "4 runs were stopped on their way, which spared 36 of 144 epochs at most." in words
    rounds = [[str(cell) for cell in row] for row in told.rounds_table(summary).rows]
    assert rounds == [
        ["1", "4", "2", "2", "0", "1.0500"],
        ["2", "4", "3", "1", "0", "1.1000"],
        ["3", "4", "3", "1", "0", "1.1000"],
    ]
    console = Console(width=300, file=io.StringIO())
    show(console, summary)
    assert "came in round 2. 4 runs were stopped on their way" in console.file.getvalue()
    stopped = told.stopped_table(summary)
    assert [str(cell) for cell in stopped.rows[0]][1:] == ["1", "epoch 3 of 12", "1.2000", "2 of 2 …"]
    assert told.front_table(summary) is None
    for form in ("html", "md"):
        report = store.read(f"sweeps/{summary.sweep_id}/report.{form}").decode()
        assert "How the search went" in report
        assert "epoch 3 of 12" in report
        assert "Failed and unfinished" not in report
    assert "2 of 12 runs were stopped" not in report
    assert "4 of 12 runs were stopped on their way" in report
    assert store.exists(f"sweeps/{summary.sweep_id}/figures/search-history.svg")
    assert not store.exists(f"sweeps/{summary.sweep_id}/figures/search-front.svg")


def test_a_search_for_two_scores_has_a_front(store):
    summary = reported(store, TWO, [0.6 + n * 0.01 for n in range(12)], lambda n: 0.75 - (n - 6) ** 2 * 0.003)
    words = " ".join(told.sentences(summary))
    assert f"6 of 12 are on the front, which dominates {summary.search.area:.5f} beyond the AUC of a guess" in words
    assert "What makes a configuration one of the best in E1: bce_loss_weight" in words
    assert [str(cell) for cell in told.front_table(summary).rows[0]][-3:] == ["0.7100", "0.6750", "3"]
    report = store.read(f"sweeps/{summary.sweep_id}/report.html").decode()
    assert "What can be had of the one for how much of the other?" in report
    assert store.exists(f"sweeps/{summary.sweep_id}/figures/search-front.svg")


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_figures_say_what_their_points_are(width):
    plan = planned(TWO)
    results = {run.run_id: result(run, 0.6 + run.index * 0.01, 0.7 - run.index * 0.01) for run in plan.runs}
    drawn = svg(front(summarise_search(plan, results), width))
    assert "bce_loss_weight 0.1, learning_rate 0.01: E1 0.6000, E2 0.7000" in drawn
    plan = planned(ONE)
    results = {run.run_id: result(run, 0.6, **({} if run.index else HALTED)) for run in plan.runs}
    drawn = svg(history(summarise_search(plan, results), width))
    assert len(re.findall(r"<title>bce_loss_weight", drawn)) == 12
    assert "E1 + 0.5 · E2 0.9000 (stopped)" in drawn


def test_a_search_that_has_just_begun_is_told_without_a_figure(store):
    plan = planned(ONE, 4)
    write_plan(store, plan)
    runs = [run.model_dump(mode="json") for run in plan.runs]
    store.write(f"sweeps/{plan.sweep_id}/rounds/000.json", _json({"number": 0, "runs": runs}))
    summary = aggregate(store, plan.sweep_id)
    assert told.sentences(summary) == [
        "4 configurations were suggested by TPE in 1 of 3 rounds, for E1 + 0.5 · E2 on validation."
    ]
    assert "How the search went" in store.read(f"sweeps/{summary.sweep_id}/report.html").decode()


@pytest.mark.parametrize(
    ("pairs", "shown"),
    [
        ([(0.2, 0.01), (0.2, 0.02), (0.4, 0.01), (0.4, 0.02)], "heatmap"),
        ([(0.2, 0.01), (0.3, 0.02), (0.4, 0.03), (0.5, 0.04)], "plane"),
    ],
)
def test_two_parameters_of_a_search_are_cells_where_all_are_filled_and_else_points(store, pairs, shown):
    plan = planned(ONE, 0)
    values = [{"training.bce_loss_weight": weight, "training.learning_rate": rate} for weight, rate in pairs]
    swept = [pair for one in values for pair in plan.spec.repeated(one)]
    plan = plan.with_runs(planned_runs(swept, plan.data.hash, None, plan, 0))
    write_plan(store, plan)
    runs = [run.model_dump(mode="json") for run in plan.runs]
    store.write(f"sweeps/{plan.sweep_id}/rounds/000.json", _json({"number": 0, "runs": runs}))
    for run in plan.runs:
        found = result(run, 0.7 + run.index / 100, 0.6)
        found = found.model_copy(update={"test": found.valid, "config_hash": run.config_hash})
        store.write(f"runs/{run.run_id}/result.json", found.model_dump_json().encode())
    aggregate(store, plan.sweep_id)
    page = store.read(f"sweeps/{plan.sweep_id}/report.html").decode()
    questions = {"heatmap": "Where do the two parameters", "plane": "Where in the plane of the two parameters"}
    assert [name for name, question in questions.items() if question in page] == [shown]
