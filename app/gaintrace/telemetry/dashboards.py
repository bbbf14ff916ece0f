"""The Grafana dashboards as data: rows of panels, laid out on Grafana's grid of 24 columns."""

import json
from dataclasses import dataclass, field
from typing import Any

from gaintrace.telemetry import queries

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
HEIGHT = 8


@dataclass(frozen=True)
class Panel:
    """One panel: what it shows, its queries as (expression, legend), and Grafana's name of its unit."""

    title: str
    description: str
    unit: str
    queries: list[tuple[str, str]]
    kind: str = "timeseries"
    width: int = 8
    height: int = HEIGHT
    thresholds: list[tuple[float | None, str]] = field(default_factory=lambda: [(None, "green")])
    top: float | None = None
    """Where the axis ends, if fixed."""


PHASE = 'phase=~"$phase",dataset=~"$dataset"'
SPACE = 'namespace=~"$namespace"'


def _of_namespace(expression: str) -> str:
    """Only the pods of the chosen namespaces; kube-state-metrics knows every pod there is."""
    return f"({expression}) and on (namespace, pod) kube_pod_status_phase{{{SPACE}}}"


def _gpu_cluster() -> tuple[list[Panel], list[str]]:
    util = f"({queries.UTILISATION})"
    memory = queries.either(
        f"sum by (namespace, pod) ({queries.dcgm('DCGM_FI_DEV_FB_USED')}) * 1048576",
        "sum by (namespace, pod) (gaintrace_gpu_memory_used_bytes)",
    )
    power = queries.either(
        f"sum by (namespace, pod) ({queries.dcgm('DCGM_FI_DEV_POWER_USAGE')})",
        "sum by (namespace, pod) (gaintrace_gpu_power_watts)",
    )
    consumed = queries.dcgm("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION")
    phases = "max by (namespace, pod, phase) (gaintrace_epoch)"
    # increase() wants a plain selector; the counter's last minus its first value does without.
    used = f"max_over_time(({consumed})[$__range:]) - min_over_time(({consumed})[$__range:])"
    by_dcgm = f"sum by (namespace, pod) ({used}) / 1000"
    own = "sum by (namespace, pod) (increase(gaintrace_gpu_energy_joules_total[$__range]))"
    energy = f"sum by (phase) (({queries.either(by_dcgm, own)}) * on (namespace, pod) group_left (phase) {phases})"
    tensor = queries.dcgm("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE")
    panels = [
        Panel(
            "GPUs held by training",
            "GPUs that training pods have requested and got a node for.",
            "short",
            [(f"sum({_of_namespace(queries.ALLOCATED)}) or vector(0)", "GPUs")],
            "stat",
            width=6,
            height=4,
        ),
        Panel(
            "Mean utilisation",
            "Over the GPUs of all training pods, now.",
            "percentunit",
            [(f"avg({_of_namespace(util)})", "utilisation")],
            "stat",
            width=6,
            height=4,
            thresholds=[(None, "red"), (0.5, "orange"), (0.9, "green")],
        ),
        Panel(
            "Held but idle",
            f"GPUs whose pod has used less than {queries.IDLE_RATIO:.0%} of them in the last sample.",
            "short",
            [(f"sum({_of_namespace(queries.IDLE)}) or vector(0)", "GPUs")],
            "stat",
            width=6,
            height=4,
            thresholds=[(None, "green"), (1, "red")],
        ),
        Panel(
            "Pods that wait",
            "Pods of gaintrace that no node has taken yet.",
            "short",
            [(f"count({_of_namespace(queries.PENDING)}) or vector(0)", "pods")],
            "stat",
            width=6,
            height=4,
            thresholds=[(None, "green"), (1, "orange")],
        ),
        Panel(
            "Utilisation by pod",
            "Share of the time in which a kernel ran: DCGM's figure or, without DCGM, the trainer's own.",
            "percentunit",
            [(_of_namespace(util), "{{pod}}")],
            top=1,
            width=12,
        ),
        Panel("Memory by pod", "Device memory in use.", "bytes", [(_of_namespace(memory), "{{pod}}")], width=12),
        Panel("Power by pod", "Power drawn.", "watt", [(_of_namespace(power), "{{pod}}")], width=12),
        Panel(
            "Tensor cores",
            "Share of the time in which the tensor cores worked (DCGM only).",
            "percentunit",
            [(_of_namespace(f"avg by (namespace, pod) ({tensor})"), "{{pod}}")],
            top=1,
            width=12,
        ),
        Panel(
            "Energy by sweep",
            "Joules over the time range shown, summed over the pods of a sweep.",
            "joule",
            [(energy, "{{phase}}")],
            "bargauge",
            width=12,
        ),
        Panel(
            "Workflows",
            "Argo's workflows by phase, of the whole controller.",
            "short",
            [("sum by (phase) (argo_workflows_gauge)", "{{phase}}")],
            width=12,
        ),
    ]
    return panels, ["namespace"]


