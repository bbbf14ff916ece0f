"""Does today's default still do on a data set what it is recorded to do there?

Each validation trains anew, in a store of its own under `validations/<data set>-<hash>/<label>/`: what is to be seen
are changes of code, libraries, drivers and devices, and a finished run that is found again would hide them. It trains
some seeds, looks, and trains more where these cannot tell; judgement.py says when they can.
"""

import json
import math
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from gaintrace.config import Strict, SweepSpec, parse_spec
from gaintrace.defaults import judgement
from gaintrace.defaults.history import configuration_hash, current_spec, to_yaml
from gaintrace.defaults.judgement import Difference, Judgement
from gaintrace.defaults.recalibration import Recalibration
from gaintrace.defaults.records import Pair, Reference, place, read_record, read_superseded, write_record
from gaintrace.runs.result import RunResult
from gaintrace.store import Store, layout
from gaintrace.sweeps.plan import DataReference, Plan

ValidationVerdict = Judgement | Literal["recorded", "failed", "not comparable"]

SIDES = ("e1", "e2")


class Validation(Strict):
    """verdict.json: how one validation ended. `finds`: smallest drop in AUC that what is recorded lets a night find."""

    dataset: str
    label: str
    verdict: ValidationVerdict
    text: str
    reference: str | None = None
    margin: float | None = Field(None, description="smallest difference that matters")
    differences: dict[str, Difference] = Field({})
    runs: list[Pair] = Field([])
    finds: float | None = None
    recalibration: Recalibration | None = None


def default_spec(store: Store, overrides: list[str], folds: list[int], seeds: list[int]) -> SweepSpec:
    """The current default as a sweep over folds and seeds."""
    changes = [*overrides, f"seeds={json.dumps(seeds)}", f"folds={json.dumps(folds)}", "min_coverage=1.0"]
    return parse_spec(to_yaml(current_spec(store).model_dump(mode="json")), "the default", changes)


@dataclass(frozen=True)
class Night:
    """One validation of a data set, before anything is trained. `reference`: what to compare with; None records."""

    data: DataReference
    label: str
    margin: float
    looks: list[list[int]]
    reference: Reference | None

    def judged(self, plan: Plan, results: dict[str, RunResult], look: int) -> Validation:
        """The verdict after a look, from 1. `plan`: of all runs so far."""
        runs = pairs(plan, results)
        if len(runs) < len(plan.runs):
            return self._ended("failed", f"{len(plan.runs) - len(runs)} of {len(plan.runs)} runs did not succeed", runs)
        return self.verdict_on(runs, look, configuration_hash(plan.spec.base))

    def verdict_on(self, runs: list[Pair], look: int, config_hash: str) -> Validation:
        """The verdict on runs that all succeeded, of that configuration."""
        if self.reference is None:
            return self._recorded(runs)
        return self._compared(runs, look, config_hash, self.reference)

    def goes_on(self, validation: Validation) -> bool:
        """Whether more seeds are worth training: they may tell, or what is recorded must find smaller drops."""
        if validation.verdict == "recorded":
            return validation.finds is None or validation.finds > judgement.FOUND * self.margin
        return validation.verdict == "cannot tell"

    def _recorded(self, runs: list[Pair]) -> Validation:
        text = f"E1 {_mean(runs, 'e1'):.4f}, E2 {_mean(runs, 'e2'):.4f} over {len(runs)} run{'s' * (len(runs) > 1)}; "
        text += "recorded as what the default does here"
        finds = None
        if len(runs) > 1:
            spread = max(judgement.largest_spread([getattr(run, side) for run in runs]) for side in SIDES)
            finds = judgement.smallest_found(spread, len(runs), self.margin)
            possible = finds < min(_mean(runs, side) for side in SIDES)
            text += f". A night finds a drop of {finds:.4f}" if possible else ". These differ too much to find any drop"
        if finds is None:
            text += ". One run says nothing of how much they differ: record more --seeds to find drops"
        elif finds > judgement.FOUND * self.margin:
            text += "; record more --seeds to find smaller ones" if possible else "; record more --seeds"
        return self._ended("recorded", text, runs).model_copy(update={"finds": finds})

    def _compared(self, runs: list[Pair], look: int, config_hash: str, reference: Reference) -> Validation:
        recorded = {(run.fold, run.seed): run for run in reference.runs}
        shared = [(run, recorded[run.fold, run.seed]) for run in runs if (run.fold, run.seed) in recorded]
        tail = judgement.tail_of(look, len(self.looks))
        found = {
            side: judgement.difference(
                [getattr(n, side) for n, _ in shared], [getattr(r, side) for _, r in shared], tail
            )
            for side in SIDES
        }
        verdict = judgement.judge(list(found.values()), self.margin)
        text = "; ".join(f"{side.upper()} {_show(difference)}" for side, difference in found.items())
        text += f"; {len(shared)} {'pair' if len(shared) == 1 else 'pairs'}, recorded as {reference.label}"
        if reference.config_hash != config_hash:
            text += " with another configuration"
        if verdict == "cannot tell":
            text += f". {self._what_would_tell(found, len(shared))}"
        return self._ended(verdict, text, runs).model_copy(update={"differences": found})

    def _what_would_tell(self, found: dict[str, Difference], count: int) -> str:
        undecided = {side: d for side, d in found.items() if d.judged(self.margin) == "cannot tell"}
        if count == 1:
            return "One pair shows no more than that something changed: use more --seeds, and record as many"
        needed = [judgement.pairs_needed(difference, count, self.margin) for difference in undecided.values()]
        known = [pairs for pairs in needed if pairs is not None]
        sides = " and ".join(side.upper() for side in undecided)
        whether = f"Whether {sides} changed by {self.margin:g} or more"
        if len(known) < len(needed):
            return f"{whether} hardly any number of seeds would tell: the difference is about as large as that"
        return f"{whether}, some {max(known)} pairs would tell if these are typical: record with as many --seeds"

    def not_comparable(self, why: str) -> Validation:
        """The end of one that could compare nothing, whatever it trained."""
        return self._ended("not comparable", why, [])

    def _ended(self, verdict: ValidationVerdict, text: str, runs: list[Pair]) -> Validation:
        return Validation(
            dataset=self.data.name,
            label=self.label,
            verdict=verdict,
            text=f"{self.data.name}: {text}",
            reference=self.reference.label if self.reference else None,
            margin=self.margin,
            runs=runs,
        )


