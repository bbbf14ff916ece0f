"""What records of a data set go by: a name of its own, which is a part of paths and a label of metrics."""

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gaintrace.errors import ConfigError

LONGEST = 64


def checked_name(name: str) -> str:
    """The name itself. Raises ConfigError where it would not do as a part of a path."""
    if not name or name != _cleaned(name):
        raise ConfigError(
            f"--name {name or repr(name)}: use letters, digits, dots, dashes and underscores, at most {LONGEST}, the "
            "first and the last neither dot nor dash"
        )
    return name


def name_of_place(uri: str) -> str:
    """The name of a data set by its folder or URI; empty where that has none, as the root of a disk."""
    scheme, marked, rest = uri.partition("://")
    if not marked:
        return _cleaned(Path(os.path.abspath(uri)).name)  # noqa: PTH100 - resolve() would follow links, and fail in a loop
    path = unquote(urlsplit(uri).path) if scheme == "file" else rest
    return _cleaned(path.rstrip("/").rsplit("/", 1)[-1])


def _cleaned(text: str) -> str:
    text = os.fsencode(text).decode("utf-8", "replace")  # a folder's name may be no text
    return re.sub(r"[^\w.-]+", "-", text)[:LONGEST].strip(".-")
