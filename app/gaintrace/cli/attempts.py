"""Attempts at a step of a workflow: those that a fault ended are counted apart from those that a preemption did.

Argo counts them together. It tells each attempt its number and how the one before ended, and the store remembers.
"""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from gaintrace.errors import ConfigError, ExitCode, GivenUpError

if TYPE_CHECKING:
    from gaintrace.store import Store

NO_FAULT = (0, int(ExitCode.INTERRUPTED), 137, 143)
"""Exit codes of an attempt that was ended from outside: none (its pod was lost, and Argo says 0), or a signal's. After
one that was killed for its own memory there is no other at all."""

Attempt = Annotated[
    str | None,
    typer.Option(
        metavar="STEP:NUMBER:CODE", help="Of a workflow's step: number of this attempt, and how the last ended."
    ),
]
Retries = Annotated[int, typer.Option(min=0, help="Faults after which another attempt is made.")]


def check_attempt(store: "Store", attempt: str | None, retries: int) -> None:
    """Count the fault that ended the attempt before, if one did. Raises GivenUpError where there were too many.

    The first attempt forgets those of before: the step was asked for anew.
    """
    from gaintrace.store import MissingObjectError, layout

    if attempt is None:
        return
    found = re.fullmatch(r"(.+):(\d+):(-?\d+)", attempt)
    if found is None:
        raise ConfigError(f"--attempt {attempt}: expected STEP:NUMBER:CODE, as in phase2-x7k2p-0:1:75")
    step, number, code = found.group(1), int(found.group(2)), int(found.group(3))
    key = layout.faults(re.sub(r"[^A-Za-z0-9._-]+", "-", step))
    if number == 0:
        store.delete(key)
        return
    try:
        codes = store.read(key).decode().split()
    except MissingObjectError:
        codes = []
    if code > 0 and code not in NO_FAULT:
        codes.append(str(code))
        store.write(key, " ".join(codes).encode())
    if len(codes) > retries:
        raise GivenUpError(
            f"{step} is given up: faults ended {len(codes)} of its attempts, with exit codes {', '.join(codes)}; "
            "their logs say what they were. Mend that and submit the same again; what is finished is kept"
        )
