"""What a search tries next: configurations out of its space, from what is known of those tried before.

Nothing is remembered between rounds. Each is suggested by a sampler that is made anew, told every earlier result in the
order of the plan, and seeded by the search's seed, the round and the cell of the grid: the same results give the same
suggestions, in any process. Sources: Bergstra et al., NeurIPS 2011 (TPE); Deb et al., IEEE Trans. Evol. Comput. 6, 2002
(NSGA-II); Hansen, arXiv:1604.00772 (CMA-ES).
"""

import dataclasses
import itertools
import json
import math
import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from cmaes import CMA
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState, create_trial

from gaintrace.config import Range, RunConfig, Search, content_hash
from gaintrace.config.base import numbers_of

DIGITS = 4
"""Significant digits of a number between two others: more than a result can tell apart, few enough to be read."""
ATTEMPTS = 50
"""Suggestions in a row that are known, or no configuration, before what is left of the space is drawn from."""
LISTED = 10_000
"""Of a space of so many configurations or fewer, each can be looked at."""
LEAST_FOR_IMPORTANCE = 4
"""Configurations a dimension, that importance can be asked of."""
GENERATION = "NSGAIISampler:generation"
"""Where Optuna's NSGA-II finds a trial's generation, which here is its round."""
SIGMA = 0.25
"""Of CMA-ES in the first round, in widths of a range: nearly all of it is within two."""


@dataclass(frozen=True)
class Tried:
    """A configuration of an earlier round, and what came of it.

    `values`: by path of the space. `scores`: what is sought, highest best; None where nothing succeeded. `stopped`: the
    epoch that it was stopped at, where its scores are of.
    """

    values: dict[str, Any]
    round: int
    scores: tuple[float, ...] | None
    stopped: int | None = None


def suggest(
    search: Search,
    sought: int,
    tried: list[Tried],
    round_: int,
    cell: dict[str, Any],
    accepts: Callable[[dict[str, Any]], bool],
) -> list[dict[str, Any]]:
    """Configurations of a round for a cell of the grid: values by path of the space, none of them tried before.

    `sought`: how many scores. `cell`: its values by path. `accepts`: whether values can be trained. Fewer than
    `runs_per_round`, or none, where the space has no more.
    """
    search = search.model_copy(update={"space": dict(sorted(search.space.items()))})  # however it was written
    seed = int(content_hash([search.seed, round_, cell])[:8], 16)
    ask = _cmaes(search, tried, seed) if search.sampler == "cmaes" else _optuna(search, sought, tried, round_, seed)
    known = {_key(one.values) for one in tried}
    rest = _rest(search, seed)
    found: list[dict[str, Any]] = []
    while len(found) < search.runs_per_round:
        offered = itertools.chain((ask() for _ in range(ATTEMPTS)), rest)
        new = next((values for values in offered if _key(values) not in known and accepts(values)), None)
        if new is None:
            break
        known.add(_key(new))
        found.append(new)
    return found


def importance(search: Search, tried: list[Tried], objective: int) -> dict[str, float] | None:
    """How much each dimension decides whether a configuration is among the best, as shares of all, largest first.

    `objective`: place of the score among those sought. None where too few finished, or ties hide the best. PED-ANOVA:
    Watanabe et al., IJCAI 2023.
    """
    finished = [one for one in tried if _finished(one)]
    if len(search.space) < 2 or len(finished) < LEAST_FOR_IMPORTANCE * len(search.space):
        return None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = _distributions(search)
    study = optuna.create_study(direction="maximize")
    for one in finished:
        assert one.scores is not None
        alone = dataclasses.replace(one, scores=(one.scores[objective],))
        study.add_trial(_trial(alone, _written(search, one.values), distributions))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            shares = optuna.importance.get_param_importances(
                study, evaluator=optuna.importance.PedAnovaImportanceEvaluator(), params=list(search.space)
            )
        except UserWarning:  # the best are as many as all
            return None
    return {path: float(share) for path, share in shares.items()}


def _key(values: dict[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)


def _rest(search: Search, seed: int) -> Iterator[dict[str, Any]]:
    """Every configuration of the space in random order, where it has few; of a large one random draws."""
    axes = [_values(path, given) for path, given in search.space.items()]
    generator = random.Random(seed)
    if all(axes) and math.prod(len(axis) for axis in axes if axis) <= LISTED:
        whole = [
            dict(zip(search.space, cell, strict=True)) for cell in itertools.product(*(axis or [] for axis in axes))
        ]
        generator.shuffle(whole)
        yield from whole
        return
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=generator.getrandbits(32)))
    for _ in range(ATTEMPTS):
        yield _read(search, study.ask(_distributions(search)).params)


def _values(path: str, given: Range | list[Any]) -> list[Any] | None:
    """All values of a dimension; None where they are too many."""
    if isinstance(given, list):
        return given
    low, high = given.ends
    step = given.step or (1.0 if _whole(path) else 0.0)
    if not step or (high - low) / step > LISTED:
        return None
    count = round((high - low) / step) + 1
    return [_number(path, given, low + place * step) for place in range(count)]


def _whole(path: str) -> bool:
    return numbers_of(RunConfig, path) is int


