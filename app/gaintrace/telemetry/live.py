"""Live metrics of a trainer: a reporter of training that answers Prometheus on /metrics."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, disable_created_metrics, start_http_server

from gaintrace.errors import ConfigError
from gaintrace.store.base import observers
from gaintrace.telemetry.catalogue import LIVE, counters, gauges, histograms
from gaintrace.telemetry.gpu import GpuCollector
from gaintrace.telemetry.scrapes import Scrapes
from gaintrace.training.epoch_rules import sides_of
from gaintrace.training.reporter import EpochRow, Silent


class LiveMetrics(Silent):
    """Counts what training reports. `epochs`: most epochs by run; `interactions`: of the training students."""

    def __init__(self, phase: str, dataset: str, epochs: dict[str, int], interactions: int) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # they would double the counters' series
        self.registry = CollectorRegistry()
        self.labels = (phase, dataset)
        self.gauges = gauges(LIVE, self.registry)
        self.counters = counters(LIVE, self.registry)
        self.step_seconds = histograms(LIVE, self.registry)["gaintrace_step_seconds"].labels(*self.labels)
        self.epochs = dict(epochs)
        self.interactions = interactions
        self.done: dict[str, float] = dict.fromkeys(epochs, 0.0)
        self.status: dict[str, str] = dict.fromkeys(epochs, "waiting")
        self.rows: dict[str, EpochRow] = {}
        self.last_step: dict[str, float] = {}  # by the first run of a population
        for outcome in ("retried", "failed"):
            self.counters["gaintrace_store_errors_total"].labels(*self.labels, outcome)
        for name in ("interactions", "checkpoint_writes", "checkpoint_seconds", "store_operations"):
            self.counters[f"gaintrace_{name}_total"].labels(*self.labels)
        self._count_runs()
        GpuCollector.register(self.registry)
        self.scrapes = Scrapes(self.registry)

    @property
    def active(self) -> list[str]:
        """Runs under way."""
        return [run for run, status in self.status.items() if status == "active"]

    def started(self, runs: list[str], epochs: int, done: int) -> None:
        """See Reporter."""
        for run in runs:
            self.status[run] = "active"
            self.done[run] = done
        self.last_step.pop(runs[0], None)
        self._count_runs()

    def step(self, runs: list[str], epoch: int, done: int, total: int) -> None:
        """See Reporter."""
        now = time.monotonic()
        before = self.last_step.get(runs[0])
        if before is not None and done > 1:  # between epochs lies the evaluation
            self.step_seconds.observe(now - before)
        self.last_step[runs[0]] = now
        for run in runs:
            self.done[run] = epoch - 1 + done / total
        self.gauges["gaintrace_epoch"].labels(*self.labels).set(epoch)
        self.counters["gaintrace_interactions_total"].labels(*self.labels).inc(self.interactions * len(runs) / total)
        self._progress()

    def epoch(self, run: str, row: EpochRow) -> None:
        """See Reporter."""
        self.done[run] = row["epoch"]
        self.rows[run] = row
        rows = [other for name in self.active if (other := self.rows.get(name)) and other["epoch"] == row["epoch"]]
        for encoder in sides_of(row):
            for split in ("train", "valid"):
                losses = [r[f"{split}_{encoder}_loss"] for r in rows]
                self.gauges["gaintrace_loss"].labels(*self.labels, encoder, split).set(sum(losses) / len(losses))
                aucs = [auc for r in rows if (auc := r[f"{split}_{encoder}_auc"]) is not None]
                for statistic, value in (("mean", sum(aucs) / len(aucs)), ("max", max(aucs))) if aucs else ():
                    self.gauges["gaintrace_auc_ratio"].labels(*self.labels, encoder, split, statistic).set(value)
        self._progress()

    def checkpoint(self, runs: int, seconds: float) -> None:
        """See Reporter."""
        self.counters["gaintrace_checkpoint_writes_total"].labels(*self.labels).inc(runs)
        self.counters["gaintrace_checkpoint_seconds_total"].labels(*self.labels).inc(seconds)

    def finished(self, run: str, status: str, summary: str) -> None:
        """See Reporter."""
        self.status[run] = status
        self.done[run] = self.epochs[run]
        self._count_runs()

    def already(self, runs: list[str]) -> None:
        """See Reporter."""
        for run in runs:
            self.finished(run, "succeeded", "")

    def _count_runs(self) -> None:
        statuses = list(self.status.values())
        for status in ("waiting", "active", "succeeded", "stopped", "failed"):
            self.gauges["gaintrace_runs"].labels(*self.labels, status).set(statuses.count(status))
        self.gauges["gaintrace_members_active"].labels(*self.labels).set(statuses.count("active"))
        self._progress()

    def _progress(self) -> None:
        share = sum(self.done.values()) / sum(self.epochs.values())
        self.gauges["gaintrace_progress_ratio"].labels(*self.labels).set(share)

    def _store_told(self, outcome: str) -> None:
        if outcome != "retried":
            self.counters["gaintrace_store_operations_total"].labels(*self.labels).inc()
        if outcome != "done":
            self.counters["gaintrace_store_errors_total"].labels(*self.labels, outcome).inc()
        if outcome == "failed":
            self.scrapes.await_next()

    @contextmanager
    def served(self, address: str) -> Iterator[int]:
        """Answer on /metrics while the block runs; the port. `address` is PORT, on loopback, or HOST:PORT.

        A block that ends soon after the store failed is kept until Prometheus, if it ever came, has read that.
        """
        host, port = parse_address(address)
        try:
            server, thread = start_http_server(port, host, self.registry)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"--metrics {address}: cannot listen there: {error}. Choose another port, or 0 for any"
            ) from None
        observers.append(self._store_told)
        try:
            yield server.server_port
        finally:
            observers.remove(self._store_told)
            self.scrapes.wait()
            server.shutdown()
            server.server_close()
            thread.join()


def parse_address(address: str) -> tuple[str, int]:
    """Host and port of `PORT` or `HOST:PORT`."""
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        raise ConfigError(f"--metrics {address}: expected PORT or HOST:PORT, as in 9090 or 0.0.0.0:9090")
    return host or "127.0.0.1", int(port)
