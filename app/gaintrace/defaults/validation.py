"""Does today's default still do on a data set what it is recorded to do there?

Each validation trains anew, in a store of its own under `validations/<data set>/<label>/`: what is to be seen are
changes of code, libraries, drivers and devices, and a finished run that is found again would hide them. Runs are paired
with the recorded ones by fold and seed, and what decides is the interval of the mean difference (Student's t, 95 %).
A difference that rounding can make is none, however sure it is.
"""

import json
import math
from typing import Literal

from pydantic import Field, ValidationError

from gaintrace.analysis.intervals import AUC_ROUNDING, mean_interval
from gaintrace.config import Strict, SweepSpec, explain, parse_spec
from gaintrace.defaults.history import configuration_hash, current_spec, to_yaml
from gaintrace.defaults.recalibration import Recalibration
from gaintrace.errors import StoreError
from gaintrace.runs.result import RunResult
from gaintrace.store import MissingObjectError, Store, layout
from gaintrace.sweeps.plan import Plan

ValidationVerdict = Literal["recorded", "as recorded", "better", "regression", "failed", "not comparable"]


class Pair(Strict):
    """Test AUC of one run."""

    fold: int
    seed: int
    e1: float
    e2: float


class Reference(Strict):
    """reference.json: what is recorded of a data set."""

    label: str
    config_hash: str
    data_hash: str
    code_version: str
    runs: list[Pair]


class Difference(Strict):
    """New minus recorded test AUC of an encoder: mean over the pairs, and where that mean may lie (95 %).

    One pair has no interval; it shows nothing but that nothing changed.
    """

    new: float
    recorded: float
    mean: float
    low: float | None = None
    high: float | None = None

    @property
    def worse(self) -> bool:
        """Whether the new AUC is lower by more than noise and rounding."""
        return self.high is not None and self.high < 0 and self.mean < -AUC_ROUNDING

    @property
    def better(self) -> bool:
        """Whether the new AUC is higher by more than noise and rounding."""
        return self.low is not None and self.low > 0 and self.mean > AUC_ROUNDING

    @property
    def open(self) -> bool:
        """Whether nothing tells a change from noise: there is one, and a single pair."""
        return self.low is None and self.mean != 0


class Validation(Strict):
    """verdict.json: how one validation ended."""

    dataset: str
    label: str
    verdict: ValidationVerdict
    text: str
    reference: str | None = None
    differences: dict[str, Difference] = Field({})
    runs: list[Pair] = Field([])
    recalibration: Recalibration | None = None


def default_spec(store: Store, overrides: list[str], folds: list[int], seeds: list[int]) -> SweepSpec:
    """The current default as a sweep over folds and seeds."""
    changes = [*overrides, f"seeds={json.dumps(seeds)}", f"folds={json.dumps(folds)}", "min_coverage=1.0"]
    return parse_spec(to_yaml(current_spec(store).model_dump(mode="json")), "the default", changes)


def conclude(
    store: Store,
    plan: Plan,
    results: dict[str, RunResult],
    label: str,
    record: bool,
    recalibration: Recalibration | None = None,
) -> Validation:
    """Compare a validation's results with what is recorded, write the verdict, and record them if asked or first."""
    folder = store.child(layout.validation(plan.data.name))
    runs = pairs(plan, results)
    validation = _verdict(plan, runs, None if record else read_reference(folder), label)
    validation = validation.model_copy(update={"recalibration": recalibration})
    if validation.verdict == "recorded":
        reference = Reference(
            label=label,
            config_hash=configuration_hash(plan.spec.base),
            data_hash=plan.data.hash,
            code_version=plan.code_version,
            runs=runs,
        )
        folder.write("reference.json", reference.model_dump_json(indent=1).encode())
    _write(folder, validation)
    return validation


def failed(store: Store, dataset: str, label: str, reason: str) -> Validation:
    """Write down that a validation came to nothing."""
    validation = Validation(dataset=dataset, label=label, verdict="failed", text=f"{dataset}: {reason}")
    _write(store.child(layout.validation(dataset)), validation)
    return validation


def _write(folder: Store, validation: Validation) -> None:
    text = validation.model_dump_json(indent=1).encode()
    folder.write(f"{validation.label}/verdict.json", text)
    folder.write("latest.json", text)


