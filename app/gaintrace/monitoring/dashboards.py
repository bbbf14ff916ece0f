"""The Grafana dashboards: GPU cluster, sweep, nightly."""

import json

from gaintrace.monitoring import conditions
from gaintrace.monitoring.dashboard_gpus import gpu_cluster
from gaintrace.monitoring.grafana import Dashboard, Panel
from gaintrace.monitoring.scope import SWEEP

NAMESPACE = 'cluster=~"$cluster",namespace=~"$namespace"'
PHASE = f'{NAMESPACE},phase=~"$phase",dataset=~"$dataset"'


def _sweep() -> Dashboard:
    steps = f"gaintrace_step_seconds_bucket{{{PHASE}}}"
    progress = f"avg by ({SWEEP}) (gaintrace_progress_ratio{{{PHASE}}})"
    pace = f"avg by ({SWEEP}) (deriv(gaintrace_progress_ratio{{{PHASE}}}[5m]))"
    sweep = "{{phase}} {{dataset}} {{namespace}} {{cluster}}"

    def auc(encoder: str) -> list[tuple[str, str]]:
        auc = f'gaintrace_auc_ratio{{{PHASE},encoder="{encoder}"'
        return [
            (f'max by ({SWEEP}) ({auc},split="valid",statistic="max"}})', f"{sweep}: best valid"),
            (f'avg by ({SWEEP}) ({auc},split="valid",statistic="mean"}})', f"{sweep}: valid"),
            (f'avg by ({SWEEP}) ({auc},split="train",statistic="mean"}})', f"{sweep}: train"),
        ]

    def best(encoder: str) -> str:
        best_valid = f'{PHASE},encoder="{encoder}",split="valid",statistic="max"'
        return f"sort_desc(max by ({SWEEP}) (max_over_time(gaintrace_auc_ratio{{{best_valid}}}[$__range])))"

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
            "Performance, after each epoch, over the runs under way: the best of them, and their means.",
            "none",
            auc("e1"),
            width=12,
            decimals=4,
        ),
        Panel(
            "AUC of encoder 2",
            "Mastery, after each epoch, over the runs under way: the best of them, and their means.",
            "none",
            auc("e2"),
            width=12,
            decimals=4,
        ),
        Panel(
            "Ranking so far",
            "Sweeps by the best validation AUC of any run in the time range. `gaintrace aggregate` ranks the runs, "
            "at any time; here a series for each would never end.",
            "none",
            [(best("e1"), f"E1 {sweep}"), (best("e2"), f"E2 {sweep}")],
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
                    f'avg by ({SWEEP}, encoder) (gaintrace_loss{{{PHASE},split="valid"}})',
                    f"{sweep} {{{{encoder}}}}",
                )
            ],
            decimals=4,
        ),
        Panel(
            "Interactions a second",
            "Trained on, summed over runs and pods.",
            "short",
            [(f"sum by ({SWEEP}) (rate(gaintrace_interactions_total{{{PHASE}}}[$__rate_interval]))", sweep)],
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
                    f"avg by ({SWEEP}) (rate(gaintrace_checkpoint_seconds_total{{{PHASE}}}[$__rate_interval]))",
                    sweep,
                )
            ],
            width=6,
        ),
        Panel(
            "Failed requests to the store",
            "A minute: retried, to be tried again, and failed, for good; beside them all operations that ended.",
            "short",
            [
                (
                    f"sum by (outcome) (rate(gaintrace_store_errors_total{{{PHASE}}}[$__rate_interval])) * 60",
                    "{{outcome}}",
                ),
                (f"sum(rate(gaintrace_store_operations_total{{{PHASE}}}[$__rate_interval])) * 60", "operations"),
            ],
            width=6,
        ),
    ]
    known = '{__name__=~"gaintrace_runs|gaintrace_sweep_runs"}'
    variables = {name: f"label_values({known}, {name})" for name in ("cluster", "namespace", "phase", "dataset")}
    return Dashboard("sweep", "sweep", "now-3h", panels, variables)


def _nightly() -> Dashboard:
    chosen = f'{NAMESPACE},dataset=~"$dataset"'
    dataset = "{{dataset}} {{namespace}} {{cluster}}"

    def against(encoder: str) -> list[tuple[str, str]]:
        selector = f'{chosen},encoder="{encoder}"'
        return [
            (f"gaintrace_validation_auc_ratio{{{selector}}}", dataset),
            (f"gaintrace_validation_reference_auc_ratio{{{selector}}}", f"{dataset} recorded"),
        ]

    gap = f"gaintrace_validation_auc_ratio{{{chosen}}} - gaintrace_validation_reference_auc_ratio{{{chosen}}}"
    panels = [
        Panel(
            "Since the last verdict",
            "Time since a validation of the data set last came to a verdict; red after two periods of the schedule.",
            "s",
            [(f"time() - gaintrace_validation_last_success_timestamp_seconds{{{chosen}}}", dataset)],
            "stat",
            width=8,
            height=5,
            thresholds=[(None, "green"), (conditions.LATE, "orange"), (conditions.TWICE, "red")],
        ),
        Panel(
            "Regressions",
            "1 where the default is worse than recorded, by more than the smallest difference that matters.",
            "short",
            [(f"gaintrace_validation_regression{{{chosen}}}", dataset)],
            "stat",
            width=8,
            height=5,
            thresholds=[(None, "green"), (1, "red")],
        ),
        Panel(
            "Undecided",
            "1 where the seeds there are cannot tell whether the default is worse.",
            "short",
            [(f"gaintrace_validation_undecided{{{chosen}}}", dataset)],
            "stat",
            width=8,
            height=5,
            thresholds=[(None, "green"), (1, "orange")],
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
            [(gap, f"{dataset} {{{{encoder}}}}")],
            width=24,
            decimals=4,
        ),
    ]
    known = "gaintrace_validation_regression"
    variables = {name: f"label_values({known}, {name})" for name in ("cluster", "namespace", "dataset")}
    return Dashboard("nightly", "nightly", "now-30d", panels, variables)


DASHBOARDS = {board.name: board for board in (gpu_cluster(), _sweep(), _nightly())}


def render(name: str) -> str:
    """A dashboard's JSON, as the chart ships it."""
    return json.dumps(DASHBOARDS[name].json, indent=1, ensure_ascii=False) + "\n"
