"""Signals and kills: what is done stays, and the same command ends in the numbers of one that was left alone."""

import importlib
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.cli.apart import COMMAND, PATIENCE, start, wait_for
from tests.cli.here import gaintrace
from tests.conftest import SMALL_SWEEP, thorough
from tests.processes import Command

# One run at a time: killed between two checkpoints, runs trained side by side would go on apart, equal within rounding.
LONG = ["sweep", "small.yaml", "--members", "1", "--threads", "1"]
LONG += ["--set", "base.training.epochs=15", "--set", "base.training.patience=15"]


def numbers(folder: Path) -> pd.DataFrame:
    (path,) = folder.glob("store/sweeps/*/results.csv")
    return pd.read_csv(path).drop(columns="seconds")


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The numbers of a sweep that nothing disturbed."""
    folder = tmp_path_factory.mktemp("straight")
    (folder / "small.yaml").write_text(SMALL_SWEEP)
    assert gaintrace(folder, *LONG).code == 0
    return numbers(folder)


def checkpoints(folder: Path) -> set[tuple[Path, int]]:
    """Those that are there, and when they were written."""
    return {(path, path.stat().st_mtime_ns) for path in folder.glob("store/runs/*/checkpoint.safetensors")}


def started(folder: Path) -> "subprocess.Popen[str]":
    """The sweep as a person starts it."""
    return start(folder, *COMMAND, *LONG)


def forked(folder: Path) -> Command:
    """The sweep, without most of its start."""
    return Command(folder, *LONG)


def stop(folder: Path, number: int, how: Callable[[Path], Any] = forked, delay: float = 0) -> int:
    """Start the sweep and send it a signal some seconds after its next checkpoint. Returns how it ended."""
    before = checkpoints(folder)
    process = how(folder)
    wait_for(process, lambda: checkpoints(folder) - before, folder)
    time.sleep(delay)
    process.send_signal(number)
    return int(process.wait(timeout=PATIENCE))


def test_a_signal_saves_and_exits_with_75_and_the_same_command_continues(folder: Path, straight: pd.DataFrame) -> None:
    for number, how in ((signal.SIGTERM, forked), (signal.SIGINT, started)):
        code, said = stop(folder, number, how), (folder / "log").read_text()
        assert code == 75, said
        assert "Run the same command again to continue" in said
    done = gaintrace(folder, *LONG)
    assert "continue after epoch" in said
    assert "continue after epoch" in done.output
    pd.testing.assert_frame_equal(numbers(folder), straight)


def test_kill_9_loses_nothing_that_was_finished(folder: Path, straight: pd.DataFrame) -> None:
    """Killed again and again at different moments, a sweep ends in the numbers of one that was left alone."""
    for delay in (0.0, 0.3):
        assert stop(folder, signal.SIGKILL, delay=delay) == -signal.SIGKILL
    assert gaintrace(folder, *LONG).code == 0
    pd.testing.assert_frame_equal(numbers(folder), straight)
    assert not checkpoints(folder)


def slow(module: str, function: str) -> None:
    """Have a function of a module say that it was reached, and take a minute."""

    def wait(*_: object, **__: object) -> None:
        Path("reached").touch()
        for _ in range(600):
            time.sleep(0.1)

    there = importlib.import_module(module)
    assert callable(getattr(there, function))
    setattr(there, function, wait)


OUTSIDE_TRAINING = {
    "while the data set is read": ("gaintrace.pipeline.sweep", "load_data"),
    "while resampling": ("gaintrace.analysis.summary", "compare_configurations"),
    "while mastery is read": ("gaintrace.report.mastery", "curves"),
    "while the report is drawn": ("gaintrace.report.aggregate", "render_report"),
    "while metrics are pushed": ("gaintrace.report.metrics", "sweep_metrics"),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose runs are trained, so that a sweep has only to conclude."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "small.yaml").write_text(SMALL_SWEEP)
    assert gaintrace(folder, "sweep", "small.yaml", "--set", "base.training.epochs=1").code == 0
    shutil.rmtree(folder / "store" / "sweeps")
    return folder / "store"


@pytest.mark.parametrize(
    "where", [thorough(where) if "mastery" in where or "pushed" in where else where for where in OUTSIDE_TRAINING]
)
def test_a_signal_ends_every_phase_within_seconds(folder: Path, trained: Path, where: str) -> None:
    module, function = OUTSIDE_TRAINING[where]
    shutil.copytree(trained, folder / "store")
    sweep = ["sweep", "small.yaml", "--set", "base.training.epochs=1"]
    process = Command(folder, *sweep, first=partial(slow, module, function))
    wait_for(process, (folder / "reached").exists, folder)
    process.send_signal(signal.SIGTERM)
    # Half of what `slow` would take; on a quiet machine it ends at once.
    assert process.wait(timeout=30) == 75, (folder / "log").read_text()
    assert "Run the same command again to continue" in (folder / "log").read_text()
    done = gaintrace(folder, *sweep)
    assert (done.code, "epoch 1/1" in done.output) == (0, False)
    assert numbers(folder)["status"].tolist() == ["succeeded"] * 2
