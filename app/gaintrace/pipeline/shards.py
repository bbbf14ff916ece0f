"""Training the shards of a planned sweep on what this machine has."""

from collections.abc import Iterable
from contextlib import ExitStack

from gaintrace.data.dataset import Dataset
from gaintrace.pipeline.training import HERE, Machine, train_here
from gaintrace.pipeline.watcher import Unwatched, Watcher
from gaintrace.store import Store
from gaintrace.sweeps.plan import Plan, PlannedRun


def train_shards(
    plan: Plan,
    dataset: Dataset,
    store: Store,
    shards: Iterable[int],
    *,
    machine: Machine = HERE,
    watcher: Watcher | None = None,
) -> None:
    """Train the unfinished runs of some shards on one device or, as `machine` says, on several."""
    from gaintrace.telemetry.live import LiveMetrics
    from gaintrace.telemetry.tensorboard import event_files
    from gaintrace.training.reporter import Several

    watcher = watcher or Unwatched()
    shards = list(shards)
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
        if machine.devices:
            from gaintrace.pipeline.devices import train_on_devices

            train_on_devices(plan, store.uri, shards, machine, reporter, watcher.interrupted)
        else:
            train_here(plan, dataset, store, shards, machine, reporter, watcher)


def _name(run: PlannedRun) -> str:
    """A run by what is swept in it."""
    return " ".join(f"{path.rpartition('.')[2]}={value}" for path, value in run.swept.items())
