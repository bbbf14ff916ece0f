"""Which configurations of a sweep can be told apart.

A configuration is what is swept but seeds and folds; its runs are the repetitions. The objective orders configurations,
on validation or on test; every difference and interval is of test, where the predictions are. Two things make such a
difference uncertain, the choice of the test students and the randomness of training (analysis/noise.py).

The intervals of all differences hold at once: each of n − 1 has the level 1 − 0.05/(n − 1) (Bonferroni). So with 95 %
the configuration that is truly best on test is the first or one that cannot be told from it, also where test itself
picked the first: this is a subset selection (Gupta, Technometrics 7, 1965; Hsu, Ann. Stat. 12, 1984).
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from pydantic import Field

from gaintrace.analysis.differences import by_side, difference, level, with_other_students
from gaintrace.analysis.draws import Resampled, resample
from gaintrace.analysis.intervals import Interval
from gaintrace.analysis.noise import optimism, pooled_training
from gaintrace.analysis.ranking import REPETITIONS, Group, mean, ranked, ranking_score
from gaintrace.analysis.ranking import configurations as grouped
from gaintrace.config import Objective, Strict
from gaintrace.runs.result import RunResult, absent
from gaintrace.store import Store

ALPHAS = (0.5, 1.0)
"""The study's weights of E2 in combined; every sweep is ranked by both, on test, beside its own objective."""
RUNS_READ = 100
"""Predictions of at most so many runs are resampled, those of the best configurations and of the worst."""
FEW_STUDENTS = 100
"""Of a test set: from here down a reader is told that they are few."""


class Standing(Strict):
    """A configuration in the ranking by E1 + alpha · E2 on test."""

    rank: int
    combined: float
    difference: Interval | None = Field(None, description="to the best by that alpha")
    apart: bool | None = None


class Configuration(Strict):
    """One configuration over its succeeded repetitions: mean metrics, and its difference to the first, on test.

    The difference is ≤ 0 where test ranks. `apart`: whether it is more than noise; None where nothing can be said. With
    one seed and one fold it is true only where the difference also exceeds what the randomness of training is assumed
    to make (noise.ASSUMED).
    """

    rank: int
    swept: dict[str, Any]
    runs: list[str]
    test_e1_auc: float
    test_e2_auc: float
    test_e3_auc: float | None = Field(None, exclude_if=absent)
    combined: float
    valid_e1_auc: float | None = None
    valid_e2_auc: float | None = None
    valid_e3_auc: float | None = Field(None, exclude_if=absent)
    valid_combined: float | None = None
    interval: Interval | None = Field(None, description="of the mean on test")
    difference: Interval | None = Field(None, description="to the first, on test, in the score that ranks")
    apart: bool | None = None
    by_side: dict[str, Interval] = Field({}, description="each encoder's own AUC less the first's, on test")
    by_alpha: dict[str, Standing] = Field({}, description="on test by the study's α, where the objective is another")


