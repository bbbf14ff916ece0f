"""Timing of work on a device, and tables of it."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch


@dataclass
class Timing:
    """Measurements of one thing on a device: seconds and CPU-seconds (of all threads) of each round."""

    device: torch.device
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, work: Callable[[], object]) -> None:
        """Do the work to its end, and keep how long it took."""
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)

    @property
    def device_seconds(self) -> float:
        """Median time of the device: CPU-seconds on a CPU, which other processes change little, seconds on a GPU."""
        return statistics.median(self.cpu if self.device.type == "cpu" else self.wall)

    @property
    def seconds(self) -> float:
        """Median time on the clock."""
        return statistics.median(self.wall)


def table(rows: list[tuple[str, ...]]) -> str:
    """Markdown; the first row heads it."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])
