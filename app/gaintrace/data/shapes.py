"""Batch shapes that recur, for a device that replays recorded steps (gaintrace.training.replay).

A recorded step fits batches of one shape, and hardly two random batches have chunks of the same lengths. So a few
shapes are cut from random batches of the data, each long enough for nearly all the batches near it in size, and a
batch is padded to the cheapest that holds it. The few that fit none keep the shape they have.

Shapes depend on the chunks' lengths and the batch size alone: an epoch, a seed and a population find the same ones.
"""

from itertools import pairwise

import numpy as np

from gaintrace.data.groups import Array, least_padding

SHAPES = 16
"""Most shapes: more pad less, and each is recorded anew whenever a run stops."""
SHAPE_GROUPS = 12
"""Most length groups of a shape: more pad less, and each is some four kernels in every attention of a run."""
DRAWN = 4096
"""Random batches that shapes are cut from."""
FITTING = 0.98
"""Share of these that a shape is long enough for, place by place."""


def recurring(lengths: Array, batch_size: int) -> Array:
    """Padded lengths of every shape: a row of B each, ascending, the shape with the fewest tokens first.

    `lengths`: of all chunks, ascending. There is no shape where they do not fill a batch.
    """
    full = len(lengths) // batch_size * batch_size
    if full == 0:
        return np.zeros((0, batch_size), dtype=np.int64)
    random = np.random.Generator(np.random.PCG64(0))
    epochs = -(-DRAWN * batch_size // full)
    drawn = np.concatenate([random.permutation(len(lengths))[:full].reshape(-1, batch_size) for _ in range(epochs)])
    return covering(np.sort(lengths[drawn], axis=1), FITTING)


def covering(batches: Array, share: float) -> Array:
    """Padded lengths of shapes, as above, each long enough for a share of the batches near it in size, place by place.

    `batches`: ascending lengths, a row of B each. There is no shape where there are none.
    """
    if len(batches) == 0:
        return batches
    by_size = np.array_split(batches[np.argsort(batches.sum(axis=1), kind="stable")], min(SHAPES, len(batches)))
    longest = [np.quantile(near, share, axis=0, method="higher").astype(np.int64) for near in by_size]
    shapes = np.unique([_grouped(shape) for shape in longest], axis=0)
    return shapes[np.argsort(shapes.sum(axis=1), kind="stable")]


def fitted(lengths: Array, shapes: Array) -> Array:
    """The cheapest of the shapes (a row of B each) that holds ascending lengths (B), or these where none does: B."""
    if len(lengths) != shapes.shape[1]:
        return lengths
    holds = (lengths <= shapes).all(axis=1)
    return shapes[holds.argmax()] if holds.any() else lengths


def _grouped(lengths: Array) -> Array:
    """Ascending lengths (B), each raised to the longest of its group: B."""
    cuts = list(pairwise(least_padding(lengths, SHAPE_GROUPS)))
    return np.concatenate([np.full(high - low, lengths[high - 1]) for low, high in cuts])
