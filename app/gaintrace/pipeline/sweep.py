"""A sweep from its specification to its report: plan, train, conclude. Each step is also there on its own.

The steps share nothing but the store, so each can be run, retried and repeated by itself, here or in a pod. Each loads
what it needs: planning no torch, training no figures.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gaintrace.config import SweepSpec
from gaintrace.data.dataset import Dataset
from gaintrace.pipeline.watcher import Unwatched, Watcher
from gaintrace.store import Store, layout
from gaintrace.sweeps.data import load_data, reference
from gaintrace.sweeps.plan import Plan, make_plan, seconds_since_planned, write_plan

if TYPE_CHECKING:
    from gaintrace.analysis.summary import Summary


@dataclass(frozen=True)
class Machine:
    """What of this machine trains.

    `device`: auto, cpu, cuda or cuda:N. `threads` of a CPU: one a core without a number. `members`: most runs side by
    side; what fits without a number. `metrics`: PORT or HOST:PORT that answers Prometheus meanwhile.
    """

    device: str = "auto"
    threads: int | None = None
    members: int | None = None
    metrics: str | None = None


HERE = Machine()
"""A GPU where there is one, every core, as many runs side by side as memory holds."""


@dataclass(frozen=True)
class Concluded:
    """A sweep's numbers, where its report is, and what went wrong with announcing it, a line each."""

    plan: Plan
    summary: "Summary"
    report: str
    problems: tuple[str, ...]


def run_sweep(
    spec: SweepSpec,
    store: Store,
    *,
    dataset: Dataset | None = None,
    runs_per_shard: int | None = None,
    machine: Machine = HERE,
    watcher: Watcher | None = None,
    pushgateway: str = "",
) -> Concluded:
    """Train every run of a sweep that is not finished yet, and report on all of them.

    `dataset`: what `spec` names, where it is read already. Runs that fail are in the summary; whether enough succeeded
    says its coverage. Raises GaintraceError: ConfigError, DataError, StoreError, or InterruptedRunError.
    """
    plan, dataset = plan_sweep(spec, store, dataset=dataset, runs_per_shard=runs_per_shard, watcher=watcher)
    train_shards(plan, dataset, store, range(plan.shards), machine=machine, watcher=watcher)
    return conclude(store, plan, pushgateway)


def plan_sweep(
    spec: SweepSpec,
    store: Store,
    *,
    dataset: Dataset | None = None,
    runs_per_shard: int | None = None,
    watcher: Watcher | None = None,
) -> tuple[Plan, Dataset]:
    """Expand a sweep into shards, and put the plan into the store."""
    dataset = dataset or load_data(spec.base)
    plan = make_plan(spec, reference(spec.base, dataset), runs_per_shard)
    write_plan(store, plan)
    (watcher or Unwatched()).planned(plan, dataset)
    return plan, dataset


def train_shards(
    plan: Plan,
    dataset: Dataset,
    store: Store,
    shards: Iterable[int],
    *,
    machine: Machine = HERE,
    watcher: Watcher | None = None,
) -> None:
    """Train the unfinished runs of some shards on one device."""
    import torch

    from gaintrace.sweeps.shard import ShardTrainer
    from gaintrace.telemetry.live import LiveMetrics
    from gaintrace.training.device import choose_device, keep_freed_memory
    from gaintrace.training.reporter import Several

    watcher = watcher or Unwatched()
    shards = list(shards)
    keep_freed_memory()
    if machine.threads is not None:
        torch.set_num_threads(machine.threads)
    runs = [run for shard in shards for run in plan.shard(shard)]
    with ExitStack() as stack:
        reporter = stack.enter_context(watcher.training(plan, runs))
        if machine.metrics:
            live = LiveMetrics(
                plan.spec.name,
                dataset.name,
                {run.run_id: run.config.training.epochs for run in runs},
                dataset.training_interactions(plan.spec.base.data.fold),
            )
            port = stack.enter_context(live.served(machine.metrics))
            watcher.note(f"metrics: port {port}, /metrics")
            reporter = Several(reporter, live)
        training = ShardTrainer(
            store=store,
            plan=plan,
            dataset=dataset,
            choose_device=lambda: choose_device(machine.device),
            reporter=reporter,
            interrupted=watcher.interrupted,
            max_members=machine.members,
        )
        for shard in shards:
            training.train(shard)


def conclude(store: Store, plan: Plan, pushgateway: str = "") -> Concluded:
    """Write tables, figures, report and metrics of what a sweep has trained so far.

    `pushgateway`: gets the metrics. An MLflow server that the environment names gets runs, epochs and report.
    """
    from gaintrace.report.aggregate import aggregate
    from gaintrace.report.metrics import sweep_metrics
    from gaintrace.report.tracking import track
    from gaintrace.telemetry import push

    summary = aggregate(store, plan.sweep_id)
    registry = sweep_metrics(summary, seconds_since_planned(store, plan.sweep_id))
    store.write(layout.sweep(plan.sweep_id, "metrics.prom"), push.text(registry))
    pushed = push.push(pushgateway, registry, summary.name, summary.data.name) if pushgateway else None
    problems = tuple(problem for problem in (pushed, track(store, plan, summary)) if problem)
    return Concluded(plan, summary, f"{store.uri}/{layout.sweep(plan.sweep_id, 'report.html')}", problems)
