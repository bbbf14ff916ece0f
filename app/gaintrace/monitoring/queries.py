"""Expressions that dashboards and alerts share: one place for selectors, joins and thresholds."""

PODS = r".+-(plan|train|validate|aggregate|outcome)-[0-9]+"
"""Names that Argo gives our pods: workflow, template, number."""

TRAINING = r".+-(train|validate)-[0-9]+"

SWEEP = "namespace, phase, dataset"
"""Labels of a sweep: one of that name may be under way in another namespace. None has a namespace outside a cluster."""

IDLE_RATIO = 0.05
"""A GPU below this utilisation does nothing worth its price."""

IDLE_FOR = "15m"
PENDING_FOR = "30m"
STALLED_FOR = "30m"
STORE_ERRORS = 10
"""More failed requests in a quarter of an hour than a healthy store has. A trainer that gives up ends too soon for its
last count to be scraped; the attempts before, over two minutes, are seen."""

DAY = 86400
NIGHTLY_PERIODS = 2
"""A nightly validation is missed when its last verdict is older than so many days."""


def dcgm(metric: str, function: str = "{}") -> str:
    """A DCGM metric of our training pods, with `pod` and `namespace` of the workload; `function` is applied to it.

    With honorLabels off, as in the exporter's own chart, DCGM's labels arrive as exported_pod and exported_namespace,
    and pod and namespace are the exporter's. Either form may be what a cluster has.
    """
    forms = [f'{metric}{{exported_pod=~"{TRAINING}"}}', f'{metric}{{exported_pod="",pod=~"{TRAINING}"}}']
    series = "(" + " or ".join(function.format(form) for form in forms) + ")"
    named = f'label_replace({series}, "pod", "$1", "exported_pod", "(.+)")'
    return f'label_replace({named}, "namespace", "$1", "exported_namespace", "(.+)")'


def either(first: str, second: str) -> str:
    """By pod the first, and the second for pods of which the first has no series."""
    return f"({first}) or on (namespace, pod) ({second})"


UTILISATION = either(
    f"avg by (namespace, pod) ({dcgm('DCGM_FI_DEV_GPU_UTIL')}) / 100",
    "avg by (namespace, pod) (gaintrace_gpu_utilization_ratio)",
)
"""Utilisation by pod, 0 to 1: DCGM's, or the trainer's own."""

ALLOCATED = (
    f'sum by (namespace, pod) (kube_pod_container_resource_requests{{resource="nvidia_com_gpu",pod=~"{TRAINING}"}} > 0)'
)
"""GPUs that a training pod holds."""

IDLE = f"{ALLOCATED} and on (namespace, pod) (({UTILISATION}) < {IDLE_RATIO})"
"""GPUs held by pods that do not use them."""

PENDING = f'sum by (namespace, pod) (kube_pod_status_phase{{phase="Pending",pod=~"{PODS}"}}) > 0'

BLIND = (
    f"sum({ALLOCATED}) > 0 unless on() (count(DCGM_FI_DEV_GPU_UTIL) > 0 or count(gaintrace_gpu_utilization_ratio) > 0)"
)
"""GPUs are held, and nothing says what they do."""

RECENT = f"(time() - gaintrace_sweep_last_timestamp_seconds < {DAY})"
"""Sweeps of the last day: a Pushgateway never forgets the older ones."""

UNFINISHED = f'sum by ({SWEEP}) (gaintrace_sweep_runs{{status=~"failed|missing"}}) > 0 and on ({SWEEP}) {RECENT}'
MISSED = f"time() - gaintrace_validation_last_success_timestamp_seconds > {NIGHTLY_PERIODS * DAY}"
FRUITLESS = (
    "gaintrace_validation_last_timestamp_seconds > gaintrace_validation_last_success_timestamp_seconds"
    " or gaintrace_validation_last_timestamp_seconds"
    " unless on (namespace, dataset) gaintrace_validation_last_success_timestamp_seconds"
)
"""Validations that ended without a verdict, be it the first time or every time so far."""

REGRESSION = "gaintrace_validation_regression == 1"
UNDECIDED = "gaintrace_validation_undecided == 1"
UNDECIDED_FOR = "2d"
"""Three nights in a row: a single one that chance made undecided is nobody's work."""

STORE_FAILING = (
    f"sum by ({SWEEP}) (increase(gaintrace_store_errors_total[15m])) > {STORE_ERRORS}"
    f' or sum by ({SWEEP}) (increase(gaintrace_store_errors_total{{outcome="failed"}}[15m])) > 0'
)
STALLED = "gaintrace_members_active > 0 and changes(gaintrace_progress_ratio[5m]) == 0"
