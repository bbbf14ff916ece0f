"""The dashboard of the GPUs: by DCGM's exporter, and by the trainers' own NVML series where it is not."""

from functools import partial

from gaintrace.monitoring import conditions
from gaintrace.monitoring.grafana import Dashboard, Panel, choice, row, text
from gaintrace.monitoring.panels_gpus import IDLE, POWER, UTILISATION, health, least, most, pods
from gaintrace.monitoring.scope import CHOSEN, EVERYWHERE, GPU, POD, either

stat = partial(Panel, kind="stat", width=4, height=4)
bars = partial(Panel, kind="bargauge", width=12)
wide = partial(Panel, width=12)

HELD = CHOSEN.allocated


def _number(expression: str) -> str:
    """A number that is 0 where there is nothing to count."""
    return f"sum({expression}) or vector(0)"


def _hours(expression: str) -> str:
    """GPU-hours over the time range shown, of what is a number of GPUs at a time."""
    return f"sum_over_time(({_number(expression)})[$__range:$__interval]) * $__interval_ms / 3600000"


def _fleet() -> list[Panel]:
    return [
        stat(
            "GPUs held by training",
            "Requested by training pods that are running.",
            "short",
            [(_number(HELD), "GPUs")],
        ),
        stat(
            "Mean utilisation",
            "Over the GPUs that training holds, now.",
            "percentunit",
            [(f"avg({UTILISATION})", "utilisation")],
            thresholds=[(None, "red"), (0.5, "orange"), (0.9, "green")],
        ),
        stat(
            "Held but idle",
            f"GPUs whose pod used less than {conditions.IDLE_RATIO:.0%} of them in the last sample.",
            "short",
            [(_number(IDLE), "GPUs")],
            thresholds=[(None, "green"), (1, "red")],
        ),
        stat(
            "GPU-hours",
            "Over the time range shown: held, and of these held but idle.",
            "none",
            [(_hours(HELD), "held"), (_hours(IDLE), "idle")],
            decimals=1,
            step="5m",
        ),
        stat(
            "Price of the idle hours",
            "Over the time range shown, at the price of a GPU-hour above (`gpu.hourlyPrice`) and in its currency.",
            "none",
            [(f"({_hours(IDLE)}) * on () (vector($price) > 0)", "price")],
            decimals=2,
            empty="no price set",
            step="5m",
        ),
        stat(
            "Pods that wait",
            "Pods of gaintrace that no node has taken or that cannot start there.",
            "short",
            [(f"count({conditions.pending(CHOSEN)}) or vector(0)", "pods")],
            thresholds=[(None, "green"), (1, "orange")],
        ),
    ]


def _nodes() -> list[Panel]:
    allocatable = f'kube_node_status_allocatable{{cluster=~"$cluster",resource=~"{GPU}"}}'
    there = f"sum by (cluster, node) (max by (cluster, node, resource) ({allocatable}))"
    # A node is taken from the moment that a pod is bound to it, before the pod runs.
    phases = EVERYWHERE.of("kube_pod_status_phase", 'phase=~"Pending|Running"')
    bound = f"(sum by ({POD}, node) ({EVERYWHERE.requests}) and on ({POD}) ({phases} == 1))"
    ours = f"sum by (cluster, node) ({HELD})"
    by_node = "cluster, node"
    return [
        wide(
            "Allocated against allocatable",
            "All GPUs of the cluster: held by the training shown, taken by other pods of any namespace, and free.",
            "short",
            [
                (_number(HELD), "held by training"),
                (f"({_number(bound)}) - ({_number(HELD)})", "taken by others"),
                (f"({_number(there)}) - ({_number(bound)})", "free"),
            ],
            stacked=True,
        ),
        bars(
            "GPUs by node",
            "Held by training, and what the node has to give; the nodes that hold the most.",
            "short",
            [
                (f"topk($top, {ours})", "{{node}} held"),
                (f"{there} and on ({by_node}) topk($top, {ours})", "{{node}} allocatable"),
            ],
        ),
        wide(
            "Utilisation by node",
            "Mean over the GPUs that training holds there; the least used nodes.",
            "percentunit",
            [(least(f"avg by ({by_node}) ({CHOSEN.on_node(UTILISATION)})", by_node), "{{node}}")],
            top=1,
        ),
        wide(
            "Power by node",
            "Drawn by the GPUs that training holds there.",
            "watt",
            [(most(f"sum by ({by_node}) ({CHOSEN.on_node(POWER)})", by_node), "{{node}}")],
        ),
    ]


def _energy() -> list[Panel]:
    by_dcgm = CHOSEN.workload("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "increase({}[$__range])")
    own = CHOSEN.of("gaintrace_gpu_energy_joules_total")
    energy = either(f"sum by ({POD}) ({by_dcgm}) / 1000", f"sum by ({POD}) (increase({own}[$__range]))")
    # Pods that have ended meanwhile count, too; that they are ours their own series say.
    phases = f"max by ({POD}, phase) (max_over_time({CHOSEN.of('gaintrace_epoch')}[$__range]))"
    return [
        bars(
            "Energy by sweep",
            "Over the time range shown, summed over the sweep's pods while they were scraped.",
            "joule",
            [(f"topk($top, sum by (phase) (({energy}) * on ({POD}) group_left (phase) {phases}))", "{{phase}}")],
        ),
        wide(
            "Workflows by phase",
            "All of the Argo controller's, other people's included.",
            "short",
            [('sum by (phase) (argo_workflows_gauge{cluster=~"$cluster"})', "{{phase}}")],
        ),
    ]


def gpu_cluster() -> Dashboard:
    """What training holds of the GPUs there are, what it does with them, by node and pod, and how they fare."""
    panels = [
        *_fleet(),
        row("Nodes"),
        *_nodes(),
        row("Pods"),
        *pods(),
        row("Health"),
        *health(),
        row("Sweeps"),
        *_energy(),
    ]
    known = 'kube_pod_service_account{service_account="@serviceAccount@"}'
    variables = {name: f"label_values({known}, {name})" for name in ("cluster", "namespace")}
    extra = (choice("top", "Show", "5,10,20,50", "10"), text("price", "Price of a GPU-hour", "@hourlyPrice@"))
    return Dashboard("gpu-cluster", "GPU cluster", "now-3h", panels, variables, extra)
