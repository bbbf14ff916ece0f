"""What a command prints, kept in the store: a pod's own log outlives the pod."""

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


@contextmanager
def logged(store: "Store", key: str) -> Iterator[Console]:
    """A console whose output, and the error that ends the block, are written to the store when the block ends."""
    console = plain(record=True, force_terminal=False)  # lines, also in a terminal: a bar would fill the log
    failure = ""
    try:
        yield console
    except BaseException:
        failure = traceback.format_exc()  # printed by whoever catches it
        raise
    finally:
        try:
            store.write(key, f"{console.export_text()}{failure}".encode(errors="backslashreplace"))
        except StoreError as error:  # the block's own outcome matters more
            print(f"log not kept: {error}", file=sys.stderr)
