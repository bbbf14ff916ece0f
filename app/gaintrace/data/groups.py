"""Length groups of a batch: its chunks by length, cut so that padding each group to its longest chunk adds least.

Shape letters: see gaintrace.model.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

Array = np.ndarray[Any, np.dtype[np.int64]]

LENGTH_GROUPS = 24
"""Most length groups a batch: more pad less, fewer call fewer operators."""


@dataclass(frozen=True)
class LengthGroup:
    """Tokens start:stop of a batch: `rows` chunks, each padded to `positions`; or rows that several chunks share."""

    start: int
    stop: int
    rows: int
    positions: int
    packed: bool = False

    def first(self, position: Tensor) -> Tensor | None:
        """Place in its row where the chunk of each token begins; None: at 0. position: N, in its chunk → BT."""
        if not self.packed:
            return None
        own = position[self.start : self.stop].view(self.rows, self.positions)
        return torch.arange(self.positions, device=own.device) - own


@dataclass(frozen=True)
class Layout:
    """Which interaction each of the N tokens of a batch is."""

    length_groups: list[LengthGroup]
    chunk: Tensor  # SN
    position: Tensor  # N, in the chunk

    @property
    def tokens(self) -> int:
        """N."""
        return len(self.position)


def lay_out(chunks: Array, positions: Array, group_count: int) -> tuple[list[LengthGroup], Array, Array]:
    """Length groups of a batch, and the chunk (SN) and position (N) of every token.

    `chunks`: SB; `positions`: B, ascending, what each is padded to.
    """
    seats = len(positions)
    groups: list[LengthGroup] = []
    for low, high in pairwise(least_padding(positions, group_count)):
        start = groups[-1].stop if groups else 0
        rows, longest = high - low, int(positions[high - 1])
        groups.append(LengthGroup(start, start + rows * longest, rows, longest))
    padded = np.repeat([g.positions for g in groups], [g.rows for g in groups])
    seat = np.repeat(np.arange(seats), padded)
    position = np.arange(len(seat)) - (np.cumsum(padded) - padded)[seat]
    return groups, chunks[:, seat], position


def least_padding(positions: Array, most: int) -> list[int]:
    """Where to cut ascending lengths into at most `most` groups so that padding each to its longest adds least.

    Dynamic programming over the distinct lengths: the best k groups of the first j lengths are the best k - 1 groups of
    the first i, and one group of the rest.
    """
    longest, first = np.unique(positions, return_index=True)
    cuts = np.append(first, len(positions))
    tokens = (cuts[None, :] - cuts[:, None]) * np.append(0, longest).astype(float)  # [i, j]: of lengths i to j - 1
    tokens[np.tril_indices(len(cuts))] = np.inf
    least = np.where(np.arange(len(cuts)) == 0, 0, np.inf)
    choices = []
    for _ in range(min(most, len(longest))):
        total = least[:, None] + tokens
        choices.append(total.argmin(axis=0))
        least = total.min(axis=0)
    bounds = [len(longest)]
    for choice in reversed(choices):
        bounds.append(int(choice[bounds[-1]]))
    return [int(cuts[bound]) for bound in reversed(bounds)]
