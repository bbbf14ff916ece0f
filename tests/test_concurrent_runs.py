"""Runs that end at the same time on one prefix of a bucket: none is lost, none counts twice.

GAINTRACE_CONCURRENT_RUNS says how many there are (8 without it). They train side by side in shards, and every shard in
two processes at once.
"""

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from gaintrace.config import parse_spec
from gaintrace.report.aggregate import aggregate
from gaintrace.runs.result import RunResult
from gaintrace.store import open_store
from gaintrace.sweeps.data import load_data, reference
from gaintrace.sweeps.plan import Plan, make_plan, read_plan, write_plan
from gaintrace.sweeps.shard import ShardTrainer
from gaintrace.training.reporter import Silent
from tests.processes import FORKED

RUNS = int(os.environ.get("GAINTRACE_CONCURRENT_RUNS", "8"))
SHARD = min(25, RUNS)
SPEC = """
name: crowd
base:
  data: {synthetic: {students: 40, skills: 4, mean_length: 10, seed: 3}}
  model: {d_model: 8, n_heads: 2, n_blocks: 1, d_ff: 8}
  training: {epochs: 2, batch_size: 16, learning_rate: 0.01}
"""


together: Any = None
"""Where processes wait for each other before they train; alone, nothing."""


class Notes(Silent):
    """Keeps what a trainer notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """See Reporter."""
        self.notes.append(text)


def meet(barrier: Any, environment: dict[str, str]) -> None:
    """Keep in a process of the pool what its jobs wait at, and where the store is."""
    global together  # noqa: PLW0603
    together = barrier
    os.environ.update(environment)


def train_shards(uri: str, sweep_id: str, shards: list[int]) -> list[str]:
    """What one process does. Returns what was noted."""
    torch.set_num_threads(1)
    store, notes = open_store(uri), Notes()
    plan = read_plan(store, sweep_id)
    trainer = ShardTrainer(
        store, plan, load_data(plan.spec.base), lambda: torch.device("cpu"), notes, lambda: False, max_members=SHARD
    )
    if together is not None:
        together.wait(300)
    for shard in shards:
        trainer.train(shard)
    return notes.notes


def planned(uri: str) -> Plan:
    spec = parse_spec(f"{SPEC}seeds: {list(range(RUNS))}\n", "here")
    plan = make_plan(spec, reference(spec.base, load_data(spec.base)), SHARD)
    write_plan(open_store(uri), plan)
    return plan


def rows(uri: str, plan: Plan) -> pd.DataFrame:
    return pd.DataFrame(aggregate(open_store(uri), plan.sweep_id).runs).drop(columns="seconds")


@pytest.mark.slow
def test_of_many_concurrent_runs_none_is_lost_and_none_doubled(bucket: str, tmp_path: Path) -> None:
    alone, crowded = str(tmp_path), f"s3://{bucket}/p"
    plan = planned(alone)
    planned(crowded)
    jobs = [(crowded, plan.sweep_id, [shard]) for shard in range(plan.shards) for _ in range(2)]
    with FORKED.Pool(len(jobs), meet, (FORKED.Barrier(len(jobs)), dict(os.environ))) as pool:
        notes = [note for found in pool.starmap(train_shards, jobs, chunksize=1) for note in found]
    assert all("another process was first; its result is kept" in note for note in notes), notes
    assert len(notes) == len(set(notes)) <= RUNS
    assert notes, "no run was finished by two at once"

    store = open_store(crowded)
    results = [key for key in store.keys("runs") if key.endswith("result.json")]
    assert len(results) == RUNS
    assert {RunResult.model_validate_json(store.read(key)).run_id for key in results} == {r.run_id for r in plan.runs}
    assert not [key for key in store.keys("runs") if "checkpoint" in key]
    train_shards(alone, plan.sweep_id, list(range(plan.shards)))
    table = rows(crowded, plan)
    assert len(table) == RUNS
    assert set(table["status"]) == {"succeeded"}
    pd.testing.assert_frame_equal(table, rows(alone, plan))
    print(f"{RUNS} runs, {len(jobs)} processes; {len(notes)} runs were finished by both and counted once")