class Comparison(Strict):
    """The configurations of a sweep, best first.

    `metric`: what ranks. `students`: how many test students were resampled, if any were. `repeated`: how many seeds and
    folds, where there are several. `reference`: place of the configuration that differences are to, the first unless
    its predictions cannot be read. `unread`: by run, why its predictions could not be. `optimism`: by how much the
    winner's score looks better than it is, for having been picked by test. `runs`: by run id, where its combined metric
    may lie with other students; the runs that were resampled. `lead`: of the first over the last, in what ranks.
    `counts`: of configurations: all, compared (with the one that others are compared with), left_out (too many to be
    compared), together (not to be told apart), undecided (by one seed), first (sharing the first rank), front (that no
    other beats in both encoders).
    """

    metric: str
    repetitions: int
    students: int | None
    repeated: dict[str, int] = Field({})
    reference: int = 0
    unread: dict[str, str] = Field({})
    optimism: float | None = None
    configurations: list[Configuration]
    runs: dict[str, Interval]
    lead: float | None = None
    counts: dict[str, int] = Field({})

    @property
    def covers(self) -> str:
        """What the intervals are about."""
        few = " (few)" if self.students and self.students < FEW_STUDENTS else ""
        students = f"the choice of the {self.students or 0:,} test students{few}"
        several = [f"{count} {name}s" for name, count in self.repeated.items() if count > 1]
        training = "the randomness of training" + (f" ({' and '.join(several)})" if several else "")
        if self.repeated.get("fold", 1) > 1:
            training += ", of which folds show less than there is, since they share training students"
        if self.students and self.repetitions > 1:
            return f"{students} and {training}"
        if self.students:
            return f"{students}, not {training}: there is one seed and one fold"
        return f"{training}, not the choice of the test students" if self.repetitions > 1 else "nothing"

    @property
    def together(self) -> list[Configuration]:
        """What differences are to, and those that cannot be told from it; empty where none are known."""
        if not self._known:
            return []
        return [c for place, c in enumerate(self.configurations) if place == self.reference or c.apart is False]

    @property
    def compared(self) -> int:
        """How many configurations have an interval of their difference to one of them, that one counted in."""
        return 1 + len(self._known)

    @property
    def left_out(self) -> list[Configuration]:
        """Those whose predictions nobody looked at, because there are too many: nothing is said of them."""
        looked = {*self.runs, *self.unread}
        return [c for c in self.configurations if looked and looked.isdisjoint(c.runs)]

    @property
    def undecided(self) -> list[Configuration]:
        """Those that other test students would not make equal, but another seed might: there is none."""
        return [c for c in self._known if c.apart is None]

    @property
    def _known(self) -> list[Configuration]:
        return [c for c in self.configurations if c.difference is not None and c.difference.low is not None]


def compare_configurations(
    store: Store,
    table: pd.DataFrame,
    parameters: list[str],
    objective: Objective,
    data_hash: str,
    results: Mapping[str, RunResult] | None = None,
) -> Comparison:
    """Rank configurations by the mean of the ranking metric, and set each against the first.

    `results`: those that are read already, by run.

    The draws of students come from the data's hash alone.
    """
    groups = grouped(table, parameters)
    repetitions = max((len(group) for group in groups), default=0)
    order = ranked(groups, objective)
    sides = dict.fromkeys(("e1", "e2", *objective.weights))
    chosen = _chosen(order, repetitions, objective)
    read = resample(store, chosen, int(data_hash[:12], 16), results, sides)
    reference = _reference(order, read)
    standings = _standings(order, objective, read, reference)
    by_alpha: dict[int, dict[str, Standing]] = {}
    for alpha in ALPHAS:
        other = Objective(rank_by="combined", alpha=alpha)
        if other != objective:
            others = ranked(groups, other)
            for group, standing in zip(others, _standings(others, other, read, 0), strict=True):
                by_alpha.setdefault(id(group), {})[f"{alpha:g}"] = standing
    configurations = [
        _configuration(group, standing, objective, read, by_alpha.get(id(group), {}), own)
        for group, standing, own in zip(order, standings, by_side(order, reference, sides, read), strict=True)
    ]
    combined = Objective(rank_by="combined", alpha=objective.alpha)
    found = Comparison(
        metric=objective.rank_by,
        repetitions=repetitions,
        students=read.students,
        repeated=_repeated(table, parameters),
        reference=reference,
        unread=read.unread,
        optimism=None if objective.on_validation else _optimism(order, objective, read),
        configurations=configurations,
        runs={
            run.run_id: of_students
            for group in groups
            for run in group
            if (of_students := with_other_students(run, combined, read)) is not None
        },
    )
    return found.model_copy(update={"lead": _lead(order, objective), "counts": _counts(found)})


def _lead(order: list[Group], objective: Objective) -> float | None:
    return ranking_score(order[0], objective) - ranking_score(order[-1], objective) if len(order) > 1 else None


