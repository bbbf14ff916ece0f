"""Commands as a person types them, each in a process of its own, for what only a process can show."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

COMMAND = [sys.executable, "-c", "from gaintrace.cli import run; run()"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "80"}
PATIENCE = 300
"""Seconds after which a process is given up; a busy machine takes its time."""


def gaintrace(*arguments: object, cwd: Path, expect: int = 0) -> str:
    """Everything that a command prints."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def start(cwd: Path, *command: str) -> "subprocess.Popen[str]":
    """A process, its output in one file."""
    with (cwd / "log").open("wb") as log:
        return subprocess.Popen(command, cwd=cwd, env=ENVIRONMENT, stdout=log, stderr=log, text=True)


def wait_for(process: "subprocess.Popen[str]", happened: Callable[[], object], cwd: Path) -> None:
    """Wait until something happened; fails as soon as the process can no longer make it happen."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        ended = process.poll() is not None
        assert happened() or not ended, (cwd / "log").read_text()
        assert time.monotonic() < deadline, (cwd / "log").read_text()
        time.sleep(0.02)
