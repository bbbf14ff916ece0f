"""Runs that have ended are measured and written by threads, while others train.

What a run leaves takes a CPU a fraction of a second, and a store longer; a GPU would stand idle meanwhile.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, Self

from gaintrace.errors import GaintraceError, InterruptedRunError
from gaintrace.runs.result import RunResult

THREADS = 4
WAITING_RUNS = 2 * THREADS
WAITING_TARGETS = 1 << 22
"""Runs that are written or wait for it at a time, and their test targets: their predictions are in memory so long."""


class _Waiting(NamedTuple):
    written: Future[RunResult]
    fail: Callable[[Exception], RunResult]
    targets: int


class Writing:
    """Threads that write results. Outcomes are told, and errors raised, in the thread that adds runs, in its order.

    Left, it waits until all is written; what an interruption leaves behind is written too.
    """

    def __init__(self, finished: Callable[[RunResult], None]) -> None:
        """`finished` hears of every result that is in the store."""
        self.finished = finished
        self.pool = ThreadPoolExecutor(THREADS, "gaintrace-write")
        self.waiting: deque[_Waiting] = deque()

    def add(self, write: Callable[[], RunResult], fail: Callable[[Exception], RunResult], targets: int) -> None:
        """Have a run written, as soon as there is room for its test targets.

        `fail` puts down what `write` raised, but for errors that are the user's: those are raised here, or where the
        outcome is asked for next.
        """
        while self.waiting and self._crowded(targets):
            self._take()
        self.waiting.append(_Waiting(self.pool.submit(write), fail, targets))

    def collect(self) -> None:
        """Tell of what is written by now."""
        while self.waiting and self.waiting[0].written.done():
            self._take()

    def _crowded(self, targets: int) -> bool:
        in_memory = targets + sum(run.targets for run in self.waiting)
        return len(self.waiting) >= WAITING_RUNS or in_memory > WAITING_TARGETS

    def _take(self) -> None:
        run = self.waiting.popleft()
        try:
            result = run.written.result()
        except GaintraceError:
            raise
        except Exception as error:
            result = run.fail(error)
        self.finished(result)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, Exception):
            self.pool.shutdown(wait=False, cancel_futures=True)  # a second signal: at once
            return
        first: Exception | None = None
        while self.waiting:
            try:
                self._take()
            except Exception as failed:
                first = first or failed
        self.pool.shutdown()
        if first is not None and (error is None or isinstance(error, InterruptedRunError)):
            raise first
