"""A sweep from its specification to its report: plan, train, conclude. Each step is also there on its own.

A search plans and trains in turns, a round at a time.

The steps share nothing but the store, so each can be run, retried and repeated by itself, here or in a pod. Each loads
what it needs: planning no torch, training no figures.
"""

import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gaintrace.config import SweepSpec
from gaintrace.data.dataset import Dataset
from gaintrace.errors import InterruptedRunError
from gaintrace.pipeline.watcher import Unwatched, Watcher
from gaintrace.store import Store, layout
from gaintrace.sweeps.data import load_data, reference
from gaintrace.sweeps.plan import Plan, PlannedRun, make_plan, seconds_since_planned, write_plan

if TYPE_CHECKING:
    from gaintrace.analysis.summary import Summary
    from gaintrace.sweeps.claims import Claim
    from gaintrace.sweeps.shard import ShardTrainer

WAIT = 2.0
"""Seconds between looks at shards that others train."""


@dataclass(frozen=True)
class Machine:
    """What of this machine trains.

    `device`: auto, cpu, cuda or cuda:N. `threads` of a CPU: one a core without a number. `members`: most runs side by
    side; what fits without a number. `metrics`: PORT or HOST:PORT that answers Prometheus meanwhile. `tensorboard`: a
    folder that gets event files meanwhile.
    """

    device: str = "auto"
    threads: int | None = None
    members: int | None = None
    metrics: str | None = None
    tensorboard: Path | None = None


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
    says its coverage. Of several processes that do the same search on one store, each shard is trained by one. Raises
    GaintraceError: ConfigError, DataError, StoreError, or InterruptedRunError.
    """
    plan, dataset = plan_sweep(spec, store, dataset=dataset, runs_per_shard=runs_per_shard, watcher=watcher)
    trained = 0
    while trained < plan.shards:
        train_shards(plan, dataset, store, range(trained, plan.shards), machine=machine, watcher=watcher)
        trained = plan.shards
        plan = _with_next_round(plan, store, runs_per_shard)
        if watcher and plan.spec.search and plan.shards > trained:
            number = plan.runs[-1].round or 0
            watcher.note(f"round {number + 1} of {plan.spec.search.rounds}")
    return conclude(store, plan, pushgateway)


def plan_sweep(
    spec: SweepSpec,
    store: Store,
    *,
    dataset: Dataset | None = None,
    runs_per_shard: int | None = None,
    watcher: Watcher | None = None,
) -> tuple[Plan, Dataset]:
    """Expand a sweep into shards, and put the plan into the store; of a search, the round that is due."""
    dataset = dataset or load_data(spec.base)
    plan = make_plan(spec, reference(spec.base, dataset), runs_per_shard)
    write_plan(store, plan)
    plan = _with_next_round(plan, store, runs_per_shard)
    (watcher or Unwatched()).planned(plan, dataset)
    return plan, dataset


def _with_next_round(plan: Plan, store: Store, runs_per_shard: int | None) -> Plan:
    """A plan with the next round of its search, where that is due; any other as it is."""
    if plan.spec.search is None:
        return plan
    from gaintrace.sweeps.rounds import next_round  # Optuna, which a grid does not need

    return next_round(store, plan, runs_per_shard)


def unfinished_shards(store: Store, plan: Plan) -> list[int]:
    """The shards that a workflow is to train: all of a grid's; of a search's those with runs that have not ended."""
    if plan.spec.search is None:
        return list(range(plan.shards))
    from gaintrace.sweeps.results import read_results
    from gaintrace.sweeps.rounds import open_runs

    return sorted({run.shard for run in open_runs(plan, read_results(store, plan))})


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
    from gaintrace.telemetry.tensorboard import event_files
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
        if machine.tensorboard:
            names = {run.run_id: _name(run) for run in runs}
            events = stack.enter_context(event_files(machine.tensorboard / plan.sweep_id, names))
            reporter = Several(reporter, events)
        training = ShardTrainer(
            store=store,
            plan=plan,
            dataset=dataset,
            choose_device=lambda: choose_device(machine.device),
            reporter=reporter,
            interrupted=watcher.interrupted,
            max_members=machine.members,
        )
        if plan.spec.search is None:
            for shard in shards:
                training.train(shard)
        else:
            _train_claimed(training, shards, watcher)


def _name(run: PlannedRun) -> str:
    """A run by what is swept in it."""
    return " ".join(f"{path.rpartition('.')[2]}={value}" for path, value in run.swept.items())


def _train_claimed(training: "ShardTrainer", shards: list[int], watcher: Watcher) -> None:
    """Train the shards that no other process has, and wait for those of others, whose places are taken if they die."""
    from gaintrace.sweeps.claims import Claims
    from gaintrace.sweeps.results import read_results
    from gaintrace.sweeps.rounds import open_runs

    claims = Claims(training.store, training.plan.sweep_id)
    left, waited = shards, False
    while left:
        held = []
        for shard in left:
            own = training.plan.with_runs(training.plan.shard(shard))
            if waited and not open_runs(own, read_results(training.store, own)):
                continue  # another process has been through with it
            claim = claims.take(shard)
            if claim is None:
                held.append(shard)
                continue
            with claim:
                training.interrupted = partial(_interrupted, watcher, claim)
                training.train(shard)
        if held and not waited:
            watcher.note(f"shards that another process trains: {', '.join(map(str, held))}; waiting for them")
        left, waited = held, True
        until = time.monotonic() + WAIT
        while left and time.monotonic() < until:
            if watcher.interrupted():
                raise InterruptedRunError(
                    "stopped while another process trains; run the same command again to continue"
                )
            time.sleep(WAIT / 10)


def _interrupted(watcher: Watcher, claim: "Claim") -> bool:
    return watcher.interrupted() or claim.lost


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
