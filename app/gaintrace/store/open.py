"""The store that a URI names."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gaintrace.errors import ConfigError
from gaintrace.store.base import Store
from gaintrace.store.folder import FolderStore


def open_store(uri: str | os.PathLike[str]) -> Store:
    """The store at a path, a `file://` or an `s3://` URI. The folder need not exist yet; a bucket must."""
    text = os.fspath(uri)
    if not text.strip():
        raise ConfigError("an empty place; give a folder, file:///path or s3://bucket/prefix")
    if "\0" in text:
        raise ConfigError(f"store {text!r}: a path holds no null character")
    try:
        parts = urlsplit(text)
    except ValueError as error:
        if "://" not in text:
            return FolderStore(Path(text))
        raise ConfigError(f"store {text}: not a URI: {error}. Write it as in s3://bucket/prefix") from None
    if "://" in text and (parts.query or parts.fragment):
        raise ConfigError(f"store {parts.scheme}://…: ? and # mean nothing in its URI; leave out what follows")
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise ConfigError(f"store {text}: a file URI has three slashes, as in file:///{parts.netloc}{parts.path}")
        return FolderStore(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        from gaintrace.store.s3 import open_s3

        return open_s3(text, parts.netloc, parts.path)
    if "://" in text:
        raise ConfigError(
            f"store {text}: {parts.scheme}:// is not supported; use a folder, file:///path or s3://bucket/prefix"
        )
    return FolderStore(Path(text))
