"""A sweep from its specification to its report: plan, train, conclude. Each step is also there on its own.

A search plans and trains in turns, a round at a time.

The steps share nothing but the store, so each can be run, retried and repeated by itself, here or in a pod. Each loads
what it needs: planning no torch, training no figures.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gaintrace.config import SweepSpec
from gaintrace.data.dataset import Dataset
from gaintrace.pipeline.shards import train_shards
from gaintrace.pipeline.training import HERE, Machine
from gaintrace.pipeline.watcher import Unwatched, Watcher
from gaintrace.store import Store, layout
from gaintrace.sweeps.data import load_data, reference
from gaintrace.sweeps.plan import Plan, make_plan, seconds_since_planned, write_plan

if TYPE_CHECKING:
    from gaintrace.analysis.summary import Summary


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
    if runs_per_shard is None and machine.devices:
        runs_per_shard = math.ceil(spec.at_once() / len(machine.devices))
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


def unfinished_shards(store: Store, plan: Plan, *, failed: bool) -> list[int]:
    """The shards that a workflow is to train: all of a grid's; of a search's those with runs that have not ended.

    `failed`: those with runs that failed as well, which are tried again.
    """
    if plan.spec.search is None:
        return list(range(plan.shards))
    from gaintrace.sweeps.results import read_results

    results = read_results(store, plan)
    ended = {run for run, result in results.items() if not (failed and result.status == "failed")}
    return sorted({run.shard for run in plan.runs if run.run_id not in ended})


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
