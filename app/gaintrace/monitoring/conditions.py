"""What is wrong, as expressions: of the alerts, and of dashboards that count it. Thresholds stand here alone."""

from gaintrace.monitoring.scope import POD, RELEASE, SWEEP, Scope

IDLE_RATIO = 0.05
"""A GPU below this utilisation does nothing worth its price."""

IDLE_FOR = "15m"
PENDING_FOR = "30m"
STALLED_FOR = "30m"
IMAGE_FOR = "5m"
"""A registry that is away for a moment is none of it: pulls are tried again after 10, 20, 40, … seconds."""

BLIND_RATIO = 0.5
"""Of the GPUs held. Some pods have always just begun, and are not scraped yet."""

STORE_FAILED_RATIO = 0.01
"""Of the operations of a quarter of an hour, those that failed for good, after two minutes of retries. What worked in
the end is none of them, however often it was retried."""

DAY = 86400
PERIOD = "@nightlyPeriod@"
"""Seconds between nights, which the chart takes from `nightly.schedule`."""

LATE, TWICE = "@nightlyLate@", "@nightlyTwice@"
"""Seconds of one and a half, and of two of them: a nightly validation is missed when its last verdict is older."""

VERDICT = RELEASE.of("gaintrace_validation_last_success_timestamp_seconds")
ENDED = RELEASE.of("gaintrace_validation_last_timestamp_seconds")


def idle(scope: Scope) -> str:
    """GPUs held by pods that do not use them, by pod and node."""
    return f"{scope.allocated} and on ({POD}) (({scope.utilisation}) < {IDLE_RATIO})"


def pending(scope: Scope) -> str:
    """Pods that no node has taken, or that cannot start there."""
    return f"max by ({POD}) ({scope.kept(scope.in_phase('Pending'))})"


MISSED = f"time() - {VERDICT} > {TWICE}"
NEVER = (
    f'label_replace(vector(@nightlyDataSets@) - (count({ENDED}) or vector(0)), "namespace", "@namespace@", "", "") > 0'
)
"""Data sets of `nightly.datasets` that no validation has ended on, be it the first night that did not come."""

FRUITLESS = f"{ENDED} > {VERDICT} or {ENDED} unless on (cluster, namespace, dataset) {VERDICT}"
"""Validations that ended without a verdict, be it the first time or every time so far."""

REGRESSION = f"{RELEASE.of('gaintrace_validation_regression')} == 1"
UNDECIDED = f"{RELEASE.of('gaintrace_validation_undecided')} == 1"
"""To be held for two periods, which is three nights in a row: a single one that chance made so is nobody's work."""

RECENT = f"(time() - {RELEASE.of('gaintrace_sweep_last_timestamp_seconds')} < {DAY})"
"""Sweeps of the last day: a Pushgateway never forgets the older ones."""

_NOT_DONE = RELEASE.of("gaintrace_sweep_runs", 'status=~"failed|missing"')
UNFINISHED = f"sum by ({SWEEP}) ({_NOT_DONE}) > 0 and on ({SWEEP}) {RECENT}"

IDLE = idle(RELEASE)
PENDING = pending(RELEASE)
STALLED = f"{RELEASE.of('gaintrace_members_active')} > 0 and changes({RELEASE.of('gaintrace_progress_ratio')}[5m]) == 0"

_FAILED = RELEASE.of("gaintrace_store_errors_total", 'outcome="failed"')
_OPERATIONS = RELEASE.of("gaintrace_store_operations_total")
STORE_FAILING = (
    f"sum by ({SWEEP}) (increase({_FAILED}[15m])) / sum by ({SWEEP}) (increase({_OPERATIONS}[15m]))"
    f" > {STORE_FAILED_RATIO}"
)

_REASONS = "ImagePullBackOff|ErrImageNeverPull|InvalidImageName|ImageInspectError|RegistryUnavailable"
_REASONS += "|SignatureValidationFailed|CreateContainerConfigError|CreateContainerError"


def _waiting(reasons: str) -> str:
    """Containers of ours or Argo's that wait, or did a moment ago: for an image the reason goes to and fro."""
    metrics = [f"kube_pod_{kind}container_status_waiting_reason" for kind in ("", "init_")]
    reason = f'reason=~"{reasons}"'
    return " or ".join(f"max_over_time({RELEASE.of(metric, reason)}[3m])" for metric in metrics)


_PULLS = f'label_replace({_waiting("ErrImagePull")}, "reason", "ImagePullBackOff", "", "")'
_STUCK = RELEASE.kept(f"({_waiting(_REASONS)} or {_PULLS})")
NOT_STARTING = f"max by ({POD}, reason) ({_STUCK}) > 0"


def _out_of_memory(when: str) -> str:
    """Containers killed for memory. Argo starts none again: theirs is the state, and the last state that of others."""
    killed = 'reason="OOMKilled"'
    states = [
        RELEASE.of(f"kube_pod_container_status_{state}_reason", killed) + when
        for state in ("terminated", "last_terminated")
    ]
    return f"({' or '.join(states)}) == 1"


OUT_OF_MEMORY = (
    f"max by ({POD}, container) ({RELEASE.kept(_out_of_memory(''))})"
    f" unless on ({POD}, container) ({_out_of_memory(' offset 1h')})"
)
"""For an hour: a failed pod stays as long as its workflow does."""

_XID = "max by (cluster, UUID) (DCGM_FI_DEV_XID_ERRORS{})"
XID = (
    f"max by ({POD}, gpu, UUID) ({RELEASE.dcgm('DCGM_FI_DEV_XID_ERRORS')}) > 0"
    f" unless on (cluster, UUID) ({_XID.format('')} == {_XID.format(' offset 15m')})"
)
"""New ones on GPUs that we hold: DCGM shows a GPU's last code for ever, whoever met it."""

BLIND = (
    f"sum by (cluster, namespace) ({RELEASE.allocated} unless on ({POD}) ({RELEASE.utilisation}))"
    f" / sum by (cluster, namespace) ({RELEASE.allocated}) > {BLIND_RATIO}"
)
"""GPUs are held, and nothing says what they do."""
