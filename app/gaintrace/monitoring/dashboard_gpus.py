"""The dashboard of the GPUs: by DCGM's exporter, and by the trainers' own NVML series where it is not."""

from functools import partial

from gaintrace.monitoring import queries
from gaintrace.monitoring.grafana import Dashboard, Panel

stat = partial(Panel, kind="stat", width=6, height=4)
wide = partial(Panel, width=12)

SPACE = 'namespace=~"$namespace"'
OURS = f'kube_pod_status_phase{{pod=~"{queries.PODS}"}}'


def _of_namespace(expression: str) -> str:
    """Only the pods of the chosen namespaces; kube-state-metrics knows every pod there is."""
    return f"({expression}) and on (namespace, pod) kube_pod_status_phase{{{SPACE}}}"


def gpu_cluster() -> Dashboard:
    """Utilisation, memory, power and energy of the GPUs that training holds, and what waits for one."""
    util = f"({queries.UTILISATION})"
    memory = queries.either(
        f"sum by (namespace, pod) ({queries.dcgm('DCGM_FI_DEV_FB_USED')}) * 1048576",
        "sum by (namespace, pod) (gaintrace_gpu_memory_used_bytes)",
    )
    power = queries.either(
        f"sum by (namespace, pod) ({queries.dcgm('DCGM_FI_DEV_POWER_USAGE')})",
        "sum by (namespace, pod) (gaintrace_gpu_power_watts)",
    )
    by_dcgm = queries.dcgm("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "increase({}[$__range])")
    energy = queries.either(
        f"sum by (namespace, pod) ({by_dcgm}) / 1000",
        "sum by (namespace, pod) (increase(gaintrace_gpu_energy_joules_total[$__range]))",
    )
    # Pods that have ended meanwhile count, too.
    phases = f"max by (namespace, pod, phase) (max_over_time(gaintrace_epoch{{{SPACE}}}[$__range]))"
    by_phase = f"sum by (phase) (({energy}) * on (namespace, pod) group_left (phase) {phases})"
    tensor = queries.dcgm("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE")
    panels = [
        stat(
            "GPUs held by training",
            "GPUs that training pods have requested and got a node for.",
            "short",
            [(f"sum({_of_namespace(queries.ALLOCATED)}) or vector(0)", "GPUs")],
        ),
        stat(
            "Mean utilisation",
            "Over the GPUs of all training pods, now.",
            "percentunit",
            [(f"avg({_of_namespace(util)})", "utilisation")],
            thresholds=[(None, "red"), (0.5, "orange"), (0.9, "green")],
        ),
        stat(
            "GPUs held but idle",
            f"GPUs whose pod has used less than {queries.IDLE_RATIO:.0%} of them in the last sample.",
            "short",
            [(f"sum({_of_namespace(queries.IDLE)}) or vector(0)", "GPUs")],
            thresholds=[(None, "green"), (1, "red")],
        ),
        stat(
            "Pods that wait for a node",
            "Pods of gaintrace that no node has taken yet.",
            "short",
            [(f"count({_of_namespace(queries.PENDING)}) or vector(0)", "pods")],
            thresholds=[(None, "green"), (1, "orange")],
        ),
        wide(
            "Utilisation by pod",
            "Share of the time in which a kernel ran: DCGM's figure or, without DCGM, the trainer's own.",
            "percentunit",
            [(_of_namespace(util), "{{pod}}")],
            top=1,
        ),
        wide("Memory by pod", "Device memory in use.", "bytes", [(_of_namespace(memory), "{{pod}}")]),
        wide("Power by pod", "Power drawn.", "watt", [(_of_namespace(power), "{{pod}}")]),
        wide(
            "Tensor cores by pod",
            "Share of the time in which the tensor cores worked (DCGM only).",
            "percentunit",
            [(_of_namespace(f"avg by (namespace, pod) ({tensor})"), "{{pod}}")],
            top=1,
        ),
        wide(
            "Energy by sweep",
            "Over the time range shown, summed over the sweep's pods while they were scraped.",
            "joule",
            [(by_phase, "{{phase}}")],
            "bargauge",
        ),
        wide(
            "Workflows by phase",
            "All of the Argo controller's, other people's included.",
            "short",
            [("sum by (phase) (argo_workflows_gauge)", "{{phase}}")],
        ),
    ]
    return Dashboard(
        "gpu-cluster", "gaintrace: GPU cluster", "now-3h", panels, {"namespace": f"label_values({OURS}, namespace)"}
    )
