"""Killed (-9) at random moments, steps that are simply run again end in the same results.

GAINTRACE_KILLS says how often a step dies, on a folder and on S3 each (without it both steps once, on S3 alone);
GAINTRACE_KILL_SEED picks other moments.
"""

import io
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from gaintrace.cli import app
from gaintrace.store import Store, open_store
from tests.processes import Command

KILLS = int(os.environ.get("GAINTRACE_KILLS", "2"))
SEED = int(os.environ.get("GAINTRACE_KILL_SEED", "1"))
SMALL = """
name: killed
base:
  data: {synthetic: {students: 120, skills: 5, mean_length: 20, seed: 3}}
  model: {d_model: 16, n_heads: 2, n_blocks: 1, d_ff: 16}
  training: {epochs: 12, patience: 12, batch_size: 16, learning_rate: 0.01}
grid: {training.bce_loss_weight: [0.3, 0.7]}
"""
ARTEFACTS = {"results.csv", "results.json", "best.yaml", "manifest.json", "report.html", "metrics.prom"}


def run(folder: Path, *arguments: str) -> float:
    """The seconds that a command takes."""
    began = time.monotonic()
    code = Command(folder, *arguments).wait(300)
    assert code == 0, (folder / "log").read_text()
    return time.monotonic() - began


def planned(spec: str, out: str) -> str:
    """Plan a sweep; its id."""
    done = CliRunner().invoke(app, ["plan", spec, "--out", out])
    assert done.exit_code == 0, done.exception
    return done.stdout.strip()


def killed(seconds: float, folder: Path, *arguments: str) -> bool:
    """Kill a command after so long; False if it ended before."""
    process = Command(folder, *arguments)
    try:
        process.wait(seconds)
    except TimeoutError:
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        return True
    return False


def steps(sweep_id: str, out: str) -> list[list[str]]:
    # One run at a time: between two checkpoints, runs side by side would go on apart, equal within rounding.
    shard = ["train-shard", "--sweep", sweep_id, "--shard", "0", "--out", out, "--members", "1"]
    return [shard, ["aggregate", "--sweep", sweep_id, "--out", out]]


def numbers(store: Store, sweep_id: str) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(store.read(f"sweeps/{sweep_id}/results.csv")), dtype=str).drop(columns="seconds")


@dataclass
class Straight:
    """A sweep that nothing disturbed: its id, its numbers, and the seconds that each step took."""

    spec: str
    sweep_id: str
    expected: pd.DataFrame
    seconds: list[float]


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Straight:
    folder = tmp_path_factory.mktemp("straight")
    (folder / "small.yaml").write_text(SMALL)
    sweep_id = planned(str(folder / "small.yaml"), str(folder))
    seconds = [run(folder, *step) for step in steps(sweep_id, str(folder))]
    return Straight(str(folder / "small.yaml"), sweep_id, numbers(open_store(folder), sweep_id), seconds)


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["folder", "s3"] if KILLS > 2 else ["s3"])
def test_trainer_and_aggregator_can_die_at_any_moment(
    kind: str, straight: Straight, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    top = str(tmp_path / "store") if kind == "folder" else f"s3://{request.getfixturevalue('bucket')}"
    dice = random.Random(SEED)
    done, trial = 0, 0
    while done < KILLS:
        trial += 1
        out = f"{top}/{trial}"
        assert planned(straight.spec, out) == straight.sweep_id
        for step, usual in zip(steps(straight.sweep_id, out), straight.seconds, strict=True):
            for _ in range(dice.randint(1, 4) if KILLS > 2 else 1):
                done += killed(dice.uniform(0, usual), tmp_path, *step)
            run(tmp_path, *step)
        store = open_store(out)
        pd.testing.assert_frame_equal(numbers(store, straight.sweep_id), straight.expected)
        keys = store.keys()
        assert not [key for key in keys if "checkpoint" in key]
        assert {key.rsplit("/", 1)[-1] for key in keys if key.startswith("sweeps/")} >= ARTEFACTS
    print(f"{kind}: {done} kills in {trial} sweeps, all the same")
