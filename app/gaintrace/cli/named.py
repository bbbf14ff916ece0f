"""What a person means by a name on the command line: a store, a data set, a run."""

import tempfile
from pathlib import Path

import typer

from gaintrace.cli.places import folder
from gaintrace.errors import ConfigError, StoreError
from gaintrace.use.named import dataset, finished_run

__all__ = ["data_given", "dataset", "finished_run", "gateway", "metrics_address", "not_empty", "writable"]


def not_empty(parameter: typer.CallbackParam, value: str | None) -> str | None:
    """Refuse an option or an argument that is there and empty, as an unset variable of a shell leaves it."""
    if value is not None and not value.strip():
        name = parameter.opts[0] if parameter.param_type_name == "option" else str(parameter.name).upper()
        raise ConfigError(f"{name} is empty; leave it out or give a value")
    return value


def data_given(context: typer.Context, value: str | None) -> str | None:
    """Refuse an empty --data, as an unset variable leaves it, where nothing says that it may be."""
    if value is not None and not value.strip() and not context.params.get("data_optional"):
        raise ConfigError("--data is empty; give the data set's folder, URI or name in the store, or leave it out")
    return value


def writable(option: str, text: str) -> Path:
    """The folder that an option names, which need not exist. Raises StoreError where nothing can be written there."""
    path = folder(option, text)
    try:
        there = next(place for place in (path, *path.absolute().parents) if place.exists())
        with tempfile.TemporaryDirectory(dir=there):  # permissions alone do not tell: /proc, read-only disks
            return path
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreError(f"{option} {text}: cannot be written: {reason}. Choose another folder") from None


def metrics_address(value: str | None) -> str | None:
    """Refuse, before anything is trained, what can be no address to listen at."""
    if value:
        from gaintrace.telemetry.live import parse_address

        parse_address(value)
    return value


def gateway(value: str) -> str:
    """Refuse, before anything is trained, what can be no Pushgateway."""
    if value:
        from gaintrace.telemetry.push import check

        check(value)
    return value
