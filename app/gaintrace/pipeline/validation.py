"""The default in force, trained on a data set and compared with what is recorded for it there."""

from gaintrace.analysis.table import read_results
from gaintrace.config import SweepSpec
from gaintrace.data.dataset import Dataset
from gaintrace.defaults.recalibration import Recalibration, recalibrate, recalibration_spec
from gaintrace.defaults.validation import Validation, conclude
from gaintrace.pipeline.sweep import HERE, Machine, run_sweep
from gaintrace.pipeline.watcher import Unwatched, Watcher
from gaintrace.store import Store, layout
from gaintrace.sweeps.data import load_data


def validate(
    store: Store,
    spec: SweepSpec,
    label: str,
    *,
    record: bool = False,
    weights: list[float] | None = None,
    machine: Machine = HERE,
    watcher: Watcher | None = None,
) -> Validation:
    """Validate on one data set and write the verdict.

    `spec`: from defaults.validation.default_spec. `record`: make it the reference. `weights`: loss weights to try
    besides, which recalibrates.
    """
    watcher = watcher or Unwatched()
    dataset = load_data(spec.base)
    own = store.child(layout.validation(dataset.name, label))
    watcher.note(f"{dataset.name}: {spec.size()} runs of {spec.name}")
    done = run_sweep(spec, own, dataset=dataset, machine=machine, watcher=watcher)
    recalibration = _recalibrate(spec, dataset, own, weights, machine, watcher) if weights else None
    return conclude(store, done.plan, read_results(own, done.plan), label, record, recalibration)


def _recalibrate(
    spec: SweepSpec, dataset: Dataset, own: Store, weights: list[float], machine: Machine, watcher: Watcher
) -> Recalibration | None:
    swept = recalibration_spec(spec, sorted({*weights, spec.base.training.bce_loss_weight}))
    watcher.note(f"{dataset.name}: {swept.size()} runs to recalibrate the loss weight")
    done = run_sweep(swept, own, dataset=dataset, machine=machine, watcher=watcher)
    return recalibrate(done.plan, read_results(own, done.plan))
