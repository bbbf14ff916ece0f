"""What training tells the outside while it works."""

from typing import Any, Protocol

EpochRow = dict[str, Any]
"""One row of epochs.csv: epoch, {train,valid}_{e1,e2,e3}_{loss,auc,accuracy} of the run's encoders, seconds."""


class Reporter(Protocol):
    """Listens to training. Calls come from the training thread, notes from any, and must be quick."""

    def started(self, runs: list[str], epochs: int, done: int) -> None:
        """A population of runs begins, after `done` epochs of at most `epochs`."""

    def step(self, runs: list[str], epoch: int, done: int, total: int) -> None:
        """`done` of `total` batches of an epoch of some runs have been given to the device."""

    def epoch(self, run: str, row: EpochRow) -> None:
        """A run has finished an epoch."""

    def checkpoint(self, runs: int, seconds: float) -> None:
        """The state of so many runs was written in so many seconds."""

    def finished(self, run: str, status: str, summary: str) -> None:
        """A run's result is in the store."""

    def already(self, runs: list[str]) -> None:
        """Runs whose result was there, so that they need no training."""

    def note(self, text: str) -> None:
        """One line that the user should see."""


class Silent:
    """A reporter that says nothing."""

    def started(self, runs: list[str], epochs: int, done: int) -> None:
        """See Reporter."""

    def step(self, runs: list[str], epoch: int, done: int, total: int) -> None:
        """See Reporter."""

    def epoch(self, run: str, row: EpochRow) -> None:
        """See Reporter."""

    def checkpoint(self, runs: int, seconds: float) -> None:
        """See Reporter."""

    def finished(self, run: str, status: str, summary: str) -> None:
        """See Reporter."""

    def already(self, runs: list[str]) -> None:
        """See Reporter."""

    def note(self, text: str) -> None:
        """See Reporter."""


class Several:
    """Passes everything on to several reporters."""

    def __init__(self, *reporters: Reporter) -> None:
        self.reporters = reporters

    def started(self, runs: list[str], epochs: int, done: int) -> None:
        """See Reporter."""
        for reporter in self.reporters:
            reporter.started(runs, epochs, done)

    def step(self, runs: list[str], epoch: int, done: int, total: int) -> None:
        """See Reporter."""
        for reporter in self.reporters:
            reporter.step(runs, epoch, done, total)

    def epoch(self, run: str, row: EpochRow) -> None:
        """See Reporter."""
        for reporter in self.reporters:
            reporter.epoch(run, row)

    def checkpoint(self, runs: int, seconds: float) -> None:
        """See Reporter."""
        for reporter in self.reporters:
            reporter.checkpoint(runs, seconds)

    def finished(self, run: str, status: str, summary: str) -> None:
        """See Reporter."""
        for reporter in self.reporters:
            reporter.finished(run, status, summary)

    def already(self, runs: list[str]) -> None:
        """See Reporter."""
        for reporter in self.reporters:
            reporter.already(runs)

    def note(self, text: str) -> None:
        """See Reporter."""
        for reporter in self.reporters:
            reporter.note(text)
