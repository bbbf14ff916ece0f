"""Where to start on a data set that nothing was trained on: what came out on others, the more alike the more it counts.

Known are the configurations that were trained on every one of several data sets, by validation. One default for all is
the one of highest mean score; the properties of a data set suggest the one of highest mean when each data set weighs
exp(−d²), d being how far apart their properties are, each in its standard deviations. Whether these predict anything is
asked of the same numbers: each data set is left out in turn, and how far either suggestion then falls behind the best
known there is its error. Only where properties are better by more than noise are they followed.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic import Field

from gaintrace.analysis.intervals import Interval, mean_interval
from gaintrace.config import Objective, RunConfig, Strict, SweepSpec
from gaintrace.data.dataset import Dataset
from gaintrace.defaults.history import configuration_hash
from gaintrace.errors import ConfigError, GaintraceError
from gaintrace.store import Store, layout
from gaintrace.sweeps.data import load_data
from gaintrace.sweeps.plan import read_plan
from gaintrace.sweeps.results import read_results

OBJECTIVE = Objective()
LEAST_DATASETS = 2
LEAST_CONFIGURATIONS = 2


class Properties(Strict):
    """What is compared of data sets. `repetition`: mean answers of a student on a skill, of those answered on."""

    interactions: int
    skills: int
    correct: float
    repetition: float

    @property
    def place(self) -> list[float]:
        """Counts as their logarithms: twice as many is one step, from wherever."""
        return [math.log10(self.interactions), math.log10(self.skills), self.correct, math.log10(self.repetition)]

    @property
    def words(self) -> str:
        """For a reader."""
        return (
            f"{self.interactions:,} interactions, {self.skills} skills, {100 * self.correct:.1f} % correct, "
            f"{self.repetition:.1f} answers of a student on a skill"
        )


class LeftOut(Strict):
    """A data set left out: how far what the others suggest is behind the best known there, in what ranks."""

    dataset: str
    by_properties: float
    by_default: float


class Suggestion(Strict):
    """A configuration to start from. `by`: what it is suggested by; `error`: mean of `left_out`, for that rule."""

    dataset: str
    properties: Properties
    by: str
    config: RunConfig
    swept: dict[str, Any] = Field(description="its values where the configurations known differ, by dotted path")
    datasets: list[str]
    configurations: int
    left_out: list[LeftOut]
    gain: Interval = Field(description="of properties over one default for all, mean over the data sets left out")
    text: str


class Known(Strict):
    """A data set that configurations were trained on: mean scores on validation, by configuration."""

    name: str
    hash: str
    properties: Properties
    scores: dict[str, float]


def properties(dataset: Dataset) -> Properties:
    """The properties of a data set."""
    frame = dataset.interactions
    return Properties(
        interactions=len(frame),
        skills=len(dataset.skills),
        correct=float(frame["response"].mean()),
        repetition=len(frame) / len(frame[["student", "skill"]].drop_duplicates()),
    )


def suggest(store: Store, dataset: Dataset, note: Callable[[str], None]) -> Suggestion:
    """A configuration for a data set, from the sweeps of a store. `note` hears of data sets that cannot be read.

    Raises ConfigError where no two configurations were trained on the same two data sets.
    """
    configs: dict[str, RunConfig] = {}
    known, shared = _shared(_known(store, configs, note))
    own = properties(dataset)
    matrix = np.array([[of.scores[config] for config in shared] for of in known])
    places = np.array([of.properties.place for of in known])
    left_out = [_leave_out(matrix, places, place, known[place].name) for place in range(len(known))]
    gain = mean_interval([one.by_default - one.by_properties for one in left_out])
    here = next((place for place, of in enumerate(known) if of.hash == dataset.hash), None)
    if here is not None:
        by, chosen = "itself", int(matrix[here].argmax())
    elif gain.mean > 0 and not gain.touches_zero:
        by, chosen = "properties", _by_properties(matrix, places, np.array(own.place))
    else:
        by, chosen = "default", int(matrix.mean(axis=0).argmax())
    config = configs[shared[chosen]]
    found = Suggestion(
        dataset=dataset.name,
        properties=own,
        by=by,
        config=config,
        swept=_differing([configs[one] for one in shared], config),
        datasets=[of.name for of in known],
        configurations=len(shared),
        left_out=left_out,
        gain=gain,
        text="",
    )
    return found.model_copy(update={"text": _text(found)})


def suggested_spec(suggestion: Suggestion) -> SweepSpec:
    """The configuration as a sweep of one run, of no data set."""
    data = suggestion.config.data.model_copy(update={"dataset": None, "synthetic": None})
    return SweepSpec(
        name="suggested",
        description=f"Suggested for {suggestion.dataset} by what came out on {', '.join(suggestion.datasets)}",
        base=suggestion.config.model_copy(update={"data": data}),
    )


def _known(store: Store, configs: dict[str, RunConfig], note: Callable[[str], None]) -> list[Known]:
    """Every data set of the store's sweeps that can be read. `configs` gets the configurations, by their hash."""
    scores: dict[str, dict[str, dict[str, float]]] = {}  # data set → configuration → run → score
    data: dict[str, Dataset] = {}
    for sweep_id in layout.sweep_ids(store):
        try:
            plan = read_plan(store, sweep_id)
            if plan.data.hash not in data:
                data[plan.data.hash] = load_data(plan.spec.base)
        except GaintraceError as error:
            note(f"{sweep_id} is left out: {error}")
            continue
        if data[plan.data.hash].hash != plan.data.hash:
            note(f"{sweep_id} is left out: {plan.data.name} is not what it was planned on")
            continue
        results = read_results(store, plan)
        for run in plan.runs:
            result = results.get(run.run_id)
            valid = result.valid if result and result.status == "succeeded" else None
            if valid is not None and valid.e1.auc is not None and valid.e2.auc is not None:
                name = configuration_hash(run.config)
                configs.setdefault(name, run.config)
                score = OBJECTIVE.score({"e1": valid.e1.auc, "e2": valid.e2.auc})
                scores.setdefault(plan.data.hash, {}).setdefault(name, {})[run.run_id] = score
    return [
        Known(
            name=data[hash_].name,
            hash=hash_,
            properties=properties(data[hash_]),
            scores={name: math.fsum(runs.values()) / len(runs) for name, runs in of.items()},
        )
        for hash_, of in scores.items()
    ]


