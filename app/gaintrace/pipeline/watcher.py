"""How whoever started an undertaking follows it."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from gaintrace.data.dataset import Dataset
from gaintrace.sweeps.plan import Plan, PlannedRun
from gaintrace.training.reporter import Reporter, Silent


class Watcher(Protocol):
    """Is told what happens, in its order."""

    def planned(self, plan: Plan, dataset: Dataset) -> None:
        """A sweep is in the store, and nothing of it is trained by this call yet."""

    def training(self, plan: Plan, runs: list[PlannedRun]) -> AbstractContextManager[Reporter]:
        """Runs are about to be trained; the reporter, entered for that time, hears how it goes."""

    def interrupted(self) -> bool:
        """Asked between batches: where it is true, states are saved and InterruptedRunError is raised."""

    def note(self, text: str) -> None:
        """One line that the user should see."""


class Unwatched:
    """A watcher that says nothing."""

    def planned(self, plan: Plan, dataset: Dataset) -> None:
        """See Watcher."""

    def training(self, plan: Plan, runs: list[PlannedRun]) -> AbstractContextManager[Reporter]:
        """See Watcher."""
        return nullcontext(Silent())

    def interrupted(self) -> bool:
        """See Watcher."""
        return False

    def note(self, text: str) -> None:
        """See Watcher."""
