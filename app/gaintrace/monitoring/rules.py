"""The alerts, as a Prometheus rule file. What each means and what to do stands in docs/runbook.md."""

import yaml

from gaintrace.monitoring import queries

RUNBOOK = "docs/runbook.md"
"""The chart puts `metrics.prometheusRule.runbookBaseUrl` before it."""


def _alert(name: str, expression: str, held: str, severity: str, summary: str, description: str) -> dict[str, object]:
    return {
        "alert": name,
        "expr": expression,
        "for": held,
        "labels": {"severity": severity},
        "annotations": {"summary": summary, "description": description, "runbook_url": f"{RUNBOOK}#{name.lower()}"},
    }


ALERTS = [
    _alert(
        "GaintraceNightlyMissed",
        queries.MISSED,
        "15m",
        "warning",
        "No nightly verdict on {{ $labels.dataset }} for two days",
        "The last validation of the default on {{ $labels.dataset }} that came to a verdict was "
        "{{ $value | humanizeDuration }} ago; one is due every day.",
    ),
    _alert(
        "GaintraceNightlyFailed",
        queries.FRUITLESS,
        "0m",
        "warning",
        "The last validation on {{ $labels.dataset }} came to no verdict",
        "A validation of the default on {{ $labels.dataset }} failed, or cannot be compared with what is recorded.",
    ),
    _alert(
        "GaintraceAucRegression",
        queries.REGRESSION,
        "0m",
        "critical",
        "The default got worse on {{ $labels.dataset }}",
        "The AUC on {{ $labels.dataset }} lies below what is recorded by more than the smallest difference that "
        "matters, and more surely than chance would make it in a year of nights.",
    ),
    _alert(
        "GaintraceValidationUndecided",
        queries.UNDECIDED,
        queries.UNDECIDED_FOR,
        "warning",
        "Nothing tells whether the default got worse on {{ $labels.dataset }}",
        f"For {queries.UNDECIDED_FOR} the seeds recorded for {{{{ $labels.dataset }}}} have been too few to tell "
        "whether the default differs there by more than matters.",
    ),
    _alert(
        "GaintraceRunsUnfinished",
        queries.UNFINISHED,
        "0m",
        "warning",
        "{{ $value }} runs of {{ $labels.phase }} failed or are missing",
        "The last sweep {{ $labels.phase }} on {{ $labels.dataset }} has {{ $value }} runs without a result; "
        "its report names them and their errors.",
    ),
    _alert(
        "GaintraceGpuIdle",
        queries.IDLE,
        queries.IDLE_FOR,
        "warning",
        "{{ $labels.pod }} holds a GPU and does not use it",
        "Utilisation of the GPU held by {{ $labels.namespace }}/{{ $labels.pod }} has been under "
        f"{queries.IDLE_RATIO:.0%} for {queries.IDLE_FOR}.",
    ),
    _alert(
        "GaintracePodsPending",
        queries.PENDING,
        queries.PENDING_FOR,
        "warning",
        "{{ $labels.pod }} cannot be scheduled",
        f"{{{{ $labels.namespace }}}}/{{{{ $labels.pod }}}} has been pending for {queries.PENDING_FOR}.",
    ),
    _alert(
        "GaintraceTrainingStalled",
        queries.STALLED,
        queries.STALLED_FOR,
        "warning",
        "Training of {{ $labels.phase }} does not move",
        f"{{{{ $labels.pod }}}} has active runs and has made no progress for {queries.STALLED_FOR}.",
    ),
    _alert(
        "GaintraceStoreErrors",
        queries.STORE_FAILING,
        "0m",
        "critical",
        "The store fails for {{ $labels.phase }}",
        '{{ $value | printf "%.0f" }} requests of {{ $labels.phase }} on {{ $labels.dataset }} to the store failed '
        "in a quarter of an hour; training waits while they are tried again, and stops where they fail for good.",
    ),
    _alert(
        "GaintraceGpuMetricsAbsent",
        queries.BLIND,
        "15m",
        "warning",
        "Nothing says what the GPUs do",
        "Training pods hold GPUs ({{ $value }}), and neither the DCGM exporter nor the trainers are scraped.",
    ),
]


def render() -> str:
    """The rule file, which promtool reads as it is."""
    text = yaml.safe_dump({"groups": [{"name": "gaintrace", "rules": ALERTS}]}, sort_keys=False, width=110)
    return "# Written by `make docs` from app/gaintrace/monitoring/rules.py.\n" + text
