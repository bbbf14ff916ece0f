"""The chunks of some students, and which of them meet in a batch.

Histories are short, and padding every batch to its longest one wastes most of the work. Inside a batch the chunks are
sorted by length and cut into groups, and each group is padded to its own longest. All groups lie one after another on
one axis of N tokens, so that everything but attention treats them at once and attention takes slices. (Batches of
equally long chunks would pad less still, but they are no fair samples: the mastery encoder learned more slowly from
them. Where steps are replayed, chunks are packed into rows instead: gaintrace.data.packing.)

Batches are random. Seeds shuffle which chunks meet, not the shapes: how long the chunks of a batch are is decided by
the epoch alone, and a seed deals the chunks of nearly one length (a bucket) to the places for that length. So members
with different seeds fit one batch, and each finds the batches, and the dropout masks, it would have had alone. (The
study's loader did not shuffle: its batches are neighbours in pyKT's files, and no seed or epoch has others.)

Batches are index lists, made once an epoch without a loop over samples. Shape letters: see gaintrace.model.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from gaintrace.data.groups import LENGTH_GROUPS, Array, Layout, lay_out
from gaintrace.data.packing import Packing, random_batches

BUCKETS = 400
"""Into so many buckets the chunks are cut by length; a seed shuffles inside a bucket, whose longest pads all of it."""


@dataclass(frozen=True)
class Split:
    """The chunks of some students, shortest first; or windows that overlap, which share interactions."""

    start: Tensor  # chunks; first interaction in the data set
    length: Tensor  # chunks; interactions
    repeated: Tensor | None  # chunks; how many of them are no targets here; None: all are
    student: Tensor | None  # chunks; row of the training student
    lengths: Array  # the same as `length`, on the host
    in_file: Array  # chunks in the order of pyKT's files

    def training(
        self, batch_size: int, epoch_seed: int, seeds: list[int], packing: Packing | None = None
    ) -> list[Layout]:
        """The random batches of an epoch. `epoch_seed` decides their shapes, `seeds` what each stream finds in them.

        `packing`: from `packed`; without it, batches are cut into length groups.
        """
        bucket, padded = self._buckets()
        dealt = np.stack([np.lexsort((_generator(seed).random(len(bucket)), bucket)) for seed in seeds])  # S, chunks
        places = _generator(epoch_seed).permutation(len(bucket))
        batches = [np.sort(places[first : first + batch_size]) for first in range(0, len(places), batch_size)]
        return self._layouts([(dealt[:, batch], padded[batch]) for batch in batches], LENGTH_GROUPS, packing)

    def unshuffled(self, batch_size: int, streams: int, packing: Packing | None = None) -> list[Layout]:
        """The batches of every epoch where nothing is random: neighbours in pyKT's files, for all streams.

        `packing`: from `packed`.
        """
        firsts = range(0, len(self.in_file), batch_size)
        batches = [np.sort(self.in_file[first : first + batch_size]) for first in firsts]  # by length
        seated = [(np.tile(batch, (streams, 1)), self.lengths[batch]) for batch in batches]
        return self._layouts(seated, LENGTH_GROUPS, packing)

    def packed(self, batch_size: int, shuffled: bool = True) -> Packing:
        """How to pack the batches of training into few shapes."""
        if shuffled:
            batches = random_batches(self._buckets()[1] - 1, batch_size)
        else:
            full = max(1, len(self.in_file) // batch_size) * batch_size
            batches = [self.lengths[batch] - 1 for batch in np.split(self.in_file, range(batch_size, full, batch_size))]
        return Packing.of(int(self.lengths[-1]), batches)

    def _buckets(self) -> tuple[Array, Array]:
        """The bucket of every chunk, and the length of the longest chunk in it: one number a chunk, twice."""
        count = len(self.lengths)
        size = max(4, -(-count // BUCKETS))
        bucket = np.arange(count) // size
        return bucket, self.lengths[np.minimum((bucket + 1) * size, count) - 1]

    def evaluation(self, tokens: int, packed: bool = False) -> list[Layout]:
        """All chunks, shortest first, as many a batch as fit a number of tokens. `packed`: into rows of one shape."""
        if packed:
            bounds = [0, *(np.flatnonzero(np.diff(np.cumsum(self.lengths - 1) // tokens)) + 1).tolist()]
        else:
            bounds = [0]
            for chunk, length in enumerate(self.lengths):
                if (chunk + 1 - bounds[-1]) * (length - 1) > tokens and chunk > bounds[-1]:
                    bounds.append(chunk)
        spans = pairwise([*bounds, len(self.lengths)])
        batches = [(np.arange(start, stop)[None], self.lengths[start:stop]) for start, stop in spans if stop > start]
        packing = Packing.of(int(self.lengths[-1]), [lengths - 1 for _, lengths in batches]) if packed else None
        return self._layouts(batches, 1, packing)

    def _layouts(
        self, batches: list[tuple[Array, Array]], group_count: int, packing: Packing | None = None
    ) -> list[Layout]:
        """One transfer to the device for all batches, each given as chunks (SB) and ascending padded lengths (B)."""
        parts = [
            lay_out(chunks, padded - 1, group_count) if packing is None else packing.lay_out(chunks, padded - 1)
            for chunks, padded in batches
        ]
        if not parts:
            return []
        chunk = torch.from_numpy(np.concatenate([chunk for _, chunk, _ in parts], axis=1)).to(self.start.device)
        position = torch.from_numpy(np.concatenate([position for _, _, position in parts])).to(self.start.device)
        sizes = [length_groups[-1].stop for length_groups, _, _ in parts]
        pieces = zip(parts, torch.split(chunk, sizes, dim=1), torch.split(position, sizes), strict=True)
        return [Layout(length_groups, c, p) for (length_groups, _, _), c, p in pieces]


def _generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))
