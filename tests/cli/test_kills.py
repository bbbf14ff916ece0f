"""Killed (-9) at random moments, steps that are simply run again end in the same results.

GAINTRACE_KILL_ROUNDS says how often (2 without it); GAINTRACE_KILL_SEED picks other moments.
"""

import io
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from gaintrace.store import Store, open_store

ROUNDS = int(os.environ.get("GAINTRACE_KILL_ROUNDS", "2"))
SEED = int(os.environ.get("GAINTRACE_KILL_SEED", "1"))
SMALL = """
name: killed
base:
  data: {synthetic: {students: 120, skills: 5, mean_length: 20, seed: 3}}
  model: {d_model: 16, n_heads: 2, n_blocks: 1, d_ff: 16}
  training: {epochs: 25, patience: 25, batch_size: 16, learning_rate: 0.01}
grid: {training.bce_loss_weight: [0.3, 0.7]}
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from gaintrace.cli import main; main()", *arguments]


def run(*arguments: str) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command(*arguments), capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def steps(sweep_id: str, out: str) -> list[list[str]]:
    # One run at a time: between two checkpoints, runs side by side would go on apart, equal within rounding.
    shard = ["train-shard", "--sweep", sweep_id, "--shard", "0", "--out", out, "--members", "1"]
    return [shard, ["aggregate", "--sweep", sweep_id, "--out", out]]


def numbers(store: Store, sweep_id: str) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(store.read(f"sweeps/{sweep_id}/results.csv"))).drop(columns="seconds")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_trainer_and_aggregator_can_die_at_any_moment(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    out = str(tmp_path / "store") if kind == "folder" else f"s3://{request.getfixturevalue('bucket')}/p"
    sweep_id = run("plan", str(tmp_path / "small.yaml"), "--out", out)
    straight = str(tmp_path / "straight")
    run("plan", str(tmp_path / "small.yaml"), "--out", straight)
    for step in steps(sweep_id, straight):
        run(*step)
    store = open_store(out)
    dice = random.Random(SEED)
    for _ in range(ROUNDS):
        for step in steps(sweep_id, out):
            process = subprocess.Popen(
                command(*step),
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(dice.uniform(1.5, 6))
            process.kill()
            process.wait()
        if dice.random() < 0.3:  # begin anew, so that kills meet unfinished runs
            for key in store.keys("runs"):
                store.delete(key)
    for step in steps(sweep_id, out):
        run(*step)
    pd.testing.assert_frame_equal(numbers(store, sweep_id), numbers(open_store(straight), sweep_id))
    assert not [key for key in store.keys() if "checkpoint" in key or ".tmp-" in key]  # noqa: SIM118
    assert {key.rsplit("/", 1)[-1] for key in store.keys(f"sweeps/{sweep_id}")} >= {
        "report.html",
        "results.csv",
        "manifest.json",
    }
