"""How many runs a search needs to find what a grid of 27 finds: on a known hill, and on a data set.

    python benchmarks/search.py                                        # the hill: seconds
    python benchmarks/search.py --data store/datasets/assist2015       # and a small model: some minutes

On the hill a search has the ranges that the grid spans. On the data set it has the grid's 27 configurations to choose
from, so what it needs is the place of the grid's best among its suggestions; as runs are known by what they are, each
is trained once, for the grid and for every search. A search that draws without looking needs 14 of 27 in the mean.
"""

import argparse
import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import yaml
from measure import table

from gaintrace.config import Search, parse_spec
from gaintrace.data.dataset import Dataset, load_dataset
from gaintrace.pipeline.shards import train_shards
from gaintrace.pipeline.sweep import plan_sweep
from gaintrace.pipeline.training import Machine
from gaintrace.store import Store, open_store
from gaintrace.sweeps.plan import Plan
from gaintrace.sweeps.results import read_results
from gaintrace.sweeps.rounds import next_round
from gaintrace.sweeps.sampling import Tried, suggest

SEEDS = range(1, 6)
RUNS_PER_ROUND = 3
ROUNDS = 9
HALF = 13
HILL = {
    "training.learning_rate": [1e-4, 1e-3, 1e-2],
    "training.bce_loss_weight": [0.1, 0.5, 0.9],
    "model.dropout": [0.0, 0.25, 0.5],
}
HILL_RANGES: dict[str, Any] = {
    "training.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "training.bce_loss_weight": {"low": 0.1, "high": 0.9},
    "model.dropout": {"low": 0.0, "high": 0.5},
}
SMALL = """
name: searched
base:
  model: {d_model: 8, n_heads: 2, n_blocks: 1, d_ff: 8}
  training: {epochs: 3, selection_metric: valid_combined}
"""
GRID = {
    "training.learning_rate": [0.003, 0.01, 0.03],
    "model.dropout": [0.0, 0.2, 0.4],
    "training.batch_size": [128, 256, 512],
}


def main() -> None:
    """Print the tables that SEARCH.md has."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a prepared data set")
    parser.add_argument("--students", type=int, help="of the data set, the first so many alone")
    parser.add_argument("--store", type=Path, default=Path("store/benchmarks/search"))
    arguments = parser.parse_args()
    best = max(hill(dict(zip(HILL, cell, strict=True))) for cell in itertools.product(*HILL.values()))
    print(f"On the hill, whose top is 0, the grid's best of 27 is {best:.4f}.\n")
    report(on_the_hill, best)
    if arguments.data:
        store = open_store(str(arguments.store))
        dataset = beginning(load_dataset(arguments.data), arguments.students)
        print(f"\n{dataset.name}: {len(dataset.students):,} students, {len(dataset.interactions):,} interactions.")
        scores = scores_of(store, trained(store, dataset, {"grid": GRID}))
        order = sorted(scores.values(), reverse=True)
        print(
            f"{order[0]:.4f} is the best of "
            f"{len(order)} on validation (E1 + 0.5 · E2), {order[1]:.4f} the second, {order[-1]:.4f} the last.\n"
        )
        report(lambda sampler, seed: on_the_data(store, dataset, scores, sampler, seed), order[0])


def report(search: Callable[[str, int], Iterator[float]], best: float) -> None:
    """A row a sampler: after how many runs each seed has what the grid has, and what half of its runs come to."""
    rows: list[tuple[str, ...]] = [
        ("sampler", f"runs, mean of {len(SEEDS)}", "each", f"best of {HALF}, mean", f"best of {HALF}, least")
    ]
    for sampler in ("random", "tpe", "nsga2", "cmaes"):
        needed, half = [], []
        for seed in SEEDS:
            try:
                scores = list(search(sampler, seed))
            except NotPossible:
                break
            needed.append(next((place for place, score in enumerate(scores, 1) if score >= best), math.inf))
            half.append(max(scores[:HALF]))
        if needed:
            each = ", ".join("none" if count == math.inf else str(count) for count in needed)
            shown = f"{mean(needed):.1f}" if math.inf not in needed else "more"
            rows.append((sampler, shown, each, f"{mean(half):.4f}", f"{min(half):.4f}"))
    print(table(rows), flush=True)


class NotPossible(Exception):
    """A sampler that cannot search this space."""


def hill(values: dict[str, Any]) -> float:
    """A hill with its top, 0, between the points of the grid: at 0.002, 0.62 and 0.13."""
    rate = math.log10(values["training.learning_rate"] / 0.002)
    weight = (values["training.bce_loss_weight"] - 0.62) / 0.5
    dropout = (values["model.dropout"] - 0.13) / 0.25
    return -(rate**2 + weight**2 + dropout**2)


def on_the_hill(sampler: str, seed: int) -> Iterator[float]:
    """Scores of a search, in its order."""
    size = max(RUNS_PER_ROUND, 4) if sampler in ("nsga2", "cmaes") else RUNS_PER_ROUND
    search = Search.model_validate(
        {"sampler": sampler, "rounds": ROUNDS, "runs_per_round": size, "space": HILL_RANGES, "seed": seed}
    )
    tried: list[Tried] = []
    for number in range(ROUNDS):
        tried += [Tried(v, number, (hill(v),)) for v in suggest(search, 1, tried, number, {}, lambda _: True)]
    yield from (one.scores[0] for one in tried if one.scores)


def beginning(dataset: Dataset, students: int | None) -> Dataset:
    """The first so many students of a data set, or all of it."""
    if students is None:
        return dataset
    rows = dataset.interactions[dataset.interactions["student"] < students]
    return dataclasses.replace(dataset, interactions=rows, students=dataset.students.head(students))


def on_the_data(store: Store, dataset: Dataset, known: dict[str, float], sampler: str, seed: int) -> Iterator[float]:
    """Scores of a search among the grid's configurations, in its order."""
    if sampler == "cmaes":
        raise NotPossible
    size = max(RUNS_PER_ROUND, 4) if sampler == "nsga2" else RUNS_PER_ROUND
    rounds = math.ceil(len(known) / size)
    search = {"sampler": sampler, "rounds": rounds, "runs_per_round": size, "space": GRID, "seed": seed}
    plan = trained(store, dataset, {"search": search})
    assert {run.run_id for run in plan.runs} == known.keys(), "a search trained what the grid has not"
    yield from (known[run.run_id] for run in plan.runs)


def trained(store: Store, dataset: Dataset, swept: dict[str, Any]) -> Plan:
    """The plan of the small model with something swept, all of it trained."""
    spec = parse_spec(yaml.safe_dump(yaml.safe_load(SMALL) | swept), "benchmarks/search.py")
    plan, _ = plan_sweep(spec, store, dataset=dataset)
    done = 0
    while done < plan.shards:
        train_shards(plan, dataset, store, range(done, plan.shards), machine=Machine(device="cpu", threads=1))
        done = plan.shards
        plan = next_round(store, plan) if spec.search else plan
    return plan


def scores_of(store: Store, plan: Plan) -> dict[str, float]:
    """What ranks, by run id."""
    valid = {run: result.valid for run, result in read_results(store, plan).items()}
    aucs = {run: {"e1": found.e1.auc, "e2": found.e2.auc} for run, found in valid.items() if found}
    return {run: float(plan.spec.objective.score(of)) for run, of in aucs.items()}


if __name__ == "__main__":
    main()
