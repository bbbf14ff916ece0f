"""Results are written beside training: none is lost, nor an error of one, and memory stays bounded."""

import threading
import time

import pytest
import torch

from gaintrace.errors import ConfigError, InterruptedRunError, StoreError
from gaintrace.runs.writer import RunWriter
from gaintrace.store import FolderStore, open_store
from gaintrace.sweeps import writing as module
from gaintrace.sweeps.writing import Writing
from tests.sweeps.test_shard import result, sweep

GRID = {"training.bce_loss_weight": [0.3, 0.7]}
PATIENCE = 30


def refused(error):
    def fail(caught):
        raise AssertionError from caught

    def write():
        raise error

    return write, fail


def no_failure(error):
    raise AssertionError from error


def test_outcomes_are_told_in_the_order_of_adding_and_in_the_thread_that_asks():
    told, first = [], threading.Event()
    with Writing(lambda result: told.append((result, threading.current_thread()))) as writing:
        writing.add(lambda: first.wait(PATIENCE) and "slow", no_failure, 1)
        writing.add(lambda: "fast", no_failure, 1)
        writing.collect()
        assert told == []
        first.set()
    here = threading.current_thread()
    assert told == [("slow", here), ("fast", here)]


def test_what_a_run_s_own_fault_leaves_is_put_down_and_others_go_on():
    told = []
    with Writing(told.append) as writing:
        writing.add(lambda: 1 // 0, lambda error: type(error).__name__, 1)
        writing.add(lambda: "written", no_failure, 1)
    assert told == ["ZeroDivisionError", "written"]


@pytest.mark.parametrize("ended_by", [None, InterruptedRunError("stopped")])
def test_a_store_that_fails_is_told_and_all_else_is_written_first(ended_by):
    told = []
    with pytest.raises(StoreError, match="disk is full"), Writing(told.append) as writing:
        writing.add(*refused(StoreError("the disk is full")), 1)
        writing.add(lambda: "written", no_failure, 1)
        if ended_by:
            raise ended_by
    assert told == ["written"]


def test_what_ended_training_comes_before_a_store_that_fails():
    with pytest.raises(ConfigError, match="wrong"), Writing(lambda result: None) as writing:
        writing.add(*refused(StoreError("the disk is full")), 1)
        raise ConfigError("wrong")


@pytest.mark.parametrize(
    ("targets", "most"), [(module.WAITING_TARGETS // 2, 2), (module.WAITING_TARGETS * 2, 1), (1, 8)]
)
def test_so_many_predictions_wait_in_memory_and_no_more(targets, most):
    lock, waiting, seen = threading.Lock(), [0], []

    def write():
        time.sleep(0.02)
        with lock:
            waiting[0] -= 1

    with Writing(lambda result: None) as writing:
        for _ in range(20):
            writing.add(write, no_failure, targets)
            with lock:
                waiting[0] += 1
                seen.append(waiting[0])
    assert max(seen) <= most
    assert waiting == [0]


def test_a_fault_in_measuring_one_run_fails_that_run_alone(tmp_path, monkeypatch):
    common, store = RunWriter._common, open_store(tmp_path)

    def fragile(self, predictions, config):
        if config.training.bce_loss_weight == 0.3:
            raise ZeroDivisionError("of this run")
        return common(self, predictions, config)

    monkeypatch.setattr(RunWriter, "_common", fragile)
    plan, heard = sweep(store, GRID, members=1)
    assert [result(store, run).status for run in plan.runs] == ["failed", "succeeded"]
    assert result(store, plan.runs[0]).error.message == "of this run"
    assert any("ZeroDivisionError: of this run" in note for note in heard.notes)
    monkeypatch.undo()
    sweep(store, GRID, members=1)
    assert [result(store, run).status for run in plan.runs] == ["succeeded", "succeeded"]


def test_a_store_that_fails_in_a_thread_ends_the_sweep_and_the_same_command_finishes_it(tmp_path, monkeypatch):
    store, create = open_store(tmp_path), FolderStore.create

    def full(self, key, data):
        if key.startswith("predictions"):
            raise StoreError("the disk is full")
        return create(self, key, data)

    monkeypatch.setattr(FolderStore, "create", full)
    with pytest.raises(StoreError, match="disk is full"):
        sweep(store, GRID, members=1)
    monkeypatch.undo()
    plan, heard = sweep(store, GRID, members=1)
    assert [result(store, run).status for run in plan.runs] == ["succeeded", "succeeded"]
    assert len(heard.finished_runs) == 2


def test_the_next_run_trains_while_the_last_is_written_and_an_interruption_waits_for_it(tmp_path, monkeypatch):
    write, writing, asked = RunWriter.write, threading.Event(), []

    def slow(self, *arguments):
        writing.set()
        time.sleep(0.3)
        return write(self, *arguments)

    def interrupted():
        asked.append(writing.is_set())
        return writing.is_set()

    monkeypatch.setattr(RunWriter, "write", slow)
    store = open_store(tmp_path)
    with pytest.raises(InterruptedRunError):
        sweep(store, GRID, members=1, interrupted=interrupted)
    monkeypatch.undo()
    plan, heard = sweep(store, GRID, members=1)
    assert heard.finished_runs == [(plan.runs[1].run_id, "succeeded")], "the first was written"


def test_writers_count_threads_as_training_does():
    """What a result says of its threads, and sums that depend on them."""
    torch.set_num_threads(1)
    found = []
    with Writing(found.append) as writing:
        writing.add(torch.get_num_threads, no_failure, 1)
    assert found == [1]
