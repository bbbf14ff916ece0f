"""The rounds of a search: each is planned from the results of those before, once, and put into the store.

The store is the only state. Of several processes that plan a round the first to put it counts, and all of them train
what it says.
"""

import json
from functools import partial
from typing import Any

from gaintrace.config import SweepSpec
from gaintrace.errors import ConfigError
from gaintrace.runs.result import RunResult
from gaintrace.store import Store, layout
from gaintrace.sweeps.plan import Plan, PlannedRun, Round, planned_runs, with_rounds
from gaintrace.sweeps.results import read_results
from gaintrace.sweeps.sampling import Tried, suggest


def next_round(store: Store, plan: Plan, runs_per_shard: int | None = None) -> Plan:
    """The plan of a search with every round in the store, and one more where their runs have all ended.

    More than one where others have trained all of that one, so that there is something to train unless the search is
    over: its last round is planned, or the space has no more configurations. The same plan where runs have no result
    yet. Raises ConfigError where nothing in the space can be trained.
    """
    search = plan.spec.search
    assert search is not None
    plan = with_rounds(store, plan)
    while plan.rounds < search.rounds and not open_runs(plan, results := read_results(store, plan)):
        runs = _suggested(plan, results, runs_per_shard)
        if not runs and plan.rounds == 0:
            raise _nothing_possible(plan.spec)
        if not runs:
            break
        key = layout.sweep(plan.sweep_id, layout.round_plan(plan.rounds))
        store.create(key, Round(number=plan.rounds, runs=runs).model_dump_json(indent=1).encode())
        plan = with_rounds(store, plan)
    return plan


def open_runs(plan: Plan, results: dict[str, RunResult]) -> list[PlannedRun]:
    """The runs that have neither succeeded nor failed nor been stopped."""
    return [run for run in plan.runs if run.run_id not in results]


def _suggested(plan: Plan, results: dict[str, RunResult], runs_per_shard: int | None) -> list[PlannedRun]:
    """What the next round is to train, cell by cell of the grid."""
    spec = plan.spec
    assert spec.search is not None
    known = _tried_by_cell(plan, results)
    swept = []
    for cell in spec.cells():
        values = suggest(
            spec.search,
            len(spec.sought),
            known.get(_key(cell), []),
            plan.rounds,
            cell,
            partial(_accepts, spec, cell),
        )
        for suggested in values:
            swept += list(spec.repeated(cell | suggested))
    return planned_runs(swept, plan.data.hash, runs_per_shard, plan, plan.rounds)


def _accepts(spec: SweepSpec, cell: dict[str, Any], suggested: dict[str, Any]) -> bool:
    return spec.accepts(cell | suggested)


def _nothing_possible(spec: SweepSpec) -> ConfigError:
    """Why the first round of a search has no run, by one that was refused."""
    assert spec.search is not None
    cell = next(spec.cells())
    values = cell | suggest(spec.search, len(spec.sought), [], 0, cell, lambda _: True)[0]
    together = ", ".join(f"{path} {value}" for path, value in values.items())
    return ConfigError(
        f"sweep {spec.name}: search.space has nothing that can be trained, in no cell of a grid ({together}: "
        f"{spec.objection(values)}): change space or base"
    )


def _tried_by_cell(plan: Plan, results: dict[str, RunResult]) -> dict[str, list[Tried]]:
    """What came of the configurations so far, in the order of the plan, by cell of the grid."""
    found: dict[str, list[Tried]] = {}
    for runs in configurations(plan):
        cell = {path: runs[0].swept[path] for path in plan.spec.grid}
        found.setdefault(_key(cell), []).append(tried(plan.spec, runs, results))
    return found


def configurations(plan: Plan) -> list[list[PlannedRun]]:
    """The runs of a search by configuration, in the order of the plan."""
    assert plan.spec.search is not None
    paths = [*plan.spec.grid, *plan.spec.search.space]
    groups: dict[str, list[PlannedRun]] = {}
    for run in plan.runs:
        groups.setdefault(_key({path: run.swept[path] for path in paths}), []).append(run)
    return list(groups.values())


def tried(spec: SweepSpec, runs: list[PlannedRun], results: dict[str, RunResult]) -> Tried:
    """A configuration, by the mean of its folds and seeds; stopped where one of them was."""
    assert spec.search is not None
    ended = [results[run.run_id] for run in runs if run.run_id in results]
    scores = [scored for result in ended if (scored := sought_scores(spec, result)) is not None]
    stopped = [result.stopped.epoch for result in ended if result.stopped is not None]
    return Tried(
        values={path: runs[0].swept[path] for path in spec.search.space},
        round=runs[0].round or 0,
        scores=tuple(sum(column) / len(column) for column in zip(*scores, strict=True)) if scores else None,
        stopped=min(stopped) if stopped else None,
    )


def sought_scores(spec: SweepSpec, result: RunResult) -> tuple[float, ...] | None:
    """What a search seeks, of one run, on validation; None where it failed or has no such AUC."""
    if result.status == "failed" or result.valid is None:
        return None
    aucs = {side: getattr(getattr(result.valid, side, None), "auc", None) for side in ("e1", "e2", "e3")}
    if any(aucs[side] is None for objective in spec.sought for side in objective.weights):
        return None
    return tuple(float(objective.score(aucs)) for objective in spec.sought)


def _key(values: dict[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)
