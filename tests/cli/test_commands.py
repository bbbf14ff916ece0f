"""The commands as a person types them, each in a process of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from tests.conftest import SMALL_SWEEP

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "80"}


def gaintrace(*arguments, cwd, expect=0):
    command = [sys.executable, "-c", "from gaintrace.cli import main; main()", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=ENVIRONMENT, timeout=300, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "small.yaml").write_text(SMALL_SWEEP)
    return tmp_path


def results(folder):
    (path,) = folder.glob("store/sweeps/*/results.csv")
    return pd.read_csv(path)


def test_a_sweep_from_beginning_to_end(folder):
    output = gaintrace("sweep", "small.yaml", cwd=folder)
    assert "small-" in output
    assert "2 runs on synthetic (120 students" in output
    assert "epoch 3/3 valid E1" in output
    assert "ranks first of 2 configurations" in output
    assert max(map(len, output[output.index("rank") :].splitlines()[:3])) <= 80
    assert results(folder)["status"].tolist() == ["succeeded"] * 2
    (report,) = folder.glob("store/sweeps/*/report.html")
    assert str(report.relative_to(folder)) in output
    again = gaintrace("sweep", "small.yaml", cwd=folder)
    assert "epoch" not in again[: again.index("rank")]


def test_the_three_steps_give_what_the_sweep_gives(folder):
    gaintrace("sweep", "small.yaml", cwd=folder)
    whole = results(folder).drop(columns="seconds")
    shutil.rmtree(folder / "store")
    planned = gaintrace("plan", "small.yaml", "--runs-per-pod", 1, "--outputs", "out", cwd=folder)
    sweep_id = (folder / "out" / "sweep-id").read_text()
    assert sweep_id in planned.splitlines()
    assert json.loads((folder / "out" / "shards.json").read_text()) == [0, 1]
    for shard in (1, 0):
        gaintrace("train-shard", "--sweep", sweep_id, "--shard", shard, cwd=folder)
    gaintrace("aggregate", "--sweep", sweep_id, cwd=folder)
    pd.testing.assert_frame_equal(results(folder).drop(columns="seconds"), whole)


def test_one_run_from_prepared_data(folder):
    gaintrace("data", "simulate", "--out", "d", "--students", 100, "--skills", 4, "--mean-length", 15, cwd=folder)
    assert "100" in gaintrace("data", "info", "d", cwd=folder)
    gaintrace("data", "export", "d", "--out", "pykt", cwd=folder)
    assert "another data set" in gaintrace("data", "simulate", "--out", "d", "--students", 9, cwd=folder, expect=2)
    fixed = ["--set", "grid={}", "--set", "base.training.bce_loss_weight=0.5", "--set", "base.training.epochs=1"]
    assert "1 run on d (100 students" in gaintrace("train", "small.yaml", "--data", "d", *fixed, cwd=folder)
    assert "is 2 runs" in gaintrace("train", "small.yaml", cwd=folder, expect=2)
    (best,) = folder.glob("store/sweeps/*/best.yaml")
    assert "1 run of 1 epochs" in gaintrace("config", "validate", best, cwd=folder)


def test_a_partial_sweep_exits_with_4_and_keeps_what_succeeded(folder):
    output = gaintrace(
        "sweep", "small.yaml", "--set", "grid.training.learning_rate=[0.01, 1.0e+38]", cwd=folder, expect=4
    )
    assert "2 of 4 runs succeeded" in output
    assert results(folder)["status"].tolist() == ["succeeded"] * 2 + ["failed"] * 2
    lenient = ["--set", "grid.training.learning_rate=[0.01, 1.0e+38]", "--set", "min_coverage=0.5"]
    gaintrace("sweep", "small.yaml", *lenient, cwd=folder)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["sweep", "nothing"], 2, "no such file, and no preset"),
        (["sweep", "phase2"], 2, "no data set: give --data FOLDER"),
        (["sweep", "phase2", "--data", "nowhere"], 3, "no prepared data set there"),
        (["sweep", "small.yaml", "--device", "tpu"], 2, "--device tpu"),
        (["sweep", "small.yaml", "--device", "cuda:99"], 9, "CUDA devices"),
        (["sweep", "small.yaml", "--out", "gs://bucket"], 2, "gs:// is not supported"),
        (["sweep", "small.yaml", "--out", "small.yaml"], 5, "a part of the path is a file"),
        (["sweep", "small.yaml", "--runs-per-pod", "0"], 2, "greater than or equal to 1"),
        (["sweep", "small.yaml", "--set", "base.data.synthetic.students=4"], 3, "no student with 3 interactions"),
        (["train-shard", "--sweep", "x", "--shard", "0"], 2, "there is no sweep"),
        (["aggregate", "--sweep", "x"], 2, "there is no sweep"),
        (["data", "prepare", "assist2015", "--raw", "small.yaml", "--out", "d"], 3, "small.yaml: line 1: no column"),
        (["promote", "x"], 2, "there is no sweep"),
        (["defaults", "show", "7"], 2, "has no default 7; there is none"),
        (["reproduce", "x"], 2, "has no finished run x"),
        (["trajectories", "x"], 2, "has no finished run x"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_a_mistake_gets_one_message_and_its_exit_code(folder, arguments, code, message):
    output = gaintrace(*arguments, cwd=folder, expect=code)
    plain = " ".join(output.replace("│", " ").split())
    assert message in plain
    assert "Traceback" not in output


def test_one_skill_is_enough(folder):
    gaintrace("sweep", "small.yaml", "--set", "base.data.synthetic.skills=1", cwd=folder)
    assert results(folder)["status"].tolist() == ["succeeded"] * 2


def start(folder, *arguments):
    command = [sys.executable, "-c", "from gaintrace.cli import main; main()", "sweep", "small.yaml", *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


# One run at a time: killed between two checkpoints, runs trained side by side would go on apart, equal within rounding.
LONG = ["--set", "base.training.epochs=40", "--set", "base.training.patience=40", "--members", "1"]


def wait_for(folder, pattern):
    deadline = time.monotonic() + 120
    while not list(folder.glob(pattern)):
        assert time.monotonic() < deadline, f"{pattern} did not appear"
        time.sleep(0.02)


def straight_results(folder):
    other = folder / "straight"
    other.mkdir()
    (other / "small.yaml").write_text(SMALL_SWEEP)
    gaintrace("sweep", "small.yaml", *LONG, cwd=other)
    return results(other).drop(columns="seconds")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_exits_with_75_and_the_same_command_continues(folder, number):
    process = start(folder, *LONG)
    wait_for(folder, "store/runs/*/checkpoint.safetensors")
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 75, output
    assert "Run the same command again to continue" in output
    assert "continue after epoch" in gaintrace("sweep", "small.yaml", *LONG, cwd=folder)
    pd.testing.assert_frame_equal(results(folder).drop(columns="seconds"), straight_results(folder))


SLOW = """
import sys, time
import {module} as module
def slow(*_, **__):
    open("reached", "w").close()
    for _ in range(600):
        time.sleep(0.1)
