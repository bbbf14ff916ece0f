"""Differences between two configurations on test, and levels of one, each with what makes it uncertain."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gaintrace.analysis.draws import Array, Resampled
from gaintrace.analysis.intervals import Interval
from gaintrace.analysis.noise import Training, assumed_variance, interval, pooled_training
from gaintrace.analysis.ranking import Group, Repetition, mean
from gaintrace.config import Objective


@dataclass(frozen=True)
class Gap:
    """A difference with what is known of its uncertainty, and with what one seed and one fold cannot show, assumed."""

    known: Interval
    assumed: Interval

    @property
    def apart(self) -> bool | None:
        """None where no more than the assumption stands between the difference and noise, or nothing is known."""
        if self.known.low is None:
            return None
        return False if self.known.touches_zero else None if self.assumed.touches_zero else True


def difference(
    group: Group, to: Group, objective: Objective, read: Resampled, pooled: Training | None, configurations: int
) -> Gap | None:
    """Of one configuration to another on test, over the seeds and folds that both have; None where they share none.

    `configurations`: how many there are, whose differences to one of them are all to hold at once. Without an interval
    where other runs have predictions and these have not: it would leave the students out.
    """
    others = {run.repetition: run for run in to}
    pairs = [(run, others[run.repetition]) for run in group if run.repetition in others]
    if not pairs:
        return None
    gaps = [objective.score(run.test) - objective.score(other.test) for run, other in pairs]
    known = [
        (read.draws[a.run_id], read.draws[b.run_id]) for a, b in pairs if {a.run_id, b.run_id} <= read.draws.keys()
    ]
    if len(known) < len(pairs) and read.students is not None:
        alone = Interval(mean=mean(gaps))
        return Gap(alone, alone)
    gaps_drawn = [objective.score({side: a[side] - b[side] for side in objective.weights}) for a, b in known]
    drawn = _mean_draws(gaps_drawn) if gaps_drawn else None
    comparisons = max(1, configurations - 1)
    measured, assumed = (
        interval(gaps, drawn, read.effective, assumed=variance, pooled=pooled, comparisons=comparisons)
        for variance in (0.0, assumed_variance(*known[0], objective) if known else 0.0)
    )
    return Gap(measured, assumed)


def by_side(order: list[Group], reference: int, sides: Iterable[str], read: Resampled) -> list[dict[str, Interval]]:
    """Of every configuration's test AUC to that at the place `reference`, by encoder; empty for that one itself."""
    found: list[dict[str, Interval]] = [{} for _ in order]
    for side in sides:
        if not all(side in run.test for group in order for run in group):
            continue
        own = Objective(rank_by=f"test_{side}_auc")
        pooled = pooled_training([[run.test[side] for run in group] for group in order])
        for place, group in enumerate(order):
            gap = None if place == reference else difference(group, order[reference], own, read, pooled, len(order))
            if gap is not None:
                found[place][side] = gap.known
    return found


def level(group: Group, objective: Objective, read: Resampled) -> Interval | None:
    """Of the mean itself, on test."""
    known = [read.draws[run.run_id] for run in group if run.run_id in read.draws]
    if read.students is not None and len(known) < len(group):
        return None
    drawn = _mean_draws([objective.score(draw) for draw in known]) if known else None
    found = interval([objective.score(run.test) for run in group], drawn, read.effective)
    return None if found.low is None else found


def with_other_students(run: Repetition, objective: Objective, read: Resampled) -> Interval | None:
    """Of one run's score with other test students."""
    draws = read.draws.get(run.run_id)
    if draws is None:
        return None
    return interval([objective.score(run.test)], objective.score(draws), read.effective)


def _mean_draws(draws: list[Array]) -> Array:
    found: Array = np.mean(draws, axis=0)
    return found