def _sweep() -> tuple[list[Panel], list[str]]:
    steps = f"gaintrace_step_seconds_bucket{{{PHASE}}}"
    progress = f"avg by (phase) (gaintrace_progress_ratio{{{PHASE}}})"
    rate = f"avg by (phase) (deriv(gaintrace_progress_ratio{{{PHASE}}}[5m]))"

    def auc(encoder: str) -> list[tuple[str, str]]:
        selector = f'{PHASE},encoder="{encoder}"'
        return [
            (
                f'max by (phase, dataset) (gaintrace_auc_ratio{{{selector},split="valid",statistic="max"}})',
                "best valid",
            ),
            (
                f'avg by (phase, dataset) (gaintrace_auc_ratio{{{selector},split="valid",statistic="mean"}})',
                "mean valid",
            ),
            (
                f'avg by (phase, dataset) (gaintrace_auc_ratio{{{selector},split="train",statistic="mean"}})',
                "mean train",
            ),
        ]

    panels = [
        Panel(
            "Progress",
            "Share of the run-epochs of the shards under way that are done.",
            "percentunit",
            [(progress, "{{phase}}")],
            "gauge",
            width=6,
            height=6,
            top=1,
        ),
        Panel(
            "Time left",
            "At the pace of the last five minutes; runs that stop early shorten it.",
            "s",
            [(f"(1 - {progress}) / ({rate} > 0)", "{{phase}}")],
            "stat",
            width=6,
            height=6,
        ),
        Panel(
            "Runs",
            "Runs of the shards under way, by status.",
            "short",
            [(f"sum by (status) (gaintrace_runs{{{PHASE}}})", "{{status}}")],
            "bargauge",
            width=6,
            height=6,
        ),
        Panel(
            "Failures",
            "Runs that failed, in shards under way and in the last sweep that was aggregated.",
            "short",
            [
                (f'sum(gaintrace_runs{{{PHASE},status="failed"}}) or vector(0)', "under way"),
                (f'sum(gaintrace_sweep_runs{{{PHASE},status=~"failed|missing"}}) or vector(0)', "last sweep"),
            ],
            "stat",
            width=6,
            height=6,
            thresholds=[(None, "green"), (1, "red")],
        ),
        Panel("AUC of encoder 1", "Performance: by epoch, over the runs under way.", "none", auc("e1"), width=12),
        Panel("AUC of encoder 2", "Mastery: by epoch, over the runs under way.", "none", auc("e2"), width=12),
        Panel(
            "Best run so far",
            "Test AUC of the best run of the last aggregation. The ranking itself is in the report.",
            "none",
            [
                (f"gaintrace_sweep_best_combined{{{PHASE}}}", "{{phase}} {{dataset}} combined"),
                (f"gaintrace_sweep_best_auc_ratio{{{PHASE}}}", "{{phase}} {{dataset}} {{encoder}}"),
            ],
            "bargauge",
            width=12,
        ),
        Panel(
            "Loss",
            "Mean over the runs under way, validation.",
            "none",
            [(f'avg by (encoder) (gaintrace_loss{{{PHASE},split="valid"}})', "{{encoder}}")],
            width=12,
        ),
        Panel(
            "Throughput",
            "Interactions trained on a second, summed over runs and pods.",
            "short",
            [(f"sum by (phase) (rate(gaintrace_interactions_total{{{PHASE}}}[$__rate_interval]))", "{{phase}}")],
        ),
        Panel(
            "Seconds between batches",
            "Median and 95th percentile.",
            "s",
            [
                (f"histogram_quantile({quantile}, sum by (le) (rate({steps}[$__rate_interval])))", name)
                for quantile, name in ((0.5, "median"), (0.95, "95 %"))
            ],
        ),
        Panel(
            "Store",
            "Failed requests to the store, and the share of the time that checkpoints take.",
            "short",
            [
                (
                    f"sum by (outcome) (increase(gaintrace_store_errors_total{{{PHASE}}}[$__rate_interval]))",
                    "{{outcome}}",
                ),
                (f"sum(rate(gaintrace_checkpoint_seconds_total{{{PHASE}}}[$__rate_interval]))", "checkpoint share"),
            ],
        ),
    ]
    return panels, ["phase", "dataset"]


