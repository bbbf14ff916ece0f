"""The default in force, trained on a data set and compared with what is recorded for it there."""

from gaintrace.config import SweepSpec
from gaintrace.data.dataset import Dataset
from gaintrace.defaults import MARGIN, SEEDS_A_LOOK
from gaintrace.defaults.recalibration import Recalibration, recalibrate, recalibration_spec
from gaintrace.defaults.validation import Validation, conclude, night
from gaintrace.pipeline.shards import train_shards
from gaintrace.pipeline.sweep import conclude as report
from gaintrace.pipeline.sweep import plan_sweep, run_sweep
from gaintrace.pipeline.training import HERE, Machine
from gaintrace.pipeline.watcher import Unwatched, Watcher
from gaintrace.store import Store, layout
from gaintrace.sweeps.data import load_data, reference
from gaintrace.sweeps.plan import make_plan
from gaintrace.sweeps.results import read_results


def validate(
    store: Store,
    spec: SweepSpec,
    label: str,
    *,
    margin: float = MARGIN,
    seeds_a_look: int = SEEDS_A_LOOK,
    record: bool = False,
    weights: list[float] | None = None,
    machine: Machine = HERE,
    watcher: Watcher | None = None,
) -> Validation:
    """Validate on one data set and write the verdict.

    `spec`: from defaults.validation.default_spec; its seeds are trained a few at a time, until these can tell or none
    is left. The runs of a look are trained side by side and with no others, so that they repeat what was recorded.
    `margin`: smallest difference in AUC that matters. `record`: make it the reference. `weights`: loss weights to try
    besides, which recalibrates.
    """
    watcher = watcher or Unwatched()
    dataset = load_data(spec.base)
    data = reference(spec.base, dataset)
    tonight = night(store, data, spec, label, margin, seeds_a_look, record)
    if isinstance(tonight, Validation):
        return tonight
    own = store.child(layout.validation(data.name, data.hash, label))
    trained: list[int] = []
    for look, seeds in enumerate(tonight.looks, 1):
        trained += seeds
        plan, _ = plan_sweep(_of(spec, trained), own, dataset=dataset, watcher=watcher)
        part = make_plan(_of(spec, seeds), data)
        train_shards(part, dataset, own, range(part.shards), machine=machine, watcher=watcher)
        report(own, plan)
        validation = tonight.judged(plan, read_results(own, plan), look)
        if look == len(tonight.looks) or not tonight.goes_on(validation):
            break
        watcher.note(f"{validation.verdict} after {len(plan.runs)} runs: {validation.text}. Going on")
    if weights:
        found = _recalibrate(_of(spec, tonight.looks[0]), dataset, own, weights, machine, watcher)
        validation = validation.model_copy(update={"recalibration": found})
    return conclude(store, tonight, plan, validation)


def _of(spec: SweepSpec, seeds: list[int]) -> SweepSpec:
    return spec.model_copy(update={"seeds": list(seeds)})


def _recalibrate(
    spec: SweepSpec, dataset: Dataset, own: Store, weights: list[float], machine: Machine, watcher: Watcher
) -> Recalibration | None:
    swept = recalibration_spec(spec, sorted({*weights, spec.base.training.bce_loss_weight}))
    watcher.note(f"{dataset.name}: {swept.size()} runs to recalibrate the loss weight")
    done = run_sweep(swept, own, dataset=dataset, machine=machine, watcher=watcher)
    return recalibrate(done.plan, read_results(own, done.plan))
