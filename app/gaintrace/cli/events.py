"""The option `--tensorboard`."""

from pathlib import Path
from typing import Annotated

import typer

from gaintrace.cli import named

TensorBoard = Annotated[
    str | None,
    typer.Option(
        "--tensorboard", metavar="FOLDER", help="Write event files there, a folder a sweep (pip install tensorboard)."
    ),
]


def events(tensorboard: str | None) -> Path | None:
    """Where event files go, if that is possible. Raises ConfigError, StoreError."""
    if tensorboard is None:
        return None
    from gaintrace.telemetry.tensorboard import require_tensorboard

    require_tensorboard()
    return named.writable("--tensorboard", tensorboard)
