"""The outcome of a sweep or a validation as metrics: a text file beside the results, and a push to a Pushgateway."""

import os
import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest, pushadd_to_gateway

from gaintrace.telemetry.catalogue import OUTCOME, VALIDATION, gauges

if TYPE_CHECKING:
    from gaintrace.sweep.aggregate import Summary
    from gaintrace.sweep.validation import Validation

JOB = "gaintrace"


def sweep_metrics(summary: "Summary", duration: float | None, now: float | None = None) -> CollectorRegistry:
    """What the aggregator pushes. The time of the last success is there only if this was one."""
    registry = CollectorRegistry()
    metrics = gauges(OUTCOME, registry)
    labels = (summary.name, summary.data.name)
    now = time.time() if now is None else now
    coverage = summary.coverage
    for status, count in (
        ("succeeded", coverage.succeeded),
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
    for encoder in ("e1", "e2") if summary.best else ():
        auc = summary.best[f"test_{encoder}_auc"] if summary.best else None
        if auc is not None:
            metrics["gaintrace_sweep_best_auc_ratio"].labels(*labels, encoder).set(auc)
    return registry


def validation_metrics(validation: "Validation", now: float | None = None) -> CollectorRegistry:
    """What `gaintrace validate` pushes for a data set. A validation without a verdict leaves the last success alone."""
    registry = CollectorRegistry()
    metrics = gauges(VALIDATION, registry)
    name = validation.dataset
    now = time.time() if now is None else now
    metrics["gaintrace_validation_last_timestamp_seconds"].labels(name).set(now)
    if validation.verdict in ("failed", "not comparable"):
        return registry
    for encoder in ("e1", "e2"):
        found = validation.differences.get(encoder)
        mean = sum(getattr(run, encoder) for run in validation.runs) / len(validation.runs)
        new, recorded = (found.new, found.recorded) if found else (mean, mean)
        metrics["gaintrace_validation_auc_ratio"].labels(name, encoder).set(new)
        metrics["gaintrace_validation_reference_auc_ratio"].labels(name, encoder).set(recorded)
    metrics["gaintrace_validation_regression"].labels(name).set(validation.verdict == "regression")
    metrics["gaintrace_validation_last_success_timestamp_seconds"].labels(name).set(now)
    return registry


def text(registry: CollectorRegistry) -> bytes:
    """The metrics in Prometheus' text format, those without a value left out."""
    lines = generate_latest(registry).decode().splitlines()
    valued = {line.split("{")[0].split(" ")[0] for line in lines if not line.startswith("#")}
    return "".join(f"{line}\n" for line in lines if not line.startswith("#") or line.split(" ")[2] in valued).encode()


def push(gateway: str, registry: CollectorRegistry, phase: str, dataset: str) -> str | None:
    """Push once, beside what other sweeps pushed; metrics that are not in the registry keep their value there.

    In a pod of the workflows, which know their namespace, other namespaces' sweeps of that name are others.
    Returns what went wrong, in a line: results matter more than their announcement.
    """
    namespace = os.environ.get("GAINTRACE_NAMESPACE")
    group = {"phase": phase, "dataset": dataset} | ({"namespace": namespace} if namespace else {})
    try:
        pushadd_to_gateway(gateway, JOB, registry, group, timeout=10)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        shown = gateway.rpartition("@")[2]  # a URL may hold a password
        return f"metrics not pushed: {shown} does not take them ({reason}). The results are not affected"
    return None
