"""The default in force, trained where a sweep was, so that the two can be compared."""

from gaintrace.defaults import history
from gaintrace.defaults.incumbent import spec_there
from gaintrace.defaults.promotion import chosen_configuration, read_summary
from gaintrace.errors import DataError
from gaintrace.pipeline.sweep import Concluded, run_sweep
from gaintrace.pipeline.training import HERE, Machine
from gaintrace.pipeline.watcher import Watcher
from gaintrace.store import Store
from gaintrace.sweeps.data import load_data
from gaintrace.sweeps.plan import read_plan


def train_default(
    store: Store,
    sweep_id: str,
    run: str | None,
    *,
    data: str | None = None,
    machine: Machine = HERE,
    watcher: Watcher | None = None,
) -> Concluded:
    """Train the default in force on a sweep's data, with the folds and seeds of its best configuration, or of a run's.

    Finished runs are kept, so what is known there already costs nothing. `data`: where the data set lies now.
    Raises ConfigError where the sweep's numbers cannot be compared with today's, DataError where the data are others.
    """
    plan = read_plan(store, sweep_id)
    chosen = chosen_configuration(read_summary(store, sweep_id), run)
    spec = spec_there(plan, chosen, history.current(store), data)
    dataset = load_data(spec.base)
    if dataset.hash != plan.data.hash:
        raise DataError(
            f"data set {dataset.name} has hash {dataset.hash}, but sweep {sweep_id} was trained on {plan.data.hash}. "
            "Restore it, or say with --data where it lies"
        )
    return run_sweep(spec, store, dataset=dataset, machine=machine, watcher=watcher)
