"""When Prometheus came by: a trainer that gives up ends between two scrapes, and is to be seen to have done so."""

import threading
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

LONGEST = 60.0
"""Seconds that an end is put off at most: half of what a pod has from SIGTERM to its kill."""


class Scrapes(Collector):
    """A collector without metrics, which is asked whenever the registry's others have been."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.last: float | None = None
        self.interval = LONGEST / 2
        self.awaited = False
        self.came = threading.Event()
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Note the time; no metrics."""
        now = time.monotonic()
        if self.last is not None:
            self.interval = now - self.last
        self.last = now
        self.awaited = False
        self.came.set()
        return iter(())

    def await_next(self) -> None:
        """There is something that the next scrape must not miss."""
        self.awaited = True
        self.came.clear()

    def wait(self) -> None:
        """Until what was awaited is read: one and a half intervals at most, and not at all where nobody ever came."""
        if self.awaited and self.last is not None and self.came.wait(min(LONGEST, 1.5 * self.interval)):
            time.sleep(0.2)  # the answer is under way
