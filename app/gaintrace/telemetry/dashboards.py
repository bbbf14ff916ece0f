"""The Grafana dashboards: GPU cluster, sweep, nightly."""

import json

from gaintrace.telemetry import queries
from gaintrace.telemetry.grafana import Dashboard, Panel

PHASE = 'phase=~"$phase",dataset=~"$dataset"'
SPACE = 'namespace=~"$namespace"'
OURS = f'kube_pod_status_phase{{pod=~"{queries.PODS}"}}'


def _of_namespace(expression: str) -> str:
    """Only the pods of the chosen namespaces; kube-state-metrics knows every pod there is."""
    return f"({expression}) and on (namespace, pod) kube_pod_status_phase{{{SPACE}}}"


def _gpu_cluster() -> Dashboard:
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
            "GPUs held but idle",
            f"GPUs whose pod has used less than {queries.IDLE_RATIO:.0%} of them in the last sample.",
            "short",
            [(f"sum({_of_namespace(queries.IDLE)}) or vector(0)", "GPUs")],
            "stat",
            width=6,
            height=4,
            thresholds=[(None, "green"), (1, "red")],
        ),
        Panel(
            "Pods that wait for a node",
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
            "Tensor cores by pod",
            "Share of the time in which the tensor cores worked (DCGM only).",
            "percentunit",
            [(_of_namespace(f"avg by (namespace, pod) ({tensor})"), "{{pod}}")],
            top=1,
            width=12,
        ),
        Panel(
            "Energy by sweep",
            "Over the time range shown, summed over the sweep's pods while they were scraped.",
            "joule",
            [(by_phase, "{{phase}}")],
            "bargauge",
            width=12,
        ),
        Panel(
            "Workflows by phase",
            "All of the Argo controller's, other people's included.",
            "short",
            [("sum by (phase) (argo_workflows_gauge)", "{{phase}}")],
            width=12,
        ),
    ]
    return Dashboard(
        "gpu-cluster", "gaintrace: GPU cluster", "now-3h", panels, {"namespace": f"label_values({OURS}, namespace)"}
    )


