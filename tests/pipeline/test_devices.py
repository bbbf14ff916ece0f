"""Several devices of a machine, each a process: the same rows as one, whoever dies on the way."""

import multiprocessing
from contextlib import nullcontext

import pandas as pd
import pytest

from gaintrace.cli.devices import chosen_devices
from gaintrace.config import parse_spec
from gaintrace.errors import ConfigError, DeviceError, InterruptedRunError
from gaintrace.pipeline.shards import train_shards
from gaintrace.pipeline.sweep import plan_sweep, run_sweep
from gaintrace.pipeline.training import Machine
from gaintrace.pipeline.watcher import Unwatched
from gaintrace.store import open_store
from gaintrace.sweeps.results import read_results
from tests.conftest import SMALL_SWEEP
from tests.processes import FORKED

ONE, TWO = Machine(device="cpu", threads=1), Machine(devices=("cpu", "cpu"), threads=1)
GRID = SMALL_SWEEP.replace("[0.3, 0.7]", "[0.2, 0.4, 0.6, 0.8]")


@pytest.fixture
def forked(monkeypatch):
    """Processes that need no start of their own, which is most of what these tests would take."""
    monkeypatch.setattr("gaintrace.pipeline.devices.multiprocessing.get_context", lambda _: FORKED)


def spec():
    return parse_spec(GRID, "test")


class Told(Unwatched):
    """A watcher that keeps what it is told, and can do something then."""

    def __init__(self, then=lambda told: None):
        self.events, self.then, self.stop = [], then, False

    def training(self, plan, runs):
        return nullcontext(self)

    def __getattr__(self, name):
        def tell(*arguments):
            self.events.append((name, *arguments))
            self.then(self)

        return tell

    def note(self, text):
        self.events.append(("note", text))

    def interrupted(self):
        return self.stop


def table(store, sweep_id):
    return pd.read_csv(store.uri + f"/sweeps/{sweep_id}/results.csv").drop(columns="seconds")


def test_each_round_of_a_search_is_shared_by_all_devices(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("gaintrace.pipeline.sweep.train_shards", lambda plan, *rest, **more: asked.append(plan.shards))
    monkeypatch.setattr("gaintrace.pipeline.sweep.conclude", lambda store, plan, gateway: plan)
    searched = (
        SMALL_SWEEP.split("grid:")[0]
        + "search: {rounds: 3, runs_per_round: 5, space: {model.dropout: {low: 0, high: 0.5}}}"
    )
    plan = run_sweep(parse_spec(searched, "test"), open_store(tmp_path), machine=TWO)
    assert asked == [2]
    assert [run.shard for run in plan.runs] == [0, 0, 0, 1, 1]


def test_two_processes_train_what_one_does(tmp_path):
    told = Told()
    stores = {machine: open_store(tmp_path / str(len(machine.devices))) for machine in (ONE, TWO)}
    one = run_sweep(spec(), stores[ONE], runs_per_shard=2, machine=ONE)
    two = run_sweep(spec(), stores[TWO], machine=TWO, watcher=told)
    assert two.plan.shards == 2
    assert two.summary.coverage.succeeded == 4
    pd.testing.assert_frame_equal(table(stores[ONE], one.plan.sweep_id), table(stores[TWO], two.plan.sweep_id))
    finished = [event[1] for event in told.events if event[0] == "finished"]
    assert sorted(finished) == sorted(run.run_id for run in two.plan.runs)


def test_a_process_that_dies_leaves_its_runs_to_the_other(tmp_path, forked):
    """Killed, it releases nothing; that its process is no more is what the other sees."""
    killed = []

    def kill_one(told):
        if not killed and any(event[0] == "epoch" for event in told.events):
            killed.append(multiprocessing.active_children()[0])
            killed[0].kill()

    told = Told(kill_one)
    store = open_store(tmp_path)
    done = run_sweep(spec(), store, machine=TWO, watcher=told)
    assert done.summary.coverage.succeeded == 4
    assert any("was ended by SIGKILL" in event[1] for event in told.events if event[0] == "note")


def test_a_stop_reaches_all_and_the_next_call_goes_on(tmp_path, forked):
    def stop(told):
        told.stop |= any(event[0] == "epoch" for event in told.events)

    store = open_store(tmp_path / "a")
    with pytest.raises(InterruptedRunError):
        run_sweep(spec(), store, machine=TWO, watcher=Told(stop))
    done = run_sweep(spec(), store, machine=TWO)
    assert done.summary.coverage.succeeded == 4


def test_a_device_at_fault_costs_nothing_where_another_is_sound_and_is_said_where_none_is(tmp_path, forked):
    store = open_store(tmp_path)
    plan, dataset = plan_sweep(spec(), store, runs_per_shard=2)
    bad = Machine(devices=("cuda:63", "cpu"), threads=1)
    train_shards(plan, dataset, store, range(2), machine=bad)  # the sound one may be through before the other looks
    assert {result.status for result in read_results(store, plan).values()} == {"succeeded"}
    assert len(read_results(store, plan)) == 4
    elsewhere = open_store(tmp_path / "none")
    plan, dataset = plan_sweep(spec(), elsewhere, runs_per_shard=2)
    with pytest.raises(DeviceError, match="this machine has"):
        train_shards(plan, dataset, elsewhere, range(2), machine=Machine(devices=("cuda:62", "cuda:63")))
    assert not elsewhere.keys("runs")


@pytest.mark.parametrize(
    ("device", "devices", "said"),
    [
        ("cpu", "cpu", "give one of them"),
        ("auto", "auto,cpu", "auto is one"),
        ("auto", "cpu,,cpu", "not a device"),
        ("auto", "tpu", "not a device"),
    ],
)
def test_devices_that_are_none_are_refused(device, devices, said):
    with pytest.raises(ConfigError, match=said):
        chosen_devices(device, devices)


def test_devices_are_named_by_number_or_name():
    assert chosen_devices("auto", None) == ()
    assert chosen_devices("auto", "cpu, cpu") == ("cpu", "cpu")
    with pytest.raises(DeviceError, match="--device cuda:63: this machine has"):
        chosen_devices("auto", "63")