def _shared(known: list[Known]) -> tuple[list[Known], list[str]]:
    """The most data sets that share two configurations or more, and what they share."""
    best: tuple[list[Known], list[str]] = ([], [])
    trained = {name: frozenset(of.hash for of in known if name in of.scores) for of in known for name in of.scores}
    on = set(trained.values())
    for several in sorted(on | {one & other for one, other in itertools.combinations(on, 2)}, key=sorted):
        shared = sorted(name for name, own in trained.items() if several <= own)
        if len(shared) >= LEAST_CONFIGURATIONS and (len(several), len(shared)) > (len(best[0]), len(best[1])):
            best = ([of for of in known if of.hash in several], shared)
    if len(best[0]) < LEAST_DATASETS:
        raise ConfigError(
            "nothing to suggest from: no two configurations were trained on the same two data sets of the store. Run "
            "one sweep, or a search with one seed, on each of several"
        )
    return best


def _leave_out(matrix: "np.ndarray[Any, Any]", places: "np.ndarray[Any, Any]", out: int, name: str) -> LeftOut:
    others, others_at = np.delete(matrix, out, axis=0), np.delete(places, out, axis=0)
    best = matrix[out].max()
    return LeftOut(
        dataset=name,
        by_properties=float(best - matrix[out][_by_properties(others, others_at, places[out])]),
        by_default=float(best - matrix[out][int(others.mean(axis=0).argmax())]),
    )


def _by_properties(matrix: "np.ndarray[Any, Any]", places: "np.ndarray[Any, Any]", own: "np.ndarray[Any, Any]") -> int:
    """The configuration of highest mean, data sets weighing by how alike they are."""
    spread = places.std(axis=0)
    away = (places - own) / np.where(spread > 0, spread, 1.0)
    squared = (away**2).sum(axis=1)
    weight = np.exp(squared.min() - squared)  # the nearest weighs 1, so that far away not all weigh nothing
    return int((weight @ matrix).argmax())


def _differing(configs: list[RunConfig], chosen: RunConfig) -> dict[str, Any]:
    """Values of one configuration where several differ, by dotted path."""
    leaves = [_leaves(config.model_dump(mode="json", exclude={"data": True})) for config in configs]
    own = _leaves(chosen.model_dump(mode="json", exclude={"data": True}))
    return {path: value for path, value in own.items() if any(other.get(path) != value for other in leaves)}


def _leaves(tree: dict[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in tree.items():
        found |= _leaves(value, f"{above}{name}.") if isinstance(value, dict) else {f"{above}{name}": value}
    seed = "training.seed"
    return {path: value for path, value in found.items() if path != seed}


def _text(found: Suggestion) -> str:
    count = len(found.left_out)
    errors = [math.fsum(getattr(one, by) for one in found.left_out) / count for by in ("by_properties", "by_default")]
    head = (
        f"Of {found.configurations} configurations trained on each of {count} data sets, and each data set left out in "
        f"turn, what its properties suggest is {errors[0]:.4f} behind the best known there in the mean, the best of "
        f"the others {errors[1]:.4f} ({OBJECTIVE.words} on validation)."
    )
    if found.by == "itself":
        return f"{head} {found.dataset} is one of them: suggested is what was best on it."
    if found.by == "properties":
        return f"{head} The properties predict better, by more than noise: suggested is what they say."
    few = " Two data sets cannot tell." if count == LEAST_DATASETS else ""
    return f"{head} So the properties predict nothing better than one default for all, which is suggested.{few}"
