"""A search from its YAML to its report: rounds, whatever interrupts them, in one process or in two."""

import json
import re
import time
from pathlib import Path

import pandas as pd
import pytest
import torch

from gaintrace.config import parse_spec
from gaintrace.errors import ConfigError, InterruptedRunError
from gaintrace.pipeline.shards import train_shards
from gaintrace.pipeline.sweep import plan_sweep, run_sweep, unfinished_shards
from gaintrace.pipeline.training import Machine
from gaintrace.pipeline.watcher import Unwatched
from gaintrace.runs.result import RunResult
from gaintrace.store import open_store
from gaintrace.store.layout import OBJECTS
from gaintrace.sweeps import claims
from gaintrace.sweeps.plan import read_plan
from gaintrace.sweeps.results import read_results
from tests.conftest import leave_figures_empty, thorough
from tests.processes import FORKED

SEARCH = """
name: found
base:
  data: {synthetic: {students: 60, skills: 4, mean_length: 12, seed: 3}}
  model: {d_model: 8, n_heads: 2, n_blocks: 1, d_ff: 8}
  training: {epochs: 4, batch_size: 16, learning_rate: 0.01, patience: 9}
search:
  sampler: tpe
  rounds: 3
  runs_per_round: 3
  space:
    training.bce_loss_weight: {low: 0.1, high: 0.9}
    learning_curve.beta_skill_init: {low: 1, high: 4}
"""
STOPPING = f"{SEARCH}  stop: {{first: 1, eta: 3}}\n"
CPU = Machine(device="cpu", threads=1)


class Impatient(Unwatched):
    """Interrupts when it has been asked so many times."""

    def __init__(self, asked):
        self.left = asked

    def interrupted(self):
        self.left -= 1
        return self.left < 0


def searched(folder, text=SEARCH, watcher=None, runs_per_shard=None):
    done = run_sweep(
        parse_spec(text, "here"), open_store(folder), machine=CPU, watcher=watcher, runs_per_shard=runs_per_shard
    )
    return done.summary


def rounds(folder):
    return {path.name: json.loads(path.read_text()) for path in Path(folder).glob("sweeps/*/rounds/*.json")}


def outcome(summary):
    return pd.DataFrame(summary.runs).drop(columns=["seconds"])


