"""What is known of a run while it trains: its epochs so far, and its best."""

from dataclasses import dataclass, field

from torch import Tensor

from gaintrace.config import RunConfig
from gaintrace.training.epoch_rules import selected_epochs
from gaintrace.training.reporter import EpochRow

Weights = dict[str, dict[str, Tensor]]
"""Tensors of one run by side and name, without a member axis."""


@dataclass
class RunHistory:
    """A run's finished epochs, and the weights of each encoder at its selected one."""

    config: RunConfig
    rows: list[EpochRow] = field(default_factory=list)
    best: Weights = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return len(self.rows)

    @property
    def selected(self) -> dict[str, int]:
        """The selected epoch by side, as the run's rule picks it; empty before the first."""
        training = self.config.training
        return selected_epochs(training.selection_metric, self.rows, training.patience)

    @property
    def exhausted(self) -> bool:
        """Whether the last epoch is reached, or the patience of both encoders is out."""
        waited = self.epoch - max(self.selected.values(), default=0)
        return self.epoch >= self.config.training.epochs or waited >= self.config.training.patience

    def book(self, row: EpochRow) -> list[str]:
        """Add an epoch. Returns the sides for which it is the best so far, whose weights are to be kept."""
        self.rows.append(row)
        return [side for side, epoch in self.selected.items() if epoch == self.epoch]
