"""What a command prints, kept in the store: a pod's own log outlives the pod."""

import io
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from gaintrace.cli.console import plain
from gaintrace.errors import StoreError

if TYPE_CHECKING:
    from gaintrace.store import Store


class _Tee(io.StringIO):
    """Keeps what is written and prints it."""

    def write(self, text: str) -> int:
        sys.stdout.write(text)
        return super().write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@contextmanager
def logged(store: "Store", key: str) -> Iterator[Console]:
    """A console whose output, and the error that ends the block, are written to the store when the block ends."""
    tee = _Tee()
    try:
        yield plain(file=tee)
    except BaseException:
        io.StringIO.write(tee, traceback.format_exc())  # printed by whoever catches it
        raise
    finally:
        try:
            store.write(key, tee.getvalue().encode())
        except StoreError as error:  # the block's own outcome matters more
            print(f"log not kept: {error}", file=sys.stderr)