def night(
    store: Store, data: DataReference, spec: SweepSpec, label: str, margin: float, seeds_a_look: int, record: bool
) -> Night | Validation:
    """What a validation has to do, or its end, written down, where nothing that it could train would be comparable."""
    looks = [spec.seeds[first : first + seeds_a_look] for first in range(0, len(spec.seeds), seeds_a_look)]
    if record:
        return Night(data, label, margin, looks, None)
    reference = read_record(store, data)
    found = Night(data, label, margin, looks, reference)
    if reference is None:
        other = read_superseded(store, data)
        if other is None:
            return found
        why = (
            f"{other.label} was recorded there on other data (hash {other.data_hash}, this is {data.hash}). "
            "Restore the data set, or record this one besides with --record"
        )
        return _written(store, data, found.not_comparable(why))
    known = {(run.fold, run.seed) for run in reference.runs}
    useful = [look for look in looks if any((fold, seed) in known for fold in spec.folds for seed in look)]
    if not useful:
        why = f"{reference.label}, which is recorded, has no fold and seed in common with this validation"
        return _written(store, data, found.not_comparable(why))
    return Night(data, label, margin, useful, reference)


def conclude(store: Store, night: Night, plan: Plan, validation: Validation) -> Validation:
    """Write the verdict, and record the runs where that is the verdict. `plan`: of all that was trained."""
    if validation.verdict == "recorded":
        reference = Reference(
            label=night.label,
            config_hash=configuration_hash(plan.spec.base),
            data_hash=night.data.hash,
            code_version=plan.code_version,
            runs=validation.runs,
            place=place(night.data.uri),
        )
        write_record(store, night.data, reference)
    return _written(store, night.data, validation)


def failed(store: Store, dataset: str, label: str, reason: str, found: bool = True) -> Validation:
    """That a validation came to nothing; written down, unless there is no such data set, and never was one."""
    validation = Validation(dataset=dataset, label=label, verdict="failed", text=f"{dataset}: {reason}")
    if found or layout.validation_records(store, dataset):
        _write(store.child(layout.validation(dataset, "")), validation)
    return validation


def _written(store: Store, data: DataReference, validation: Validation) -> Validation:
    _write(store.child(layout.validation(data.name, data.hash)), validation)
    return validation


def _write(folder: Store, validation: Validation) -> None:
    text = validation.model_dump_json(indent=1).encode()
    folder.write(f"{validation.label}/verdict.json", text)
    folder.write("latest.json", text)


def pairs(plan: Plan, results: dict[str, RunResult]) -> list[Pair]:
    """The runs that succeeded, by fold and seed."""
    found = []
    for run in plan.runs:
        result = results.get(run.run_id)
        test = result.test if result and result.status == "succeeded" else None
        if test is not None and test.e1.auc is not None and test.e2.auc is not None:
            found.append(Pair(fold=run.config.data.fold, seed=run.config.training.seed, e1=test.e1.auc, e2=test.e2.auc))
    return found


def _show(found: Difference) -> str:
    interval = "" if found.low is None else f" [{found.low:+z.4f}, {found.high:+z.4f}]"
    return f"{found.new:.4f}, recorded {found.recorded:.4f}, difference {found.mean:+z.4f}{interval}"


def _mean(runs: list[Pair], side: str) -> float:
    return math.fsum(getattr(run, side) for run in runs) / len(runs)
