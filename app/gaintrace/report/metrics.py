"""The outcome of a sweep as metrics."""

import time

from prometheus_client import CollectorRegistry

from gaintrace.analysis.summary import Summary
from gaintrace.telemetry.catalogue import OUTCOME, gauges
from gaintrace.training.epoch_rules import SIDES


def sweep_metrics(summary: Summary, duration: float | None, now: float | None = None) -> CollectorRegistry:
    """What the aggregator pushes. The time of the last success is there only if this was one."""
    registry = CollectorRegistry()
    metrics = gauges(OUTCOME, registry)
    labels = (summary.name, summary.data.name)
    now = time.time() if now is None else now
    coverage = summary.coverage
    for status, count in (
        ("succeeded", coverage.succeeded),
        ("stopped", coverage.stopped),
        ("failed", coverage.failed),
        ("missing", coverage.missing),
    ):
        metrics["gaintrace_sweep_runs"].labels(*labels, status).set(count)
    values = {
        "coverage_ratio": coverage.ratio,
        "findings": len(summary.findings),
        "train_seconds": summary.seconds,
        "duration_seconds": duration,
        "last_timestamp_seconds": now,
        "last_success_timestamp_seconds": now if coverage.enough else None,
        "best_combined": summary.best["combined"] if summary.best else None,
    }
    for name, value in values.items():
        if value is not None:
            metrics[f"gaintrace_sweep_{name}"].labels(*labels).set(value)
    for encoder in SIDES:
        auc = summary.best.get(f"test_{encoder}_auc") if summary.best else None
        if auc is not None:
            metrics["gaintrace_sweep_best_auc_ratio"].labels(*labels, encoder).set(auc)
    return registry
