"""Chunks packed into rows of one length, several a row, for a device that replays recorded steps.

A recorded step fits batches of one shape (gaintrace.training.replay), and hardly two random batches have chunks of the
same lengths. So rows are as long as the longest chunk, chunks lie in them one after another, and a batch is so many
rows. Attention and counts look back to where a token's chunk begins and no further. The only shape is a number of rows,
of which a few are used, and each attention is one call for all members and chunks. Rows are filled best-fit, the
longest chunk first: with the published batch nearly all that is padded is up to the next number of rows.

Numbers of rows depend on the chunks' lengths and the batch size alone: an epoch, a seed and a population find the same
ones. Shape letters: see gaintrace.model.
"""

import bisect
from dataclasses import dataclass

import numpy as np

from gaintrace.data.groups import Array, LengthGroup

ALIGNED = 8
"""Positions of a row are a multiple of it, as fast attention kernels ask of their masks."""
DRAWN = 1024
"""Random batches that numbers of rows are taken from."""
SHARES = (0.35, 0.7, 0.93, 1.0)
"""Of these batches, the shares that fit each number of rows: more numbers pad less, and each is recorded anew."""


@dataclass(frozen=True)
class Packing:
    """Rows of `positions` tokens, as many a batch as the least of `rows`, ascending, that holds it.

    `longest`: interactions of the longest chunk.
    """

    positions: int
    longest: int
    rows: tuple[int, ...]

    @classmethod
    def of(cls, longest: int, batches: list[Array]) -> "Packing":
        """`batches`: the tokens of each chunk, of batches like those to come."""
        positions = -(-(longest - 1) // ALIGNED) * ALIGNED
        needed = np.array([len(_rows(batch, positions)) for batch in batches] or [1])
        rows = {int(np.quantile(needed, share, method="higher")) for share in SHARES}
        return cls(positions, longest, tuple(sorted(rows)))

    def lay_out(self, chunks: Array, tokens: Array) -> tuple[list[LengthGroup], Array, Array]:
        """The rows of a batch as one length group, and the chunk (SN) and position (N) of every token.

        `chunks`: SB; `tokens`: B, of each chunk. What is left of a row belongs to its last chunk, as padding does; its
        positions count on as far as there are any. A batch that fits no number of rows, or has fewer chunks than that
        many rows, gets a number of its own.
        """
        rows = _rows(tokens, self.positions)
        fitting = (count for count in self.rows if len(rows) <= count <= len(tokens))
        rows = _spread(rows, next(fitting, len(rows)))
        seats = [seat for row in rows for seat in row]
        own = [int(tokens[seat]) for seat in seats]
        lasts = np.cumsum([len(row) for row in rows]) - 1
        for row, last in zip(rows, lasts, strict=True):
            own[last] += self.positions - int(tokens[row].sum())
        place = np.arange(sum(own)) - np.repeat(np.cumsum(own) - own, own)
        group = LengthGroup(0, len(rows) * self.positions, len(rows), self.positions, packed=True)
        return [group], chunks[:, np.repeat(seats, own)], place.clip(max=self.longest - 1)


def random_batches(tokens: Array, batch_size: int) -> list[Array]:
    """Random batches of chunks with so many tokens, whole ones; one of all where there are too few for that."""
    random = np.random.Generator(np.random.PCG64(0))
    full = len(tokens) // batch_size * batch_size
    if full == 0:
        return [tokens]
    epochs = -(-DRAWN * batch_size // full)
    drawn = [random.permutation(len(tokens))[:full].reshape(-1, batch_size) for _ in range(epochs)]
    return [tokens[batch] for batch in np.concatenate(drawn)[:DRAWN]]


def _rows(tokens: Array, positions: int) -> list[list[int]]:
    """Which chunks share a row: the longest first, each in the fullest row that holds it (best-fit decreasing)."""
    rows: list[list[int]] = []
    free: list[tuple[int, int]] = []  # what is left of each row, and the row; ascending
    for chunk in np.argsort(-tokens, kind="stable").tolist():
        length = int(tokens[chunk])
        place = bisect.bisect_left(free, (length, 0))
        left, row = free.pop(place) if place < len(free) else (positions, len(rows))
        if row == len(rows):
            rows.append([])
        rows[row].append(chunk)
        bisect.insort(free, (left - length, row))
    return rows


def _spread(rows: list[list[int]], count: int) -> list[list[int]]:
    """The same chunks in `count` rows: the last ones of the longest lists get rows of their own. No row is empty."""
    rows = [list(row) for row in rows]
    while len(rows) < count:
        rows.append([max(rows, key=len).pop()])
    return rows
