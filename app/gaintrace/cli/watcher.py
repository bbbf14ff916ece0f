"""A person at a terminal, or a log, that follows an undertaking, and may stop it by a signal."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console

from gaintrace.errors import InterruptedRunError

if TYPE_CHECKING:
    from gaintrace.data.dataset import Dataset
    from gaintrace.sweeps.plan import Plan, PlannedRun
    from gaintrace.training.reporter import Reporter

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class ConsoleWatcher:
    """See gaintrace.pipeline.watcher.Watcher.

    Entered, it listens to SIGINT and SIGTERM. In training the first lets states be saved; in all else, which leaves
    whole objects in the store or none, it ends the work where it is. A second one kills.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.stopped = threading.Event()
        self.in_training = False
        self.previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # no other may set handlers
            self.previous = {which: signal.signal(which, self._stop) for which in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for which, handler in self.previous.items():
            signal.signal(which, handler)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        signal.signal(number, self.previous[signal.Signals(number)])
        self.stopped.set()
        if not self.in_training:
            self._end()

    def _end(self) -> None:
        raise InterruptedRunError("stopped; what is finished is kept. Run the same command again to continue")

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
        """See Watcher."""
        from gaintrace.cli.progress import TrainingProgress

        with TrainingProgress(self.console, plan.spec.name, runs) as progress:
            self.in_training = True
            try:
                yield progress
            finally:
                self.in_training = False
        if self.interrupted():  # as the last run ended, so that training had no reason to stop
            self._end()

    def interrupted(self) -> bool:
        """See Watcher."""
        return self.stopped.is_set()

    def note(self, text: str) -> None:
        """See Watcher."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)
