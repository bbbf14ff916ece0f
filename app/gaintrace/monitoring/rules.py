"""The alerts, as a Prometheus rule file. What each means and what to do stands in docs/runbook.md."""

import yaml

from gaintrace.monitoring import conditions

RUNBOOK = "docs/runbook.md"
"""The chart puts `metrics.prometheusRule.runbookBaseUrl` before it."""

WHERE = "{{ $labels.namespace }}/{{ $labels.pod }}"


def _alert(
    name: str, expression: str, held: str, severity: str, summary: str, description: str, **labels: str
) -> dict[str, object]:
    return {
        "alert": name,
        "expr": expression,
        "for": held,
        "labels": {"severity": severity, **labels},
        "annotations": {"summary": summary, "description": description, "runbook_url": f"{RUNBOOK}#{name.lower()}"},
    }


ALERTS = [
    _alert(
        "GaintraceNightlyMissed",
        conditions.MISSED,
        "15m",
        "warning",
        "No nightly verdict on {{ $labels.dataset }} for two periods of the schedule",
        "The last validation of the default on {{ $labels.dataset }} that came to a verdict was "
        f"{{{{ $value | humanizeDuration }}}} ago; one is due every {{{{ humanizeDuration {conditions.PERIOD} }}}}.",
    ),
    _alert(
        "GaintraceNightlyMissed",
        conditions.NEVER,
        f"{conditions.TWICE}s",
        "warning",
        "{{ $value }} data sets were never validated in {{ $labels.namespace }}",
        "For two periods of the schedule nightly.datasets has listed {{ $value }} data sets more than a validation "
        "ever ended on.",
        verdict="never",
    ),
    _alert(
        "GaintraceNightlyFailed",
        conditions.FRUITLESS,
        "0m",
        "warning",
        "The last validation on {{ $labels.dataset }} came to no verdict",
        "A validation of the default on {{ $labels.dataset }} failed, or cannot be compared with what is recorded.",
    ),
    _alert(
        "GaintraceAucRegression",
        conditions.REGRESSION,
        "0m",
        "critical",
        "The default got worse on {{ $labels.dataset }}",
        "The AUC on {{ $labels.dataset }} lies below what is recorded by more than the smallest difference that "
        "matters, and more surely than chance would make it in a year of nights.",
    ),
    _alert(
        "GaintraceValidationUndecided",
        conditions.UNDECIDED,
        f"{conditions.TWICE}s",
        "warning",
        "Nothing tells whether the default got worse on {{ $labels.dataset }}",
        "For two periods of the schedule the seeds recorded for {{ $labels.dataset }} have been too few to tell "
        "whether the default differs there by more than matters.",
    ),
    _alert(
        "GaintraceRunsUnfinished",
        conditions.UNFINISHED,
        "0m",
        "warning",
        "{{ $value }} runs of {{ $labels.phase }} failed or are missing",
        "The last sweep {{ $labels.phase }} on {{ $labels.dataset }} has {{ $value }} runs without a result; "
        "its report names them and their errors.",
    ),
    _alert(
        "GaintraceGpuIdle",
        conditions.IDLE,
        conditions.IDLE_FOR,
        "warning",
        "{{ $labels.pod }} holds a GPU and does not use it",
        f"Utilisation of the GPU held by {WHERE} on {{{{ $labels.node }}}} has been under "
        f"{conditions.IDLE_RATIO:.0%} for {conditions.IDLE_FOR}.",
    ),
    _alert(
        "GaintraceGpuXid",
        conditions.XID,
        "0m",
        "warning",
        "The GPU of {{ $labels.pod }} reports XID {{ $value }}",
        f"{WHERE} holds GPU {{{{ $labels.UUID }}}}, whose driver has just reported XID {{{{ $value }}}}.",
    ),
    _alert(
        "GaintraceImagePull",
        conditions.NOT_STARTING,
        conditions.IMAGE_FOR,
        "warning",
        "{{ $labels.pod }} cannot start: {{ $labels.reason }}",
        f"A container of {WHERE} has waited for {conditions.IMAGE_FOR} with {{{{ $labels.reason }}}}.",
    ),
    _alert(
        "GaintraceOutOfMemory",
        conditions.OUT_OF_MEMORY,
        "0m",
        "warning",
        "{{ $labels.pod }} was killed for memory",
        f"Container {{{{ $labels.container }}}} of {WHERE} went over its memory limit in the last hour.",
    ),
    _alert(
        "GaintracePodsPending",
        conditions.PENDING,
        conditions.PENDING_FOR,
        "warning",
        "{{ $labels.pod }} cannot be scheduled or started",
        f"{WHERE} has been pending for {conditions.PENDING_FOR}.",
    ),
    _alert(
        "GaintraceTrainingStalled",
        conditions.STALLED,
        conditions.STALLED_FOR,
        "warning",
        "Training of {{ $labels.phase }} does not move",
        f"{WHERE} has active runs and has made no progress for {conditions.STALLED_FOR}.",
    ),
    _alert(
        "GaintraceStoreErrors",
        conditions.STORE_FAILING,
        "0m",
        "critical",
        "The store fails for {{ $labels.phase }}",
        "{{ $value | humanizePercentage }} of what {{ $labels.phase }} on {{ $labels.dataset }} asked of the store "
        "failed for good in the last quarter of an hour, after all retries.",
    ),
    _alert(
        "GaintraceGpuMetricsAbsent",
        conditions.BLIND,
        "15m",
        "warning",
        "Nothing says what the GPUs of {{ $labels.namespace }} do",
        "Of {{ $value | humanizePercentage }} of the GPUs that training holds in {{ $labels.namespace }} neither "
        "DCGM's exporter nor the trainers tell anything.",
    ),
]


def render() -> str:
    """The rule file; a Prometheus can read it once what stands between @ is filled in."""
    text = yaml.safe_dump({"groups": [{"name": "gaintrace", "rules": ALERTS}]}, sort_keys=False, width=110)
    return (
        "# Written by `make docs` from app/gaintrace/monitoring/rules.py; the chart fills in what stands between @.\n"
        + text
    )
