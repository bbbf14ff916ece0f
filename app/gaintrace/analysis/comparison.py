"""Which configurations of a sweep can be told apart.

A configuration is what is swept but seeds and folds; its runs are the repetitions. Two things make a difference between
configurations uncertain, and each is estimated where there is something to estimate it from:

- *students*: other test students would have given other AUCs. A paired bootstrap over the students of the test set.
- *training*: another seed or fold would have given other weights. The spread of paired differences over repetitions.

With both, the variances are added and the degrees of freedom are Satterthwaite's. Intervals are not widened for having
picked the best of many, so they are rather too narrow than too wide.
"""

import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pyarrow import ArrowInvalid
from pydantic import Field
from scipy.special import stdtrit

from gaintrace.analysis.bootstrap import StudentBootstrap
from gaintrace.analysis.intervals import LEVEL, Interval, mean_interval
from gaintrace.analysis.table import plain_value
from gaintrace.config import Objective, Strict
from gaintrace.runs.files import read_file
from gaintrace.store import MissingObjectError, Store, layout

ALPHAS = (0.5, 1.0)
"""The study's weights of E2 in combined; every sweep is ranked by both beside its own objective."""
REPETITIONS = ("seed", "fold")
CONFIGURATIONS_COMPARED = 25
RUNS_READ = 60
"""Predictions of at most so many runs are resampled, those of the best configurations and of the worst."""

Draws = dict[str, "np.ndarray[Any, np.dtype[np.float64]]"]
"""AUC of one run under every draw of students, by encoder: e1, e2."""


class Standing(Strict):
    """A configuration in the ranking by E1 + alpha · E2."""

    rank: int
    combined: float
    difference: Interval | None = Field(None, description="to the best by that alpha")
    apart: bool | None = None


class Configuration(Strict):
    """One configuration over its succeeded repetitions: mean test metrics, and its difference to the best (≤ 0).

    `apart`: whether that difference is more than noise; None where nothing can be said.
    """

    rank: int
    swept: dict[str, Any]
    runs: list[str]
    test_e1_auc: float
    test_e2_auc: float
    combined: float
    interval: Interval | None = Field(None, description="of the mean that ranks")
    difference: Interval | None = Field(None, description="to the best, in the metric that ranks")
    apart: bool | None = None
    by_alpha: dict[str, Standing] = Field({}, description="the same by the study's α, where the objective is another")


class Comparison(Strict):
    """The configurations of a sweep, best first. `students`: how many test students were resampled, if any were.

    `runs`: by run id, where its combined metric may lie with other students; the runs that were resampled.
    """

    metric: str
    repetitions: int
    students: int | None
    configurations: list[Configuration]
    runs: dict[str, Interval]

    @property
    def covers(self) -> str:
        """What the intervals are about."""
        training = "the randomness of training"
        if self.students and self.repetitions > 1:
            return f"the choice of the {self.students:,} test students and {training}"
        if self.students:
            return f"the choice of the {self.students:,} test students, not {training}: there is one seed and one fold"
        return f"{training}, not the choice of the test students" if self.repetitions > 1 else "nothing"

    @property
    def together(self) -> list[Configuration]:
        """The best configuration and those that cannot be told from it; empty where nothing can be said."""
        others = [c for c in self.configurations[1:] if c.apart is False]
        known = any(c.apart is not None for c in self.configurations[1:])
        return [self.configurations[0], *others] if known else []


@dataclass(frozen=True)
class _Run:
    run_id: str
    swept: dict[str, Any]
    repetition: tuple[Any, ...]  # its seed and fold, as far as they are swept
    e1: float
    e2: float


def compare_configurations(
    store: Store, table: pd.DataFrame, parameters: list[str], objective: Objective, data_hash: str
) -> Comparison:
    """Rank configurations by the mean of the ranking metric, and set each against the best.

    The draws of students come from the data's hash alone.
    """
    groups = _configurations(table, parameters)
    repetitions = max((len(group) for group in groups), default=0)
    order = _ranked(groups, objective)
    read = _read_draws(store, _chosen(order, repetitions), int(data_hash[:12], 16))
    standings = _standings(order, objective, read.draws)
    by_alpha: dict[int, dict[str, Standing]] = {}
    for alpha in ALPHAS:
        other = Objective(alpha=alpha)
        if other != objective:
            ranked = _ranked(groups, other)
            for group, standing in zip(ranked, _standings(ranked, other, read.draws), strict=True):
                by_alpha.setdefault(id(group), {})[f"{alpha:g}"] = standing
    configurations = [
        Configuration(
            rank=standing.rank,
            swept=group[0].swept,
            runs=[run.run_id for run in group],
            test_e1_auc=_mean([run.e1 for run in group]),
            test_e2_auc=_mean([run.e2 for run in group]),
            combined=_mean([run.e1 + objective.alpha * run.e2 for run in group]),
            interval=_level(group, objective, read.draws),
            difference=standing.difference,
            apart=standing.apart,
            by_alpha=by_alpha.get(id(group), {}),
        )
        for group, standing in zip(order, standings, strict=True)
    ]
    combined = Objective(alpha=objective.alpha)
    return Comparison(
        metric=objective.rank_by,
        repetitions=repetitions,
        students=read.students,
        configurations=configurations,
        runs={
            run.run_id: interval
            for group in groups
            for run in group
            if run.run_id in read.draws and (interval := _level([run], combined, read.draws))
        },
    )


