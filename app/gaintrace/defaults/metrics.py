"""The outcome of a validation as metrics."""

import time

from prometheus_client import CollectorRegistry

from gaintrace.defaults.validation import Validation
from gaintrace.telemetry.catalogue import VALIDATION, gauges


def validation_metrics(validation: Validation, now: float | None = None) -> CollectorRegistry:
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
    metrics["gaintrace_validation_regression"].labels(name).set(validation.verdict == "worse")
    metrics["gaintrace_validation_undecided"].labels(name).set(validation.verdict == "cannot tell")
    metrics["gaintrace_validation_last_success_timestamp_seconds"].labels(name).set(now)
    return registry
