"""Training progress in a terminal: one bar a sweep, or plain lines where nobody watches."""

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from gaintrace.sweeps.plan import PlannedRun
from gaintrace.training.epoch_rules import sides_of
from gaintrace.training.reporter import EpochRow, Silent

SECONDS_BETWEEN_LINES = 30.0


class TrainingProgress(Silent):
    """Listens to the training of some runs. Counts in run-epochs, so runs that stop early shorten the way."""

    def __init__(self, console: Console, title: str, runs: Iterable[PlannedRun]) -> None:
        self.console = console
        self.title = title
        self.epochs = {run.run_id: run.config.training.epochs for run in runs}
        self.labels = {run.run_id: _label(run) for run in runs}
        self.done: dict[str, float] = dict.fromkeys(self.epochs, 0.0)
        self.trained = dict.fromkeys(self.epochs, 0)  # whole epochs; a run that is being written trains no more
        self.status = ""
        self.last_line = time.monotonic()
        self.bar: Progress | None = None
        self.task = TaskID(0)
        if console.is_terminal:
            self.bar = Progress(
                TextColumn("[bold]{task.description}"),
                BarColumn(bar_width=None),
                TextColumn("{task.fields[status]}"),
                TimeRemainingColumn(compact=True),
                TextColumn("left"),
                console=console,
            )
            self.task = self.bar.add_task(title, total=self.total, status="starting")

    @property
    def total(self) -> float:
        """Run-epochs of the whole sweep, as far as is known now."""
        return float(sum(self.epochs.values()))

    def __enter__(self) -> Self:
        if self.bar:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar:
            self.bar.stop()

    def started(self, runs: list[str], epochs: int, done: int) -> None:
        """See gaintrace.training.reporter.Reporter."""
        for run in runs:
            self.done[run] = self.trained[run] = done
        if done:
            self.note(f"{_runs(len(runs))} continue after epoch {done}")

    def step(self, runs: list[str], epoch: int, done: int, total: int) -> None:
        """See Reporter."""
        for run in runs:
            self.done[run] = epoch - 1 + done / total
        where = f"epoch {epoch}/{max(self.epochs[run] for run in runs)}"
        if self.bar:
            self._draw(f"{where} {self.status}")
        elif time.monotonic() - self.last_line > SECONDS_BETWEEN_LINES:
            self._line(f"{where}, batch {done} of {total} {self.status}")

    def epoch(self, run: str, row: EpochRow) -> None:
        """See Reporter."""
        self.done[run] = self.trained[run] = row["epoch"]
        aucs = " ".join(f"{side.upper()} {row[f'valid_{side}_auc']:.4f}" for side in sides_of(row))
        self.status = f"valid {aucs}"
        if not self.bar:
            self._line(
                f"{self.labels[run]}: epoch {row['epoch']}/{self.epochs[run]} {self.status} ({row['seconds']:.1f} s)"
            )

    def finished(self, run: str, status: str, summary: str) -> None:
        """See Reporter."""
        self.epochs[run] = max(1, self.trained[run])
        self.done[run] = self.epochs[run]
        self.note(f"{self.labels[run]}: {status}, {summary}")
        if self.bar:
            self._draw(self.status)

    def already(self, runs: list[str]) -> None:
        """See Reporter."""
        for run in runs:
            self.done[run] = self.epochs[run]

    def note(self, text: str) -> None:
        """See Reporter."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=not self.console.is_terminal)

    def _line(self, text: str) -> None:
        self.last_line = time.monotonic()
        share = sum(self.done.values()) / self.total
        self.console.print(f"[{share:4.0%}] {text}", highlight=False, markup=False, soft_wrap=True)

    def _draw(self, status: str) -> None:
        assert self.bar
        self.bar.update(self.task, completed=sum(self.done.values()), total=self.total, status=status)


def _label(run: PlannedRun) -> str:
    swept = " ".join(f"{path.rsplit('.', 1)[-1]}={value}" for path, value in run.swept.items())
    return swept or run.run_id


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"
