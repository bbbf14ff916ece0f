"""`sweep` and `train`, and the three steps they are made of."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.cli import apart
from tests.cli.here import gaintrace
from tests.conftest import SMALL_SWEEP


def results(folder: Path) -> pd.DataFrame:
    (path,) = folder.glob("sweeps/*/results.csv")
    return pd.read_csv(path)


def statuses(folder: Path) -> list[str]:
    return [str(status) for status in results(folder)["status"]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a sweep in store/, made in a process of its own, and what that printed."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "small.yaml").write_text(SMALL_SWEEP)
    return folder, apart.gaintrace("sweep", "small.yaml", cwd=folder)


def test_a_sweep_from_beginning_to_end(finished: tuple[Path, str]) -> None:
    folder, output = finished
    assert "small-" in output
    assert "2 runs on synthetic (120 students" in output
    assert "epoch 3/3 valid E1" in output
    assert "ranks first of 2 configurations" in output
    assert max(map(len, output[output.index("rank") :].splitlines()[:3])) <= 80
    assert statuses(folder / "store") == ["succeeded"] * 2
    (report,) = folder.glob("store/sweeps/*/report.html")
    assert str(report.relative_to(folder)) in output
    again = gaintrace(folder, "sweep", "small.yaml").output
    assert "epoch" not in again[: again.index("rank")]


def test_the_three_steps_give_what_the_sweep_gives(finished: tuple[Path, str], folder: Path) -> None:
    planned = gaintrace(folder, "plan", "small.yaml", "--runs-per-pod", "1", "--outputs", "out").output
    sweep_id = (folder / "out" / "sweep-id").read_text()
    assert sweep_id in planned.splitlines()
    assert json.loads((folder / "out" / "shards.json").read_text()) == [0, 1]
    for shard in ("1", "0"):
        assert gaintrace(folder, "train-shard", "--sweep", sweep_id, "--shard", shard).code == 0
    assert gaintrace(folder, "aggregate", "--sweep", sweep_id).code == 0
    assert gaintrace(folder, "aggregate", "--sweep", sweep_id.rpartition("-")[0]).code == 0
    ours, whole = (results(store).drop(columns="seconds") for store in (folder / "store", finished[0] / "store"))
    pd.testing.assert_frame_equal(ours, whole)


def test_planning_loads_neither_torch_nor_figures(folder: Path) -> None:
    """They are seconds of every pod that plans, and of every command that is refused."""
    script = "import sys; from gaintrace.cli import app; app(sys.argv[1:], standalone_mode=False); print(*sys.modules)"
    command = [sys.executable, "-c", script, "plan", "small.yaml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=apart.PATIENCE)
    assert "pandas" in done.stdout.split()
    assert not {"torch", "scipy", "matplotlib"} & set(done.stdout.split())


def test_one_run_from_prepared_data(folder: Path) -> None:
    simulated = ["data", "simulate", "--out", "d", "--students", "100", "--skills", "4", "--mean-length", "15"]
    assert gaintrace(folder, *simulated).code == 0
    assert "100" in gaintrace(folder, "data", "info", "d").output
    assert gaintrace(folder, "data", "export", "d", "--out", "pykt").code == 0
    other = gaintrace(folder, "data", "simulate", "--out", "d", "--students", "9")
    assert (other.code, "another data set" in other.error) == (2, True)
    fixed = ["--set", "grid={}", "--set", "base.training.bce_loss_weight=0.5", "--set", "base.training.epochs=1"]
    assert "1 run on d (100 students" in gaintrace(folder, "train", "small.yaml", "--data", "d", *fixed).output
    several = gaintrace(folder, "train", "small.yaml")
    assert (several.code, "is 2 runs" in several.error) == (2, True)
    (best,) = folder.glob("store/sweeps/*/best.yaml")
    assert "1 run of 1 epochs" in gaintrace(folder, "config", "validate", str(best)).output


def test_a_partial_sweep_exits_with_4_and_keeps_what_succeeded(folder: Path) -> None:
    partial = ["sweep", "small.yaml", "--set", "grid.training.learning_rate=[0.01, 1.0e+38]"]
    partial += ["--set", "base.training.epochs=1"]
    done = gaintrace(folder, *partial)
    assert (done.code, "2 of 4 runs succeeded" in done.error) == (4, True)
    assert statuses(folder / "store") == ["succeeded"] * 2 + ["failed"] * 2
    assert gaintrace(folder, *partial, "--set", "min_coverage=0.5").code == 0


def test_one_skill_is_enough(folder: Path) -> None:
    assert gaintrace(folder, "sweep", "small.yaml", "--set", "base.data.synthetic.skills=1").code == 0
    assert statuses(folder / "store") == ["succeeded"] * 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "none", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("cannot mount a small file system here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_named_and_room_lets_the_sweep_go_on(folder: Path, small_disk: Path) -> None:
    sweep = ["sweep", "small.yaml", "--out", str(small_disk), "--set", "base.training.epochs=1"]
    done = gaintrace(folder, *sweep)
    assert (done.code, len(done.error.splitlines())) == (5, 1)
    assert "the disk is full; free space and run the same command again" in done.error
    assert not list(small_disk.glob("**/.tmp-*"))
    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    assert gaintrace(folder, *sweep).code == 0
    assert statuses(small_disk) == ["succeeded"] * 2
