"""A person at a terminal, or a log, that follows an undertaking, and may stop it by a signal."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from gaintrace.data.dataset import Dataset
    from gaintrace.sweeps.plan import Plan, PlannedRun
    from gaintrace.training.reporter import Reporter


class ConsoleWatcher:
    """See gaintrace.pipeline.watcher.Watcher."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.stopped = threading.Event()

    def planned(self, plan: "Plan", dataset: "Dataset") -> None:
        """See Watcher."""
        runs = len(plan.runs)
        self.note(
            f"{plan.sweep_id}: {runs} run{'' if runs == 1 else 's'} on {dataset.name} "
            f"({len(dataset.students):,} students, {len(dataset.interactions):,} interactions, "
            f"{len(dataset.skills)} skills)"
        )

    @contextmanager
    def training(self, plan: "Plan", runs: "list[PlannedRun]") -> "Iterator[Reporter]":
        """See Watcher. Meanwhile the first SIGINT or SIGTERM lets training save its state; a second one kills."""
        from gaintrace.cli.progress import TrainingProgress

        with TrainingProgress(self.console, plan.spec.name, runs) as progress, _signals(self.stopped):
            yield progress

    def interrupted(self) -> bool:
        """See Watcher."""
        return self.stopped.is_set()

    def note(self, text: str) -> None:
        """See Watcher."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _signals(stopped: threading.Event) -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into an event."""
    previous: dict[signal.Signals, Any] = {}

    def handle(number: int, _frame: object) -> None:
        stopped.set()
        signal.signal(number, previous[signal.Signals(number)])

    for which in (signal.SIGINT, signal.SIGTERM):
        previous[which] = signal.signal(which, handle)
    try:
        yield
    finally:
        for which, handler in previous.items():
            signal.signal(which, handler)