def _counts(found: Comparison) -> dict[str, int]:
    return {
        "configurations": len(found.configurations),
        "compared": found.compared,
        "left_out": len(found.left_out),
        "together": len(found.together),
        "undecided": len(found.undecided),
        "first": sum(configuration.rank == 1 for configuration in found.configurations),
    }


def _configuration(
    group: Group,
    standing: Standing,
    objective: Objective,
    read: Resampled,
    by_alpha: dict[str, Standing],
    own: dict[str, Interval],
) -> Configuration:
    valid = [run.valid for run in group if run.valid is not None]
    whole = len(valid) == len(group)
    combined = Objective(rank_by="combined", alpha=objective.alpha)
    third = all("e3" in run.test for run in group)
    return Configuration(
        rank=standing.rank,
        swept=group[0].swept,
        runs=[run.run_id for run in group],
        test_e1_auc=mean([run.test["e1"] for run in group]),
        test_e2_auc=mean([run.test["e2"] for run in group]),
        test_e3_auc=mean([run.test["e3"] for run in group]) if third else None,
        combined=mean([combined.score(run.test) for run in group]),
        valid_e1_auc=mean([aucs["e1"] for aucs in valid]) if whole else None,
        valid_e2_auc=mean([aucs["e2"] for aucs in valid]) if whole else None,
        valid_e3_auc=mean([aucs["e3"] for aucs in valid]) if whole and third else None,
        valid_combined=mean([combined.score(aucs) for aucs in valid]) if whole else None,
        interval=level(group, objective, read),
        difference=standing.difference,
        apart=standing.apart,
        by_side=own,
        by_alpha=by_alpha,
    )


def _standings(order: list[Group], objective: Objective, read: Resampled, reference: int) -> list[Standing]:
    """Every configuration of a ranking, best first, against the one at the place `reference`. Equals share a rank."""
    pooled = pooled_training(_test_scores(order, objective))
    ranks: dict[float, int] = {}
    found = []
    for place, group in enumerate(order):
        gap = None if place == reference else difference(group, order[reference], objective, read, pooled, len(order))
        found.append(
            Standing(
                rank=ranks.setdefault(ranking_score(group, objective), place + 1),
                combined=mean([run.test["e1"] + objective.alpha * run.test["e2"] for run in group]),
                difference=gap.known if gap else None,
                apart=gap.apart if gap else None,
            )
        )
    return found


def _reference(order: list[Group], read: Resampled) -> int:
    """The first configuration whose predictions are all there; the first of all where no run has any."""
    whole = (place for place, group in enumerate(order) if all(run.run_id in read.draws for run in group))
    return next(whole, 0)


def _optimism(order: list[Group], objective: Objective, read: Resampled) -> float | None:
    return optimism([[run.run_id for run in group] for group in order], _test_scores(order, objective), read, objective)


def _test_scores(order: list[Group], objective: Objective) -> list[list[float]]:
    return [[objective.score(run.test) for run in group] for group in order]


def _repeated(table: pd.DataFrame, parameters: list[str]) -> dict[str, int]:
    ranked = table[table["rank"].notna()]
    counts = {name: int(ranked[name].nunique()) for name in REPETITIONS if name in parameters}
    return {name: count for name, count in counts.items() if count > 1}


def _chosen(order: list[Group], repetitions: int, objective: Objective) -> list[str]:
    """Runs whose predictions are worth reading: those of the best configurations, equal ones all or none, and of the
    worst."""
    count = max(2, RUNS_READ // max(1, repetitions))
    chosen = order
    if len(order) > count:
        scores = [ranking_score(group, objective) for group in order]
        whole = scores.index(scores[count - 1])  # where those begin that are equal to the first left out
        chosen = [*order[: whole or count - 1], order[-1]]
    return [run.run_id for group in chosen for run in group]
