"""A finished run, trained again from what is recorded of it, and compared number by number."""

from gaintrace.errors import IncompleteError
from gaintrace.pipeline.shards import train_shards
from gaintrace.pipeline.sweep import plan_sweep
from gaintrace.pipeline.training import HERE, Machine
from gaintrace.pipeline.watcher import Unwatched, Watcher
from gaintrace.runs import reproduction
from gaintrace.runs.reproduction import RecordedRun, Reproduction
from gaintrace.store import Store
from gaintrace.sweeps.data import load_data, located
from gaintrace.sweeps.results import read_results


def reproduce(
    store: Store,
    run: str,
    *,
    data: str | None = None,
    machine: Machine = HERE,
    watcher: Watcher | None = None,
) -> Reproduction:
    """Train a run again beside the original, and write down how the two compare. `data`: where its data set lies now.

    Raises IncompleteError where the second training fails.
    """
    watcher = watcher or Unwatched()
    recorded = RecordedRun.read(store, run)
    spec = recorded.spec(data or located(store, recorded.config, recorded.result.data.hash).data.dataset)
    dataset = load_data(spec.base)
    recorded.check_data(dataset.hash)
    number, own = reproduction.place(store, run)
    plan, dataset = plan_sweep(spec, own, dataset=dataset)
    watcher.note(f"training run {run} of {recorded.result.data.name} again, in {own.uri}")
    train_shards(plan, dataset, own, range(plan.shards), machine=machine, watcher=watcher)
    (again,) = read_results(own, plan).values()
    if again.status != "succeeded":
        raise IncompleteError(f"the reproduction of run {run} failed: {again.error.message if again.error else ''}")
    found = reproduction.compare_with_recorded(store, recorded, own, again, number)
    own.write("comparison.json", found.model_dump_json(indent=1).encode())
    return found