module.{function} = slow
from gaintrace.cli import main
main()
"""
OUTSIDE_TRAINING = {
    "while the data set is read": ("gaintrace.pipeline.sweep", "load_data"),
    "while resampling": ("gaintrace.report.aggregate", "compare_configurations"),
    "while the report is drawn": ("gaintrace.report.aggregate", "render_report"),
    "while metrics are pushed": ("gaintrace.pipeline.sweep", "sweep_metrics"),
}


@pytest.mark.parametrize("where", OUTSIDE_TRAINING)
def test_a_signal_ends_every_phase_within_seconds(folder, where):
    module, function = OUTSIDE_TRAINING[where]
    script = SLOW.format(module=module, function=function)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", script, "sweep", "small.yaml"], cwd=folder, stdout=log, stderr=log, env=ENVIRONMENT
        )
        wait_for(folder, "reached")
        sent = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 75, (folder / "log").read_text()
    assert time.monotonic() - sent < 5
    assert "Run the same command again to continue" in (folder / "log").read_text()
    gaintrace("sweep", "small.yaml", cwd=folder)
    assert results(folder)["status"].tolist() == ["succeeded"] * 2


def test_kill_9_loses_nothing_that_was_finished(folder):
    """Killed again and again at different moments, a sweep ends in the numbers of one that was left alone."""
    for delay in (0.0, 0.3, 0.7):
        process = start(folder, *LONG)
        wait_for(folder, "store/runs/*/*")
        time.sleep(delay)
        process.kill()
        process.communicate(timeout=60)
    gaintrace("sweep", "small.yaml", *LONG, cwd=folder)
    pd.testing.assert_frame_equal(results(folder).drop(columns="seconds"), straight_results(folder))
    assert not list(folder.glob("store/**/checkpoint.safetensors"))


@pytest.fixture
def small_disk(tmp_path):
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


def test_a_full_disk_is_named_and_room_lets_the_sweep_go_on(folder, small_disk):
    output = gaintrace("sweep", "small.yaml", "--out", small_disk, cwd=folder, expect=5)
    assert "the disk is full; free space and run the same command again" in output
    assert not list(small_disk.glob("**/.tmp-*"))
    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    gaintrace("sweep", "small.yaml", "--out", small_disk, cwd=folder)
    (path,) = small_disk.glob("sweeps/*/results.csv")
    assert pd.read_csv(path)["status"].tolist() == ["succeeded"] * 2