def _nightly() -> tuple[list[Panel], list[str]]:
    chosen = 'dataset=~"$dataset"'

    def against(encoder: str) -> list[tuple[str, str]]:
        selector = f'{chosen},encoder="{encoder}"'
        return [
            (f"gaintrace_validation_auc_ratio{{{selector}}}", "{{dataset}}"),
            (f"gaintrace_validation_reference_auc_ratio{{{selector}}}", "{{dataset}} recorded"),
        ]

    gap = f"gaintrace_validation_auc_ratio{{{chosen}}} - gaintrace_validation_reference_auc_ratio{{{chosen}}}"
    panels = [
        Panel(
            "Last verdict",
            "Time since a validation last came to a verdict.",
            "s",
            [(f"time() - gaintrace_validation_last_success_timestamp_seconds{{{chosen}}}", "{{dataset}}")],
            "stat",
            width=12,
            height=5,
            thresholds=[(None, "green"), (1.5 * queries.DAY, "orange"), (queries.NIGHTLY_PERIODS * queries.DAY, "red")],
        ),
        Panel(
            "Regressions",
            "1 where the default is worse than recorded: the interval of the difference lies below zero.",
            "short",
            [(f"gaintrace_validation_regression{{{chosen}}}", "{{dataset}}")],
            "stat",
            width=12,
            height=5,
            thresholds=[(None, "green"), (1, "red")],
        ),
        Panel("E1 over time", "Test AUC of encoder 1 and what is recorded for it.", "none", against("e1"), width=12),
        Panel("E2 over time", "Test AUC of encoder 2 and what is recorded for it.", "none", against("e2"), width=12),
        Panel(
            "Difference to what is recorded",
            "New minus recorded test AUC.",
            "none",
            [(gap, "{{dataset}} {{encoder}}")],
            width=24,
        ),
    ]
    return panels, ["dataset"]


DASHBOARDS = {
    "gpu-cluster": ("gaintrace: GPU cluster", _gpu_cluster),
    "sweep": ("gaintrace: sweep", _sweep),
    "nightly": ("gaintrace: nightly", _nightly),
}
VARIABLES = {
    "namespace": "label_values(kube_pod_info, namespace)",
    "phase": "label_values(gaintrace_sweep_runs, phase)",
    "dataset": 'label_values({__name__=~"gaintrace_(sweep_runs|validation_regression)"}, dataset)',
}


def render(name: str) -> str:
    """A dashboard's JSON, as the chart ships it."""
    title, build = DASHBOARDS[name]
    panels, variables = build()
    board = {
        "uid": f"gaintrace-{name}",
        "title": title,
        "tags": ["gaintrace"],
        "schemaVersion": 41,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-30d" if name == "nightly" else "now-3h", "to": "now"},
        "templating": {"list": [_source(), *(_variable(name) for name in variables)]},
        "panels": _laid_out(panels),
    }
    return json.dumps(board, indent=1, ensure_ascii=False) + "\n"


def _laid_out(panels: list[Panel]) -> list[dict[str, Any]]:
    placed, x, y, row = [], 0, 0, 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > 24:
            x, y, row = 0, y + row, 0
        placed.append(_panel(number, panel, x, y))
        x, row = x + panel.width, max(row, panel.height)
    return placed


def _panel(number: int, panel: Panel, x: int, y: int) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": color} for value, color in panel.thresholds],
        },
    }
    if panel.top is not None:
        defaults |= {"min": 0, "max": panel.top}
    if panel.kind == "timeseries":
        defaults["custom"] = {"lineWidth": 2, "fillOpacity": 0, "showPoints": "auto", "spanNulls": True}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _options(panel),
        "targets": [
            {
                "refId": chr(ord("A") + position),
                "datasource": SOURCE,
                "expr": expression,
                "legendFormat": legend,
                "instant": panel.kind != "timeseries",
                "range": panel.kind == "timeseries",
            }
            for position, (expression, legend) in enumerate(panel.queries)
        ],
    }


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "timeseries":
        return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}


def _source() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _variable(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": VARIABLES[name], "refId": "variable"},
        "definition": VARIABLES[name],
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"text": "All", "value": "$__all"},
    }
