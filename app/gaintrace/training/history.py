"""What is known of a run while it trains: its epochs so far, and its best."""

from dataclasses import dataclass, field

from torch import Tensor

from gaintrace.config import RunConfig
from gaintrace.training.progress import EpochRow

Weights = dict[str, dict[str, Tensor]]
"""Tensors of one run by side and name, without a member axis."""

SELECTION = "valid_e1_auc"
"""The metric that picks the epoch."""


@dataclass
class History:
    """A run's finished epochs and the weights of the best one."""

    config: RunConfig
    rows: list[EpochRow] = field(default_factory=list)
    best_epoch: int | None = None
    best: Weights | None = None

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return len(self.rows)

    @property
    def exhausted(self) -> bool:
        """Whether the last epoch is reached, or patience is out."""
        waited = self.epoch - (self.best_epoch or 0)
        return self.epoch >= self.config.training.epochs or waited >= self.config.training.patience

    def improves(self, row: EpochRow) -> bool:
        """Whether an epoch is better than all before it; an equal one is not."""
        if self.best_epoch is None:
            return True
        return bool(row[SELECTION] > self.rows[self.best_epoch - 1][SELECTION])
