"""One object store: whole objects under slash-separated keys, in a folder or a bucket.

The unit is the object: written whole or not at all, so a reader never meets half a file and a process killed in
mid-write leaves the old object or the new one.
"""

from collections.abc import Callable
from typing import Protocol

from gaintrace.errors import ConfigError, StoreError

observers: list[Callable[[str], None]] = []
"""Told of every operation that is `done`, or `failed` for good, and of every attempt `retried`. Metrics count them."""


class MissingObjectError(StoreError):
    """No object of that key."""


class Store(Protocol):
    """Objects under a root. Keys are relative, with `/` between parts."""

    @property
    def uri(self) -> str:
        """Where the root is."""

    def read(self, key: str) -> bytes:
        """The object's bytes. Raises MissingObjectError if there is none."""

    def write(self, key: str, data: bytes) -> None:
        """Put an object, replacing any of that key, atomically."""

    def create(self, key: str, data: bytes) -> bool:
        """Put an object only if none has that key; False if one has. Of concurrent callers one wins."""

    def exists(self, key: str) -> bool:
        """Whether an object has that key."""

    def keys(self, prefix: str = "") -> list[str]:
        """Keys under a prefix (a folder: `runs` finds `runs/a`, not `runs-old`), sorted."""

    def delete(self, key: str) -> None:
        """Remove an object; none of that key is no error."""

    def child(self, prefix: str) -> "Store":
        """The store rooted at a prefix of this one."""


def observe(outcome: str) -> None:
    """Tell the observers how a request or an operation ended."""
    for observer in observers:
        observer(outcome)


def checked_key(key: str) -> str:
    """The key itself. Raises ConfigError where it would lead out of the store."""
    if not key or any(part in ("", ".", "..") for part in key.split("/")):
        raise ConfigError(f"{key!r} is not an object key")
    return key
