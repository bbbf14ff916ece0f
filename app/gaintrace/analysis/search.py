"""How a search went: what each configuration came to, what was best so far, and what was stopped when.

Scores are on validation, which the search looked at; the ranking has the same runs' numbers on test.
"""

from typing import Any, Literal

from gaintrace.config import Objective, Strict
from gaintrace.runs.result import RunResult
from gaintrace.sweeps.plan import Plan, PlannedRun
from gaintrace.sweeps.rounds import configurations, sought_scores, tried
from gaintrace.sweeps.sampling import importance

CHANCE = 0.5
"""AUC of a guess: the corner that a dominated area is measured from."""


class Attempt(Strict):
    """A configuration of a search. `scores`: what is sought, of a stopped one as it stood.

    `best`: of one score the best so far, of two the area that all so far dominate, of finished configurations alone.
    """

    round: int
    swept: dict[str, Any]
    runs: list[str]
    status: Literal["finished", "stopped", "failed", "missing"]
    scores: list[float] | None
    best: float | None


class StoppedRun(Strict):
    """A run that was stopped: when, with what score so far, and why; and the epochs it was spared, at most."""

    run_id: str
    round: int
    swept: dict[str, Any]
    epoch: int
    epochs: int
    score: float | None
    reason: str


class SearchSummary(Strict):
    """A search in numbers.

    `sought`: columns on validation, `words` for a reader. `front`: places of the attempts that no other beats in both
    scores, from the highest first score down; empty where one is sought. `area`: what these dominate, from chance; of
    one score None. `importance`: by what is sought, shares of the dimensions; none where too few finished.
    """

    sampler: str
    rounds: int
    planned_rounds: int
    sought: list[str]
    words: list[str]
    attempts: list[Attempt]
    front: list[int]
    area: float | None
    importance: dict[str, dict[str, float]]
    stopped: list[StoppedRun]
    epochs_trained: int
    epochs_spared: int


def summarise_search(plan: Plan, results: dict[str, RunResult]) -> SearchSummary | None:
    """How the search of a plan went so far; None where it has none."""
    search, spec = plan.spec.search, plan.spec
    if search is None:
        return None
    attempts = _attempts(plan, results)
    finished = [(place, one.scores) for place, one in enumerate(attempts) if one.status == "finished" and one.scores]
    stopped = [_stopped(plan, run, result) for run in plan.runs if (result := results.get(run.run_id)) is not None]
    known = [tried(spec, runs, results) for runs in configurations(plan)]
    shares = {objective.valid_metric: importance(search, known, n) for n, objective in enumerate(spec.sought)}
    halted = [one for one in stopped if one is not None]
    return SearchSummary(
        sampler=search.sampler,
        rounds=1 + max((run.round or 0 for run in plan.runs), default=-1),
        planned_rounds=search.rounds,
        sought=[objective.valid_metric for objective in spec.sought],
        words=[objective.words for objective in spec.sought],
        attempts=attempts,
        front=front(dict(finished)) if len(spec.sought) == 2 else [],
        area=area([scores for _, scores in finished], corner(spec.sought)) if len(spec.sought) == 2 else None,
        importance={name: share for name, share in shares.items() if share},
        stopped=halted,
        epochs_trained=sum(result.epochs_trained for result in results.values()),
        epochs_spared=sum(one.epochs - one.epoch for one in halted),
    )


def corner(sought: list[Objective]) -> tuple[float, ...]:
    """What is sought, of a guess."""
    chance = dict.fromkeys(("e1", "e2", "e3"), CHANCE)
    return tuple(float(objective.score(chance)) for objective in sought)


def front(scores: dict[int, list[float]]) -> list[int]:
    """Of points by name, those that no other beats in both coordinates; from the highest first one down."""
    found: list[int] = []
    for name in sorted(scores, key=lambda name: (-scores[name][0], -scores[name][1], name)):
        if not found or scores[name][1] > scores[found[-1]][1]:
            found.append(name)
    return found


def area(points: list[list[float]], corner: tuple[float, ...]) -> float:
    """What points of two scores dominate beyond a corner: its hypervolume, which a better front has more of."""
    inside = {
        place: point for place, point in enumerate(points) if all(p > c for p, c in zip(point, corner, strict=True))
    }
    found, below = 0.0, corner[1]
    for name in front(inside):
        first, second = inside[name]
        found += (first - corner[0]) * (second - below)
        below = second
    return found


def _attempts(plan: Plan, results: dict[str, RunResult]) -> list[Attempt]:
    sought = plan.spec.sought
    found: list[Attempt] = []
    finished: list[list[float]] = []
    for runs in configurations(plan):
        one = tried(plan.spec, runs, results)
        scores = list(one.scores) if one.scores else None
        status = _status(runs, results)
        if status == "finished" and scores:
            finished.append(scores)
        best = None
        if finished:
            best = area(finished, corner(sought)) if len(sought) == 2 else max(score for (score,) in finished)
        paths = [*plan.spec.grid, *one.values]
        found.append(
            Attempt(
                round=one.round,
                swept={path: runs[0].swept[path] for path in paths},
                runs=[run.run_id for run in runs],
                status=status,
                scores=scores,
                best=best,
            )
        )
    return found


def _status(
    runs: list[PlannedRun], results: dict[str, RunResult]
) -> Literal["finished", "stopped", "failed", "missing"]:
    statuses = {results[run.run_id].status if run.run_id in results else "missing" for run in runs}
    if "stopped" in statuses:
        return "stopped"
    if "succeeded" in statuses:
        return "finished"
    return "failed" if "failed" in statuses else "missing"


def _stopped(plan: Plan, run: PlannedRun, result: RunResult) -> StoppedRun | None:
    if result.stopped is None:
        return None
    scores = sought_scores(plan.spec, result)
    return StoppedRun(
        run_id=run.run_id,
        round=run.round or 0,
        swept=run.swept,
        epoch=result.stopped.epoch,
        epochs=run.config.training.epochs,
        score=scores[0] if scores else None,
        reason=result.stopped.reason,
    )
