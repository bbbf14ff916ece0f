"""Every metric, once: name, type, labels, meaning. Docs, dashboards and alerts are made from and checked against it.

Labels are the sweep's name (`phase`), the data set, encoder and split; never a run or a hyperparameter, which would
make a new series for every run there ever was.
"""

from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SWEEP = ("phase", "dataset")
THROTTLE = {"power": (4, 2), "thermal": (32, 4), "brake": (128, 2), "hardware": (8, 2)}
"""Why a clock is held down: the bits of NVML's and DCGM's mask, as their lowest and the number of values from there.
What is no loss (an idle GPU, a clock that was set) is left out."""

STEP_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


@dataclass(frozen=True)
class Metric:
    """One metric as Prometheus shows it."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    labels: tuple[str, ...]
    meaning: str


LIVE = (
    Metric("gaintrace_epoch", "gauge", SWEEP, "epoch under way, from 1"),
    Metric("gaintrace_progress_ratio", "gauge", SWEEP, "share of the shard's run-epochs that are done, 0 to 1"),
    Metric("gaintrace_runs", "gauge", (*SWEEP, "status"), "of the shard: waiting, active, succeeded, stopped, failed"),
    Metric("gaintrace_members_active", "gauge", SWEEP, "runs trained side by side right now"),
    Metric(
        "gaintrace_loss",
        "gauge",
        (*SWEEP, "encoder", "split"),
        "mean over the runs of the last epoch's loss, nats a target",
    ),
    Metric(
        "gaintrace_auc_ratio",
        "gauge",
        (*SWEEP, "encoder", "split", "statistic"),
        "AUC of the last epoch over the runs: statistic mean or max, split train or valid",
    ),
    Metric("gaintrace_interactions_total", "counter", SWEEP, "interactions trained on, summed over the runs"),
    Metric("gaintrace_step_seconds", "histogram", SWEEP, "seconds between batches, as the host sees them"),
    Metric("gaintrace_checkpoint_writes_total", "counter", SWEEP, "checkpoints written, one a run"),
    Metric("gaintrace_checkpoint_seconds_total", "counter", SWEEP, "seconds spent writing checkpoints"),
    Metric(
        "gaintrace_store_errors_total",
        "counter",
        (*SWEEP, "outcome"),
        "requests to the store that failed: retried, or failed for good",
    ),
    Metric(
        "gaintrace_store_operations_total",
        "counter",
        SWEEP,
        "reads, writes and the like that ended, well or for good, whatever retries they took",
    ),
)
"""Served by a trainer on /metrics."""

GPU = (
    Metric("gaintrace_gpu_utilization_ratio", "gauge", ("gpu",), "share of the last sample in which a kernel ran"),
    Metric("gaintrace_gpu_memory_used_bytes", "gauge", ("gpu",), "device memory in use"),
    Metric("gaintrace_gpu_memory_total_bytes", "gauge", ("gpu",), "device memory there is"),
    Metric("gaintrace_gpu_power_watts", "gauge", ("gpu",), "power drawn"),
    Metric("gaintrace_gpu_energy_joules_total", "counter", ("gpu",), "energy used since the driver was loaded"),
    Metric("gaintrace_gpu_temperature_celsius", "gauge", ("gpu",), "temperature of the chip"),
    Metric("gaintrace_gpu_sm_clock_hertz", "gauge", ("gpu",), "clock of its multiprocessors"),
    Metric(
        "gaintrace_gpu_throttled",
        "gauge",
        ("gpu", "reason"),
        "1 while the clock is held down: by power (its cap), thermal, brake (the supply's), hardware",
    ),
    Metric(
        "gaintrace_gpu_ecc_errors_total",
        "counter",
        ("gpu", "kind"),
        "errors in memory since the driver was loaded: corrected, uncorrected",
    ),
)
"""Served by a trainer that sees a GPU, by NVML at the time of the scrape."""

OUTCOME = (
    Metric("gaintrace_sweep_best_combined", "gauge", SWEEP, "E1 + α·E2 of the best run, test AUC"),
    Metric("gaintrace_sweep_best_auc_ratio", "gauge", (*SWEEP, "encoder"), "test AUC of the best run"),
    Metric("gaintrace_sweep_runs", "gauge", (*SWEEP, "status"), "runs: succeeded, stopped, failed, missing"),
    Metric("gaintrace_sweep_coverage_ratio", "gauge", SWEEP, "share that succeeded of the runs not stopped"),
    Metric("gaintrace_sweep_findings", "gauge", SWEEP, "diagnoses that the report names"),
    Metric("gaintrace_sweep_train_seconds", "gauge", SWEEP, "training time summed over the runs (device-seconds)"),
    Metric("gaintrace_sweep_duration_seconds", "gauge", SWEEP, "from the sweep's first plan to this aggregation"),
    Metric("gaintrace_sweep_last_timestamp_seconds", "gauge", SWEEP, "when a sweep was last aggregated, Unix time"),
    Metric(
        "gaintrace_sweep_last_success_timestamp_seconds",
        "gauge",
        SWEEP,
        "when one with enough runs was; a failure leaves it as it is",
    ),
)
"""Pushed by the aggregator once a sweep, and written beside the results as metrics.prom."""

VALIDATION = (
    Metric("gaintrace_validation_auc_ratio", "gauge", ("dataset", "encoder"), "mean test AUC of the default"),
    Metric(
        "gaintrace_validation_reference_auc_ratio",
        "gauge",
        ("dataset", "encoder"),
        "what is recorded for the default there",
    ),
    Metric("gaintrace_validation_regression", "gauge", ("dataset",), "1 if it is worse than recorded, else 0"),
    Metric(
        "gaintrace_validation_undecided",
        "gauge",
        ("dataset",),
        "1 if all the seeds there are cannot tell whether it is worse, else 0",
    ),
    Metric(
        "gaintrace_validation_last_timestamp_seconds",
        "gauge",
        ("dataset",),
        "when a validation last ended, with a verdict or without, Unix time",
    ),
    Metric(
        "gaintrace_validation_last_success_timestamp_seconds",
        "gauge",
        ("dataset",),
        "when a validation last came to a verdict, Unix time",
    ),
)
"""Pushed by `gaintrace validate` for each data set."""

ALL = LIVE + GPU + OUTCOME + VALIDATION
FAMILIES = {
    "Trainer": LIVE,
    "GPU of a trainer": GPU,
    "Outcome of a sweep": OUTCOME,
    "Validation": VALIDATION,
}


def gauges(metrics: tuple[Metric, ...], registry: CollectorRegistry) -> dict[str, Gauge]:
    """Gauges of a family, by name."""
    return {m.name: Gauge(m.name, m.meaning, m.labels, registry=registry) for m in metrics if m.kind == "gauge"}


def counters(metrics: tuple[Metric, ...], registry: CollectorRegistry) -> dict[str, Counter]:
    """Counters of a family, by name."""
    return {m.name: Counter(m.name, m.meaning, m.labels, registry=registry) for m in metrics if m.kind == "counter"}


def histograms(metrics: tuple[Metric, ...], registry: CollectorRegistry) -> dict[str, Histogram]:
    """Histograms of a family, by name."""
    return {
        m.name: Histogram(m.name, m.meaning, m.labels, buckets=STEP_SECONDS, registry=registry)
        for m in metrics
        if m.kind == "histogram"
    }
