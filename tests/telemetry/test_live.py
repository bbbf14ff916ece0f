"""Live metrics: what a trainer answers while it trains, and how much of it."""

import contextlib
import threading
import time
import urllib.request
from itertools import product
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gaintrace.config import SweepSpec
from gaintrace.errors import ConfigError, StoreError
from gaintrace.store import FolderStore
from gaintrace.store.base import MissingObjectError, observe, observers
from gaintrace.sweeps.data import load_data, reference
from gaintrace.sweeps.plan import make_plan, write_plan
from gaintrace.sweeps.shard import ShardTrainer
from gaintrace.telemetry.catalogue import ALL, LIVE
from gaintrace.telemetry.live import LiveMetrics, parse_address
from gaintrace.training.checkpoint import Pace
from gaintrace.training.device import choose_device
from tests.conftest import small_run

Series = dict[tuple[str, ...], float]


def scrape(port: int) -> Series:
    """Value by metric name and label values in alphabetical order of the labels, without phase and dataset."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = [v for k, v in sorted(sample.labels.items()) if k not in ("phase", "dataset")]
            found[sample.name, *labels] = sample.value
    return found


def test_a_sweep_is_seen_from_its_first_epoch_to_its_last(tmp_path: Path) -> None:
    spec = SweepSpec(name="s", base=small_run(), grid={"training.bce_loss_weight": [0.3, 0.7]}, seeds=[1, 2])
    store = FolderStore(tmp_path)
    dataset = load_data(spec.base)
    plan = make_plan(spec, reference(spec.base, dataset))
    write_plan(store, plan)
    epochs = {run.run_id: run.config.training.epochs for run in plan.runs}
    interactions = dataset.training_interactions(0)
    live = LiveMetrics("phase", dataset.name, epochs, interactions)
    seen: list[Series] = []
    note = live.epoch

    with live.served("0") as port:
        live.epoch = lambda run, row: (note(run, row), seen.append(scrape(port)))[0]  # type: ignore[method-assign]
        trainer = ShardTrainer(
            store, plan, dataset, lambda: choose_device("cpu"), live, lambda: False, max_members=2, pace=Pace(1.0)
        )
        trainer.train(0)
        last = scrape(port)

    assert seen[0]["gaintrace_runs", "active"] == 2
    assert seen[0]["gaintrace_members_active",] == 2
    assert 0 < seen[0]["gaintrace_progress_ratio",] < seen[-1]["gaintrace_progress_ratio",] <= 1
    assert (last["gaintrace_runs", "succeeded"], last["gaintrace_runs", "active"]) == (4, 0)
    assert last["gaintrace_progress_ratio",] == 1
    for encoder, split in product(("e1", "e2"), ("train", "valid")):
        assert (
            0.3
            < last["gaintrace_auc_ratio", encoder, split, "mean"]
            <= last["gaintrace_auc_ratio", encoder, split, "max"]
        )
        assert last["gaintrace_loss", encoder, split] > 0
    trained = sum(epochs.values()) * interactions
    assert last["gaintrace_interactions_total",] == pytest.approx(trained)
    assert last["gaintrace_checkpoint_writes_total",] > 0
    assert last["gaintrace_step_seconds_count",] > 0
    again = LiveMetrics("phase", dataset.name, epochs, interactions)
    with again.served("0") as port:
        ShardTrainer(store, plan, dataset, lambda: choose_device("cpu"), again, lambda: False).train(0)
        assert scrape(port)["gaintrace_runs", "succeeded"] == 4


def test_a_pod_of_phase_1_has_at_most_200_series() -> None:
    live = LiveMetrics("phase1", "assist2015", {str(run): 6 for run in range(81)}, 1000)
    live.started([str(run) for run in range(81)], 6, 0)
    row = {f"{s}_{e}_{m}": 0.5 for s in ("train", "valid") for e in ("e1", "e2") for m in ("loss", "auc", "accuracy")}
    for run in range(81):
        live.step([str(other) for other in range(run, 81)], 1, run + 1, 81)
        live.epoch(str(run), row | {"epoch": 1})
    with live.served("0") as port:
        count = len(scrape(port))
    assert count <= 100


def test_every_live_metric_is_served_with_the_labels_of_the_catalogue(tmp_path: Path) -> None:
    live = LiveMetrics("p", "d", {"a": 1}, 1)
    live.started(["a"], 1, 0)
    live.step(["a"], 1, 1, 2)
    live.epoch(
        "a",
        {f"{s}_{e}_{m}": 0.5 for s in ("train", "valid") for e in ("e1", "e2") for m in ("loss", "auc")} | {"epoch": 1},
    )
    found = {family.name: family for family in live.registry.collect()}
    for metric in LIVE:
        family = found[metric.name.removesuffix("_total")]
        assert set(family.samples[0].labels) - {"le"} == set(metric.labels)
        assert family.type == metric.kind


def test_no_metric_has_a_label_that_grows_with_every_run() -> None:
    allowed = {"phase", "dataset", "encoder", "split", "status", "statistic", "outcome", "gpu", "reason", "kind"}
    assert {label for metric in ALL for label in metric.labels} <= allowed
    assert len({metric.name for metric in ALL}) == len(ALL)


def test_store_errors_are_counted_while_serving(tmp_path: Path) -> None:
    live = LiveMetrics("p", "d", {"a": 1}, 1)
    (tmp_path / "file").write_text("")
    before = list(observers)
    with live.served("0") as port:
        with pytest.raises(StoreError):
            FolderStore(tmp_path / "file").write("a", b"")
        FolderStore(tmp_path).write("a", b"")
        with pytest.raises(MissingObjectError):
            FolderStore(tmp_path).read("b")
        found = scrape(port)
        assert (found["gaintrace_store_operations_total",], found["gaintrace_store_errors_total", "failed"]) == (3, 1)
    assert observers == before


@pytest.mark.parametrize("came", [True, False])
def test_a_trainer_whose_store_fails_is_there_for_one_more_scrape_where_there_were_any(came: bool) -> None:
    live = LiveMetrics("p", "d", {"a": 1}, 1)
    seen: list[float] = []
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(live.served("0"))
        if came:
            scrape(port)
            live.scrapes.interval = 20.0
        observe("failed")
        later = threading.Timer(0.5, lambda: seen.append(scrape(port)["gaintrace_store_errors_total", "failed"]))
        if came:
            later.start()
    assert seen == ([1] if came else [])
    assert time.monotonic() - began < 10


def test_an_end_without_a_failure_waits_for_nobody() -> None:
    live = LiveMetrics("p", "d", {"a": 1}, 1)
    began = time.monotonic()
    with live.served("0") as port:
        observe("failed")
        scrape(port)
        observe("retried")
        observe("done")
    assert time.monotonic() - began < 5


def test_addresses() -> None:
    assert parse_address("9090") == ("127.0.0.1", 9090)
    assert parse_address("0.0.0.0:0") == ("0.0.0.0", 0)
    for wrong in ("", "a:b", "90a", ":"):
        with pytest.raises(ConfigError, match="expected PORT or HOST:PORT"):
            parse_address(wrong)
    live = LiveMetrics("p", "d", {"a": 1}, 1)
    with live.served("0") as port, pytest.raises(ConfigError, match="Choose another port"), live.served(str(port)):
        pass
