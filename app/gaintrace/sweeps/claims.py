"""Claims on the shards of a search, so that of several processes on one store one alone trains each.

A shard's claims are numbered, and the last one counts. Whoever puts it has the shard until it is released, or until
another takes its owner for dead: because it is a process of this machine that is no more, or because nobody renewed
the claim for a minute of the observer's clock. An owner that was only asleep finds the next claim when it renews its
own, and leaves the shard to it; what both then trained meanwhile is the same run, of which the first result counts.
"""

import os
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from gaintrace.config import Strict
from gaintrace.errors import StoreError
from gaintrace.store import MissingObjectError, Store, layout

RENEWED = 15.0
"""Seconds between renewals."""
LEASE = 60.0
"""Seconds without a renewal after which an owner is taken for dead."""


class Owner(Strict):
    """claims/<shard>/<number>.json. `place`: the machine, and what its process ids count in; empty if not known."""

    owner: str
    place: str
    pid: int
    renewed: int = 0
    released: bool = False


class Claim:
    """A shard that this process has while the block runs, unless it is `lost` meanwhile."""

    def __init__(self, store: Store, following: str, key: str, owner: Owner) -> None:
        self.store = store
        self.following = following
        self.key = key
        self.owner = owner
        self.lost = False
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._renew, name="gaintrace-claim", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        self.thread.join()
        if not self.lost:
            self._write(self.owner.model_copy(update={"released": True}))

    def _renew(self) -> None:
        while not self.ended.wait(RENEWED):
            try:
                if self.store.exists(self.following):
                    self.lost = True
                    return
                self.owner = self.owner.model_copy(update={"renewed": self.owner.renewed + 1})
                self._write(self.owner)
            except StoreError:
                continue  # a store that does not answer now may do so next time

    def _write(self, owner: Owner) -> None:
        self.store.write(self.key, owner.model_dump_json().encode())


class Claims:
    """The claims of a sweep, as one process sees them."""

    def __init__(self, store: Store, sweep_id: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.store = store
        self.sweep_id = sweep_id
        self.clock = clock
        self.name = uuid.uuid4().hex
        self.seen: dict[int, tuple[bytes, float]] = {}  # by shard: the last claim, and when it was first seen so

    def take(self, shard: int) -> Claim | None:
        """A claim on a shard, to be entered; None where another has it."""
        keys = self.store.keys(layout.claims(self.sweep_id, shard))
        last = int(keys[-1].rsplit("/", 1)[1].removesuffix(".json")) if keys else -1
        if keys and self._held(shard, keys[-1]):
            return None
        owner = Owner(owner=self.name, place=place(), pid=os.getpid())
        key, following = (layout.claims(self.sweep_id, shard, number) for number in (last + 1, last + 2))
        if not self.store.create(key, owner.model_dump_json().encode()):
            return None
        return Claim(self.store, following, key, owner)

    def _held(self, shard: int, key: str) -> bool:
        try:
            data = self.store.read(key)
        except MissingObjectError:
            return True  # gone since it was listed: look again
        if _ended(data):
            return False
        before, since = self.seen.get(shard, (b"", 0.0))
        if data != before:
            self.seen[shard] = (data, self.clock())
            return True
        return self.clock() - since < LEASE


def place() -> str:
    """This boot of this machine and the namespace of its process ids; empty where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _ended(data: bytes) -> bool:
    """Whether a claim says that its owner has done with the shard, or is no more. One that is damaged does not."""
    try:
        owner = Owner.model_validate_json(data)
    except ValidationError:
        return False
    return owner.released or _gone(owner)


def _gone(owner: Owner) -> bool:
    """Whether an owner was a process of this machine that is no more."""
    if not owner.place or owner.place != place():
        return False
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
