"""Places that a person names on the command line."""

import re
import shlex
from pathlib import Path

from gaintrace.errors import ConfigError


def folder(option: str, text: str) -> Path:
    """The folder that an option names. Raises ConfigError where it is empty or a URI."""
    return _place(option, text, "folder")


def file(option: str, text: str) -> Path:
    """The file that an option names, likewise, or where it is a device or a pipe, which a whole file would replace."""
    path = _place(option, text, "file")
    try:
        special = path.exists() and not path.is_file() and not path.is_dir()
    except OSError as error:  # a name longer than any file's
        raise ConfigError(f"{option} {text[:60]}…: {error.strerror}; choose another file") from None
    if special:
        raise ConfigError(f"{option} {text}: a device or a pipe; name a file")
    return path


def of_store(out: str) -> str:
    """What a command that is shown to a person says of its store: nothing of the one that it takes anyway."""
    return "" if out == "store" else f" --out {shlex.quote(out)}"


def _place(option: str, text: str, what: str) -> Path:
    if not text.strip():
        raise ConfigError(f"{option} is empty; give a {what}")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        raise ConfigError(f"{option} {text}: only a {what} of this machine is possible; give its path, not a URI")
    return Path(text)
