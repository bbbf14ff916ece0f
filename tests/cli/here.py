"""Commands in this process, as the shell would run them in a folder."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gaintrace.cli import main
from gaintrace.errors import ExitCode


class Done(NamedTuple):
    """How a command ended."""

    code: ExitCode
    output: str
    error: str


def gaintrace(folder: Path, *arguments: str) -> Done:
    """Run a command. An exception that the command line does not turn into a message goes through."""
    output, error = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    code: object = None
    with _in(folder), _streams(output, error), _argv(arguments):
        try:
            main()
        except SystemExit as end:
            code = end.code
    found = ExitCode.of(int(str(code or 0)))
    assert found is not None, f"exit code {code} is not in the table"
    return Done(found, *(stream.buffer.getvalue().decode(errors="replace") for stream in (output, error)))  # type: ignore[attr-defined]


def files(folder: Path) -> list[str]:
    """Everything in a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@contextlib.contextmanager
def _in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _streams(output: io.TextIOWrapper, error: io.TextIOWrapper) -> Iterator[None]:
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = output, error
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


@contextlib.contextmanager
def _argv(arguments: tuple[str, ...]) -> Iterator[None]:
    before = sys.argv
    sys.argv = ["gaintrace", *arguments]
    try:
        yield
    finally:
        sys.argv = before