def _sweep() -> Dashboard:
    steps = f"gaintrace_step_seconds_bucket{{{PHASE}}}"
    progress = f"avg by (phase, dataset) (gaintrace_progress_ratio{{{PHASE}}})"
    pace = f"avg by (phase, dataset) (deriv(gaintrace_progress_ratio{{{PHASE}}}[5m]))"
    sweep = "{{phase}} {{dataset}}"

    def auc(encoder: str) -> list[tuple[str, str]]:
        auc = f'gaintrace_auc_ratio{{{PHASE},encoder="{encoder}"'
        return [
            (f'max by (phase, dataset) ({auc},split="valid",statistic="max"}})', f"{sweep}: best valid"),
            (f'avg by (phase, dataset) ({auc},split="valid",statistic="mean"}})', f"{sweep}: valid"),
            (f'avg by (phase, dataset) ({auc},split="train",statistic="mean"}})', f"{sweep}: train"),
        ]

    best_valid = f'max_over_time(gaintrace_auc_ratio{{{PHASE},split="valid",statistic="max"}}[$__range])'
    panels = [
        Panel(
            "Progress",
            "Of the shards under way: the share of their run-epochs that is done. `gaintrace watch` counts the shards.",
            "percentunit",
            [(progress, sweep)],
            "gauge",
            width=6,
            height=6,
            top=1,
        ),
        Panel(
            "Time left",
            "For the shards under way, at the pace of the last five minutes; runs that stop early shorten it.",
            "s",
            [(f"(1 - {progress}) / ({pace} > 0)", sweep)],
            "stat",
            width=6,
            height=6,
        ),
        Panel(
            "Runs under way",
            "Runs of the shards under way, by status.",
            "short",
            [(f"sum by (status) (gaintrace_runs{{{PHASE}}})", "{{status}}")],
            "bargauge",
            width=6,
            height=6,
        ),
        Panel(
            "Failures",
            "Runs that failed in the shards under way, and those without a result in the last sweeps aggregated.",
            "short",
            [
                (f'sum(gaintrace_runs{{{PHASE},status="failed"}}) or vector(0)', "failed, under way"),
                (f'sum(gaintrace_sweep_runs{{{PHASE},status="failed"}}) or vector(0)', "failed, aggregated"),
                (f'sum(gaintrace_sweep_runs{{{PHASE},status="missing"}}) or vector(0)', "missing, aggregated"),
            ],
            "stat",
            width=6,
            height=6,
            thresholds=[(None, "green"), (1, "red")],
        ),
        Panel(
            "AUC of encoder 1",
            "Performance, by epoch, over the runs under way: the best of them, and their means.",
            "none",
            auc("e1"),
            width=12,
            decimals=4,
        ),
        Panel(
            "AUC of encoder 2",
            "Mastery, by epoch, over the runs under way: the best of them, and their means.",
            "none",
            auc("e2"),
            width=12,
            decimals=4,
        ),
        Panel(
            "Ranking so far",
            "Best validation AUC of any run in the time range, best first. A series for each run would never end; "
            "`gaintrace aggregate` ranks the runs at any time.",
            "none",
            [(f"sort_desc(max by (phase, dataset, encoder) ({best_valid}))", f"{sweep} {{{{encoder}}}}")],
            "bargauge",
            decimals=4,
        ),
        Panel(
            "Best run of the last aggregation",
            "Its test AUC, and what runs are ranked by. The report has the ranking.",
            "none",
            [
                (f"gaintrace_sweep_best_combined{{{PHASE}}}", f"{sweep} combined"),
                (f"gaintrace_sweep_best_auc_ratio{{{PHASE}}}", f"{sweep} {{{{encoder}}}}"),
            ],
            "bargauge",
            decimals=4,
        ),
        Panel(
            "Loss",
            "Mean over the runs under way, validation, in nats a target.",
            "none",
            [
                (
                    f'avg by (phase, dataset, encoder) (gaintrace_loss{{{PHASE},split="valid"}})',
                    f"{sweep} {{{{encoder}}}}",
                )
            ],
            decimals=4,
        ),
        Panel(
            "Interactions a second",
            "Trained on, summed over runs and pods.",
            "short",
            [(f"sum by (phase, dataset) (rate(gaintrace_interactions_total{{{PHASE}}}[$__rate_interval]))", sweep)],
            width=6,
        ),
        Panel(
            "Time between batches",
            "Median and 95th percentile over the pods.",
            "s",
            [
                (f"histogram_quantile({quantile}, sum by (le) (rate({steps}[$__rate_interval])))", name)
                for quantile, name in ((0.5, "median"), (0.95, "95 %"))
            ],
            width=6,
        ),
        Panel(
            "Time spent on checkpoints",
            "Share of a pod's time, mean over the pods. Training skips checkpoints that would cost more than 5 %.",
            "percentunit",
            [
                (
                    f"avg by (phase, dataset) (rate(gaintrace_checkpoint_seconds_total{{{PHASE}}}[$__rate_interval]))",
                    sweep,
                )
            ],
            width=6,
        ),
        Panel(
            "Failed requests to the store",
            "A minute: those that are tried again, and those that failed for good.",
            "short",
            [
                (
                    f"sum by (outcome) (rate(gaintrace_store_errors_total{{{PHASE}}}[$__rate_interval])) * 60",
                    "{{outcome}}",
                )
            ],
            width=6,
        ),
    ]
    known = '{__name__=~"gaintrace_runs|gaintrace_sweep_runs"}'
    variables = {"phase": f"label_values({known}, phase)", "dataset": f"label_values({known}, dataset)"}
    return Dashboard("sweep", "gaintrace: sweep", "now-3h", panels, variables)


def _nightly() -> Dashboard:
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
            "Since the last verdict",
            "Time since a validation of the data set last came to a verdict; one is due every day.",
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
        Panel(
            "E1 over time",
            "Test AUC of encoder 1 and what is recorded for it.",
            "none",
            against("e1"),
            width=12,
            decimals=4,
        ),
        Panel(
            "E2 over time",
            "Test AUC of encoder 2 and what is recorded for it.",
            "none",
            against("e2"),
            width=12,
            decimals=4,
        ),
        Panel(
            "Difference to what is recorded",
            "New minus recorded test AUC.",
            "none",
            [(gap, "{{dataset}} {{encoder}}")],
            width=24,
            decimals=4,
        ),
    ]
    variables = {"dataset": "label_values(gaintrace_validation_regression, dataset)"}
    return Dashboard("nightly", "gaintrace: nightly", "now-30d", panels, variables)


DASHBOARDS = {board.name: board for board in (_gpu_cluster(), _sweep(), _nightly())}


def render(name: str) -> str:
    """A dashboard's JSON, as the chart ships it."""
    return json.dumps(DASHBOARDS[name].json, indent=1, ensure_ascii=False) + "\n"
