"""Processes that are there at once: forked from one that has loaded torch and gaintrace, which is most of a start."""

import multiprocessing
import os
import sys
from collections.abc import Callable
from pathlib import Path

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["gaintrace.report.aggregate", "gaintrace.pipeline.devices", "gaintrace.training.loop"])


class Command:
    """A gaintrace command in a folder, its output in the file `log` there; as much of a Popen as tests ask for."""

    def __init__(self, folder: Path, *arguments: str, first: Callable[[], None] | None = None) -> None:
        """`first`: what to call before, for what a test changes of the command; a function of a module."""
        self._process = FORKED.Process(target=_run, args=(folder, arguments, dict(os.environ), first))
        self._process.start()

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Like Popen's."""
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def wait(self, timeout: float) -> int:
        """How it ended. Raises TimeoutError where it has not by then."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise TimeoutError(f"still runs after {timeout:g} s")
        return self._process.exitcode


def _run(
    folder: Path, arguments: tuple[str, ...], environment: dict[str, str], first: Callable[[], None] | None
) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment, COLUMNS="80")
    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(log, stream)
        setattr(sys, name, os.fdopen(stream, "w", buffering=1, encoding="utf-8"))
    sys.argv = ["gaintrace", *arguments]
    from gaintrace.cli import run

    if first is not None:
        first()
    run()