def read_reference(folder: Store) -> Reference | None:
    """What is recorded of a data set; None if nothing is."""
    try:
        return Reference.model_validate_json(folder.read("reference.json"))
    except MissingObjectError:
        return None
    except ValidationError as error:
        raise StoreError(
            f"{folder.uri}/reference.json is damaged: {explain(error)}. Validate again with --record"
        ) from None


def pairs(plan: Plan, results: dict[str, RunResult]) -> list[Pair]:
    """The runs that succeeded, by fold and seed."""
    found = []
    for run in plan.runs:
        result = results.get(run.run_id)
        test = result.test if result and result.status == "succeeded" else None
        if test is not None and test.e1.auc is not None and test.e2.auc is not None:
            found.append(Pair(fold=run.config.data.fold, seed=run.config.training.seed, e1=test.e1.auc, e2=test.e2.auc))
    return found


def difference(new: list[float], recorded: list[float]) -> Difference:
    """Mean of the paired differences with its interval: mean ± t·s/√n."""
    gaps = [n - r for n, r in zip(new, recorded, strict=True)]
    count = len(gaps)
    found = mean_interval(gaps)
    return Difference(
        new=math.fsum(new) / count,
        recorded=math.fsum(recorded) / count,
        mean=found.mean,
        low=found.low,
        high=found.high,
    )


def _verdict(plan: Plan, runs: list[Pair], reference: Reference | None, label: str) -> Validation:
    verdict, text, differences = _compare(plan, runs, reference)
    return Validation(
        dataset=plan.data.name,
        label=label,
        verdict=verdict,
        text=f"{plan.data.name}: {text}",
        reference=reference.label if reference else None,
        differences=differences,
        runs=runs,
    )


def _compare(
    plan: Plan, runs: list[Pair], reference: Reference | None
) -> tuple[ValidationVerdict, str, dict[str, Difference]]:
    if len(runs) < len(plan.runs):
        return "failed", f"{len(plan.runs) - len(runs)} of {len(plan.runs)} runs did not succeed", {}
    means = f"E1 {_mean(runs, 'e1'):.4f}, E2 {_mean(runs, 'e2'):.4f} over {len(runs)} runs"
    if reference is None:
        return "recorded", f"{means}; recorded as what the default does here", {}
    recorded = {(run.fold, run.seed): run for run in reference.runs}
    shared = [(run, recorded[run.fold, run.seed]) for run in runs if (run.fold, run.seed) in recorded]
    if reference.data_hash != plan.data.hash:
        why = (
            f"{reference.label} was recorded on other data (hash {reference.data_hash}, this is {plan.data.hash}). "
            "Restore the data set, or record anew with --record"
        )
        return "not comparable", f"{means}, but {why}", {}
    if not shared:
        return "not comparable", f"{means}; {reference.label} has no fold and seed in common with it", {}
    differences = {
        side: difference([getattr(n, side) for n, _ in shared], [getattr(r, side) for _, r in shared])
        for side in ("e1", "e2")
    }
    text = "; ".join(f"{side.upper()} {_show(found)}" for side, found in differences.items())
    text += f"; {len(shared)} {'pair' if len(shared) == 1 else 'pairs'}, recorded as {reference.label}"
    if reference.config_hash != configuration_hash(plan.spec.base):
        text += " with another configuration"
    return *_judged(list(differences.values()), text), differences


def _judged(differences: list[Difference], text: str) -> tuple[ValidationVerdict, str]:
    if any(found.open for found in differences):
        return "not comparable", f"{text}: one pair has no interval. Use more --seeds or --folds"
    if any(found.worse for found in differences):
        return "regression", text
    return ("better" if any(found.better for found in differences) else "as recorded"), text


def _show(found: Difference) -> str:
    interval = "" if found.low is None else f" [{found.low:+.4f}, {found.high:+.4f}]"
    return f"{found.new:.4f}, recorded {found.recorded:.4f}, difference {found.mean:+.4f}{interval}"


def _mean(runs: list[Pair], side: str) -> float:
    return math.fsum(getattr(run, side) for run in runs) / len(runs)
