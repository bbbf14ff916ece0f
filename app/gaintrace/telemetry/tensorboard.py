"""Event files for TensorBoard while runs train, written by torch's own writer; needs the package tensorboard."""

import importlib.util
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gaintrace.errors import ConfigError
from gaintrace.training.reporter import EpochRow, Silent

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

COLUMN = re.compile(r"(train|valid)_(e\d)_(\w+)")
"""Of an epoch's row: split, encoder and metric."""
UNSAFE = re.compile(r"[^\w.=+-]+")


def require_tensorboard() -> None:
    """Raise ConfigError where it is not installed, before anything is trained."""
    if importlib.util.find_spec("tensorboard") is None:
        raise ConfigError("--tensorboard needs the package tensorboard: pip install tensorboard, or leave it out")


class EventFiles(Silent):
    """A folder of event files a run, by its name: curves of every metric by epoch, as in epochs.csv.

    Tags are `auc/e1 valid` and so on, so that one encoder's training and validation stand in one chart's group.
    """

    def __init__(self, folder: Path, names: Mapping[str, str]) -> None:
        """`names`: what runs are called, by id; those without one go by it."""
        self.folder = folder
        self.names = dict(names)
        self.writers: dict[str, SummaryWriter] = {}

    def epoch(self, run: str, row: EpochRow) -> None:
        """See Reporter."""
        writer = self._writer(run)
        for column, value in row.items():
            if (found := COLUMN.fullmatch(column)) and value is not None:
                split, side, metric = found.groups()
                writer.add_scalar(f"{metric}/{side} {split}", value, row["epoch"])
        writer.flush()

    def finished(self, run: str, status: str, summary: str) -> None:
        """See Reporter."""
        if run in self.writers:
            self.writers.pop(run).close()

    def _writer(self, run: str) -> "SummaryWriter":
        from torch.utils.tensorboard import SummaryWriter

        if run not in self.writers:
            name = f"{UNSAFE.sub('_', self.names.get(run, ''))[:100]} {run}".strip()
            self.writers[run] = SummaryWriter(str(self.folder / name))
        return self.writers[run]


@contextmanager
def event_files(folder: Path, names: Mapping[str, str]) -> Iterator[EventFiles]:
    """Event files that are closed in the end, whatever ends training."""
    require_tensorboard()
    found = EventFiles(folder, names)
    try:
        yield found
    finally:
        for run in list(found.writers):
            found.finished(run, "", "")