def _standings(order: list[list[_Run]], objective: Objective, draws: dict[str, Draws]) -> list[Standing]:
    """Every configuration of a ranking against its first."""
    found = []
    for rank, group in enumerate(order, 1):
        difference = None if rank == 1 else _difference(group, order[0], objective, draws)
        found.append(
            Standing(
                rank=rank,
                combined=_mean([run.e1 + objective.alpha * run.e2 for run in group]),
                difference=difference,
                apart=None if difference is None or difference.low is None else not difference.touches_zero,
            )
        )
    return found


def _configurations(table: pd.DataFrame, parameters: list[str]) -> list[list[_Run]]:
    """The succeeded runs of each configuration."""
    groups: dict[str, list[_Run]] = {}
    for row in table[table["rank"].notna()].to_dict("records"):
        swept = {name: plain_value(row[name]) for name in parameters}
        repetition = tuple(swept.pop(name) for name in REPETITIONS if name in swept)
        run = _Run(row["run_id"], swept, repetition, float(row["test_e1_auc"]), float(row["test_e2_auc"]))
        groups.setdefault(json.dumps(swept, sort_keys=True), []).append(run)
    return list(groups.values())


def _ranked(groups: list[list[_Run]], objective: Objective) -> list[list[_Run]]:
    """Configurations by their mean, best first; equal ones in the order of their runs."""
    return sorted(groups, key=lambda group: -_mean([_score(run.e1, run.e2, objective) for run in group]))


def _score(e1: Any, e2: Any, objective: Objective) -> Any:
    """The metric that ranks, of numbers or of arrays."""
    if objective.rank_by == "combined":
        return e1 + objective.alpha * e2
    return e1 if objective.rank_by == "test_e1_auc" else e2


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def _chosen(groups: list[list[_Run]], repetitions: int) -> list[str]:
    """Runs whose predictions are worth reading: those of the best configurations and of the worst."""
    count = min(CONFIGURATIONS_COMPARED, max(2, RUNS_READ // max(1, repetitions)))
    chosen = [*groups[: count - 1], groups[-1]] if len(groups) > count else groups
    return [run.run_id for group in chosen for run in group]


class _Read:
    """Draws of the runs that could be read, all of the same targets."""

    def __init__(self) -> None:
        self.draws: dict[str, Draws] = {}
        self.students: int | None = None


def _read_draws(store: Store, runs: list[str], seed: int) -> _Read:
    read = _Read()
    bootstrap: StudentBootstrap | None = None
    first: pd.DataFrame | None = None
    known: dict[bytes, Any] = {}  # runs that share encoder 1 predict alike
    for run in runs:
        try:
            source = io.BytesIO(read_file(store.child(layout.run(run)), "predictions.parquet"))
            frame = pd.read_parquet(source, columns=["student", "response", "e1", "e2"])
        except (MissingObjectError, ArrowInvalid):
            continue
        if first is None or bootstrap is None:
            first = frame[["student", "response"]]
            bootstrap = StudentBootstrap(first["student"].to_numpy(), seed)
            read.students = bootstrap.students
        elif not frame[["student", "response"]].equals(first):
            continue
        read.draws[run] = {}
        for side in ("e1", "e2"):
            score = frame[side].to_numpy()
            content = score.tobytes()
            if content not in known:
                known[content] = bootstrap.auc(score, first["response"].to_numpy())
            read.draws[run][side] = known[content]
    return read


def _difference(group: list[_Run], best: list[_Run], objective: Objective, draws: dict[str, Draws]) -> Interval | None:
    """Of a configuration to the best, over the seeds and folds that both have."""
    others = {run.repetition: run for run in best}
    pairs = [(run, others[run.repetition]) for run in group if run.repetition in others]
    if not pairs:
        return None
    gaps = [_score(run.e1, run.e2, objective) - _score(other.e1, other.e2, objective) for run, other in pairs]
    known = [(draws[a.run_id], draws[b.run_id]) for a, b in pairs if a.run_id in draws and b.run_id in draws]
    drawn = [_score(a["e1"], a["e2"], objective) - _score(b["e1"], b["e2"], objective) for a, b in known]
    return _interval(gaps, np.mean(drawn, axis=0) if len(drawn) == len(pairs) else None)


def _level(group: list[_Run], objective: Objective, draws: dict[str, Draws]) -> Interval | None:
    """Of the mean itself."""
    known = [draws[run.run_id] for run in group if run.run_id in draws]
    drawn = [_score(draw["e1"], draw["e2"], objective) for draw in known]
    values = [_score(run.e1, run.e2, objective) for run in group]
    found = _interval(values, np.mean(drawn, axis=0) if len(drawn) == len(values) else None)
    return None if found.low is None else found


def _interval(values: Sequence[float], resampled: "np.ndarray[Any, np.dtype[np.float64]] | None") -> Interval:
    """Mean of the repetitions' values, with all the uncertainty that can be estimated."""
    training = mean_interval(values)
    if resampled is None:
        return training
    count = len(values)
    tail = (1 - LEVEL) / 2
    if count == 1:
        low, high = np.nanquantile(resampled, [tail, 1 - tail])
        return Interval(mean=training.mean, low=float(low), high=float(high))
    of_students = float(np.nanvar(resampled, ddof=1))
    of_training = float(np.var(values, ddof=1)) / count
    variance = of_students + of_training
    if variance == 0:
        return Interval(mean=training.mean, low=training.mean, high=training.mean)
    freedom = (count - 1) * (variance / of_training) ** 2 if of_training > 0 else math.inf
    reach = float(stdtrit(min(freedom, 1e6), 1 - tail)) * math.sqrt(variance)
    return Interval(mean=training.mean, low=training.mean - reach, high=training.mean + reach)