def _number(path: str, given: Range, value: float) -> int | float:
    """A number of a range as it is written: whole, on a step, or of few digits."""
    low, high = given.ends
    if _whole(path):
        return round(value)
    digits = DIGITS if given.step is None else 10
    return min(max(float(f"{value:.{digits}g}"), low), high)


def _read(search: Search, values: dict[str, Any]) -> dict[str, Any]:
    """A sampler's values as a configuration has them."""
    found = {}
    for path, given in search.space.items():
        value = values[path]
        if isinstance(given, Range):
            found[path] = _number(path, given, value)
        else:
            found[path] = given[value] if _in_order(given) else value
    return found


def _written(search: Search, values: dict[str, Any]) -> dict[str, Any]:
    """A configuration's values as a sampler has them."""
    return {
        path: given.index(values[path]) if isinstance(given, list) and _in_order(given) else values[path]
        for path, given in search.space.items()
    }


def _in_order(choices: list[Any]) -> bool:
    """Whether choices are rising numbers: their places tell a sampler which are neighbours."""
    numbers = all(isinstance(choice, int | float) and not isinstance(choice, bool) for choice in choices)
    return numbers and choices == sorted(choices)


def _distributions(search: Search) -> dict[str, BaseDistribution]:
    return {path: _distribution(path, given) for path, given in search.space.items()}


def _distribution(path: str, given: Range | list[Any]) -> BaseDistribution:
    if isinstance(given, list):
        return IntDistribution(0, len(given) - 1) if _in_order(given) else CategoricalDistribution(given)
    low, high = given.ends
    if _whole(path):
        return IntDistribution(round(low), round(high), log=given.log, step=round(given.step or 1))
    return FloatDistribution(low, high, log=given.log, step=given.step)


def _optuna(search: Search, sought: int, tried: list[Tried], round_: int, seed: int) -> Callable[[], dict[str, Any]]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = _distributions(search)
    study = optuna.create_study(directions=["maximize"] * sought, sampler=_sampler(search, tried, round_, seed))
    study.add_trials([_trial(one, _written(search, one.values), distributions) for one in tried])
    return lambda: _read(search, study.ask(distributions).params)


def _sampler(search: Search, tried: list[Tried], round_: int, seed: int) -> optuna.samplers.BaseSampler:
    if search.sampler == "tpe":
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=search.runs_per_round)
    if search.sampler == "nsga2":
        # A generation is over when so many have succeeded, which is never where one failed.
        succeeded = sum(one.round == round_ - 1 and _finished(one) for one in tried)
        return optuna.samplers.NSGAIISampler(seed=seed, population_size=max(2, succeeded))
    return optuna.samplers.RandomSampler(seed=seed)


def _finished(one: Tried) -> bool:
    return one.scores is not None and one.stopped is None


def _trial(one: Tried, params: dict[str, Any], distributions: dict[str, BaseDistribution]) -> FrozenTrial:
    known: dict[str, Any] = {"params": params, "distributions": distributions}
    if one.scores is None:
        return create_trial(state=TrialState.FAIL, **known)
    if one.stopped is not None:  # sought is one then
        return create_trial(state=TrialState.PRUNED, intermediate_values={one.stopped: one.scores[0]}, **known)
    return create_trial(values=list(one.scores), system_attrs={GENERATION: one.round}, **known)


def _cmaes(search: Search, tried: list[Tried], seed: int) -> Callable[[], dict[str, Any]]:
    """CMA-ES in the unit cube, told the rounds so far.

    Only their order counts to it: stopped runs come after those that finished, the longer trained first; then failed.
    """
    ranges = {path: given for path, given in search.space.items() if isinstance(given, Range)}
    size = search.runs_per_round
    bounds = np.tile([0.0, 1.0], (len(ranges), 1))
    cma = CMA(np.full(len(ranges), 0.5), SIGMA, bounds, seed=seed, population_size=size)
    for _, group in itertools.groupby(tried, lambda one: one.round):
        whole = sorted(group, key=_worth, reverse=True)
        if len(whole) == size:  # a space that ends leaves less
            cma.tell([(_to_unit(ranges, one.values), float(place)) for place, one in enumerate(whole)])
    return lambda: _from_unit(ranges, cma.ask())


def _worth(one: Tried) -> tuple[float, float]:
    if one.scores is None:
        return (-1.0, 0.0)
    return (math.inf if one.stopped is None else one.stopped, one.scores[0])


def _to_unit(ranges: dict[str, Range], values: dict[str, Any]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    place = []
    for path, given in ranges.items():
        low, high, value = map(_scale(given), (*given.ends, values[path]))
        place.append((value - low) / (high - low))
    return np.array(place)


def _from_unit(ranges: dict[str, Range], place: "np.ndarray[Any, np.dtype[np.float64]]") -> dict[str, Any]:
    found = {}
    for (path, given), share in zip(ranges.items(), place, strict=True):
        low, high = map(_scale(given), given.ends)
        value = low + float(share) * (high - low)
        value = math.exp(value) if given.log else value
        if given.step:
            value = given.low + round((value - given.low) / given.step) * given.step
        found[path] = _number(path, given, value)
    return found


def _scale(given: Range) -> Callable[[float], float]:
    return math.log if given.log else float