def test_a_search_goes_round_by_round_and_is_ranked(tmp_path):
    summary = searched(tmp_path)
    assert sorted(rounds(tmp_path)) == ["000.json", "001.json", "002.json"]
    assert (summary.coverage.planned, summary.coverage.succeeded) == (9, 9)
    assert summary.best["rank"] == 1
    assert summary.parameters == ["bce_loss_weight", "beta_skill_init"]
    plan = read_plan(open_store(tmp_path), summary.sweep_id)
    assert [run.round for run in plan.runs] == [0] * 3 + [1] * 3 + [2] * 3
    assert [run.shard for run in plan.runs] == [0] * 3 + [1] * 3 + [2] * 3
    assert len({run.run_id for run in plan.runs}) == 9
    results = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/*/result.json")}
    again = searched(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in results} == results
    pd.testing.assert_frame_equal(outcome(again), outcome(summary))


@pytest.mark.slow
@pytest.mark.parametrize("text", [SEARCH, thorough(STOPPING)])
def test_interrupted_anywhere_it_goes_on_to_the_same_suggestions(tmp_path, text):
    whole = searched(tmp_path / "whole", text)
    asked = 5
    for _ in range(100):
        try:
            parts = searched(tmp_path / "parts", text, Impatient(asked))
            break
        except InterruptedRunError:
            asked += 1
    assert asked > 8  # it was interrupted, and more than once a round
    assert rounds(tmp_path / "parts") == rounds(tmp_path / "whole")
    pd.testing.assert_frame_equal(outcome(parts), outcome(whole))


@pytest.mark.parametrize("kept", [1, thorough(2)])
def test_a_round_that_is_lost_is_planned_again_as_it_was(tmp_path, kept):
    searched(tmp_path)
    planned = rounds(tmp_path)
    for path in tmp_path.glob("sweeps/*/rounds/*.json"):
        if int(path.stem) >= kept:
            path.unlink()
    searched(tmp_path)
    assert rounds(tmp_path) == planned


def test_a_round_waits_for_the_runs_of_the_one_before(tmp_path):
    store, spec = open_store(tmp_path), parse_spec(SEARCH, "here")
    plan, dataset = plan_sweep(spec, store, runs_per_shard=2)
    assert unfinished_shards(store, plan, failed=True) == [0, 1]
    train_shards(plan, dataset, store, [0], machine=CPU)
    plan, _ = plan_sweep(spec, store, runs_per_shard=2)
    assert (len(plan.runs), unfinished_shards(store, plan, failed=True)) == (3, [1])
    train_shards(plan, dataset, store, [1], machine=CPU)
    plan, _ = plan_sweep(spec, store, runs_per_shard=2)
    assert (len(plan.runs), unfinished_shards(store, plan, failed=True)) == (6, [2, 3])
    assert [run.shard for run in plan.runs] == [0, 0, 1, 2, 2, 3]


def test_rounds_that_another_sweep_has_trained_are_planned_up_to_one_that_is_left(tmp_path):
    """A workflow takes a plan without shards for the end of the search."""
    store = open_store(tmp_path)
    searched(tmp_path, SEARCH.replace("rounds: 3", "rounds: 2"))
    plan, _ = plan_sweep(parse_spec(SEARCH, "here"), store)
    assert (plan.rounds, unfinished_shards(store, plan, failed=True)) == (3, [2])
    again, _ = plan_sweep(parse_spec(SEARCH, "here"), store)
    assert again == plan
    searched(tmp_path)
    assert unfinished_shards(store, plan, failed=True) == []


def test_a_workflow_tries_what_failed_before_it_and_not_what_failed_in_it(tmp_path):
    store = open_store(tmp_path)
    spec = parse_spec(
        SEARCH.replace("rounds: 3", "rounds: 1").replace("learning_rate: 0.01", "learning_rate: 1.0e+38"), "a"
    )
    plan, dataset = plan_sweep(spec, store, runs_per_shard=2)
    train_shards(plan, dataset, store, [0, 1], machine=CPU)
    assert {result.status for result in read_results(store, plan).values()} == {"failed"}
    assert unfinished_shards(store, plan, failed=False) == []
    assert unfinished_shards(store, plan, failed=True) == [0, 1]


def test_seeds_of_a_configuration_are_one_result(tmp_path):
    summary = searched(tmp_path, f"{SEARCH}seeds: [1, 2]\n".replace("rounds: 3", "rounds: 2"))
    assert len(summary.comparison.configurations) == 6
    assert summary.comparison.repetitions == 2


def test_each_cell_of_a_grid_is_searched(tmp_path):
    summary = searched(tmp_path, f"{SEARCH}grid: {{model.gain: [scalar, linear]}}\n".replace("rounds: 3", "rounds: 2"))
    counts = pd.DataFrame(summary.runs)["gain"].value_counts().to_dict()
    assert counts == {"scalar": 6, "linear": 6}


def test_stopped_runs_are_results_without_numbers(tmp_path):
    summary = searched(tmp_path, STOPPING)
    store, plan = open_store(tmp_path), read_plan(open_store(tmp_path), summary.sweep_id)
    results = read_results(store, plan)
    stopped = {run for run, result in results.items() if result.status == "stopped"}
    first = {run.run_id for run in plan.runs if run.round == 0}
    assert len(stopped & first) == 2  # of three, in one population: the best goes on
    assert summary.coverage.stopped == len(stopped)
    assert summary.coverage.enough
    for row in summary.runs:
        if row["run_id"] in stopped:
            assert row["status"] == "stopped"
            assert row["rank"] is None
            assert {row[name] for name in row if name.endswith("_auc") or name.endswith("combined")} == {None}
            assert row["error"].startswith(f"stopped after epoch {results[row['run_id']].stopped.epoch}: ")
        assert not store.exists(f"runs/{row['run_id']}/checkpoint.safetensors")
    assert {results[run].stopped.epoch for run in stopped & first} == {1}
    scores = {run: results[run].valid.e1.auc + 0.5 * results[run].valid.e2.auc for run in stopped & first}
    (winner,) = first - stopped
    epochs = pd.read_csv(tmp_path / "runs" / winner / "epochs.csv")
    assert max(scores.values()) <= epochs["valid_e1_auc"][0] + 0.5 * epochs["valid_e2_auc"][0]
    patterns = [re.sub(r"<[^>]+>", "[^/]+", name) for name in OBJECTS]
    found = store.keys()
    unexplained = [key for key in found if not any(re.fullmatch(pattern, key) for pattern in patterns)]
    assert unexplained == []
    for folder in ("rounds", "rungs", "stopped", "claims"):
        assert store.keys(f"sweeps/{summary.sweep_id}/{folder}")
    assert {run for run in stopped if (tmp_path / "runs" / run / "result.json").exists()} == set()


@pytest.mark.slow
def test_a_stopped_run_is_trained_to_its_end_where_another_sweep_wants_it(tmp_path):
    summary = searched(tmp_path, STOPPING)
    row = next(row for row in summary.runs if row["status"] == "stopped")
    config = next(run for run in read_plan(open_store(tmp_path), summary.sweep_id).runs if run.run_id == row["run_id"])
    grid = {path: [value] for path, value in config.swept.items()}
    text = f"{SEARCH.split('search:', maxsplit=1)[0]}grid: {json.dumps(grid)}\n"
    assert searched(tmp_path, text).runs[0]["run_id"] == row["run_id"]
    result = RunResult.model_validate_json((tmp_path / "runs" / row["run_id"] / "result.json").read_text())
    assert result.status == "succeeded"
    again = searched(tmp_path, STOPPING)
    found = next(found for found in again.runs if found["run_id"] == row["run_id"])
    assert found["combined"] == result.test.e1.auc + 0.5 * result.test.e2.auc


def test_runs_that_another_sweep_trained_are_measured_by_at_rungs(tmp_path):
    """The same search of more rounds stops in the rounds that it shares what the one before stopped."""
    short, long = (STOPPING.replace("rounds: 3", f"rounds: {count}") for count in (1, 2))
    before = searched(tmp_path, short)
    again = searched(tmp_path, long)
    assert before.sweep_id != again.sweep_id
    known = {row["run_id"]: row["status"] for row in again.runs}
    assert [known[row["run_id"]] for row in before.runs] == [row["status"] for row in before.runs]
    assert {row["status"] for row in before.runs} == {"succeeded", "stopped"}
    fresh = searched(tmp_path / "fresh", long)
    pd.testing.assert_frame_equal(outcome(again), outcome(fresh))
    for rung in (tmp_path / "fresh").glob("sweeps/*/rungs/*/*.json"):
        assert (
            json.loads((tmp_path / rung.relative_to(tmp_path / "fresh")).read_text())["score"]
            == (json.loads(rung.read_text())["score"])
        )


def test_how_a_run_was_stopped_is_found_out_again_where_that_is_damaged(tmp_path):
    summary = searched(tmp_path, STOPPING)
    path = next(iter(tmp_path.glob("sweeps/*/stopped/*.json")))
    path.write_text("{")
    found, before = (outcome(each).drop(columns=["error"]) for each in (searched(tmp_path, STOPPING), summary))
    pd.testing.assert_frame_equal(found, before)  # but for its reason, which is by what is known now
    assert json.loads(path.read_text())["status"] == "stopped"


def work(folder, ready, trained):
    """One of the processes that do the same search."""
    torch.set_num_threads(1)
    leave_figures_empty(pytest.MonkeyPatch())

    class Counting(Unwatched):
        def training(self, plan, runs):
            from contextlib import nullcontext

            from gaintrace.training.reporter import Silent

            class Started(Silent):
                def started(self, runs, epochs, done):
                    trained.extend(runs)

            return nullcontext(Started())

    ready.wait(120)
    searched(folder, watcher=Counting(), runs_per_shard=1)


def search_until_killed(folder, text):
    """What a process does that is killed."""
    torch.set_num_threads(1)
    leave_figures_empty(pytest.MonkeyPatch())
    searched(folder, text)


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("text", [SEARCH, STOPPING])
def test_killed_in_every_round_it_goes_on_to_the_same_suggestions(tmp_path, text):
    whole = searched(tmp_path / "whole", text)
    parts = tmp_path / "parts"
    for number in range(3):
        process = FORKED.Process(target=search_until_killed, args=(str(parts), text))
        process.start()
        until = time.monotonic() + 120
        while f"{number:03}.json" not in rounds(parts) and process.is_alive() and time.monotonic() < until:
            time.sleep(0.01)
        process.kill()
        process.join(60)
    again = searched(parts, text)
    assert rounds(parts) == rounds(tmp_path / "whole")
    pd.testing.assert_frame_equal(outcome(again), outcome(whole))


@pytest.mark.slow
def test_two_processes_on_one_store_train_no_configuration_twice(tmp_path):
    with FORKED.Manager() as manager:
        trained, ready = manager.list(), manager.Barrier(2)
        workers = [FORKED.Process(target=work, args=(str(tmp_path), ready, trained)) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(300)
        assert [worker.exitcode for worker in workers] == [0, 0]
        assert len(trained) == len(set(trained)) == 9
    alone = searched(tmp_path / "alone", runs_per_shard=1)
    assert rounds(tmp_path) == rounds(tmp_path / "alone")
    assert alone.coverage.succeeded == 9


def test_who_was_taken_for_dead_leaves_the_shard_and_goes_on_with_the_search(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "RENEWED", 0.01)
    store = open_store(tmp_path)

    class Overtaken(Unwatched):
        asked, notes = 0, []

        def interrupted(self):
            self.asked += 1
            if self.asked == 5:
                (key,) = [key for key in store.keys("sweeps") if "/claims/" in key]
                there = claims.Owner(owner="other", place="", pid=1, released=True)  # it had the shard, and is gone
                store.write(key.replace("/00000.json", "/00001.json"), there.model_dump_json().encode())
                time.sleep(1)
            return False

        def note(self, text):
            self.notes.append(text)

    watcher = Overtaken()
    summary = searched(tmp_path, watcher=watcher)
    assert "shard 0: this process was asleep, and another took its place" in watcher.notes
    pd.testing.assert_frame_equal(outcome(summary), outcome(searched(tmp_path / "alone")))
    assert rounds(tmp_path) == rounds(tmp_path / "alone")


def test_a_space_with_nothing_to_train_is_refused_and_trains_nothing(tmp_path):
    text = re.sub(r"space:\n.*", "space: {model.n_heads: [3, 5]}\n", SEARCH, flags=re.DOTALL)
    with pytest.raises(ConfigError, match=r"sweep found: search.space has .* d_model 8 is not divisible by n_heads"):
        searched(tmp_path, text)
    assert not open_store(tmp_path).keys("runs")
