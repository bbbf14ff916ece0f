"""Shapes that recur: few, the same for every epoch and seed, and they hold nearly every batch."""

from collections import Counter

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.config import DataConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.shapes import SHAPES, fitted, recurring
from tests.data.test_batches import made

CPU = torch.device("cpu")


def skewed(students):
    data = DeviceData(made(np.random.default_rng(0).geometric(0.05, students).clip(3, 200)), DataConfig(), CPU)
    return data, data.train


def test_nearly_every_batch_of_any_epoch_has_one_of_a_few_shapes():
    data, train = skewed(2000)
    shapes = train.recurring_shapes(32)
    seen, tokens = Counter(), 0
    for epoch in range(8):
        layouts = train.training(32, epoch, [epoch], shapes)
        seen.update(tuple(layout.length_groups) for layout in layouts)
        tokens += sum(layout.tokens for layout in layouts)
    common = [count for _, count in seen.most_common(SHAPES)]
    assert sum(common) > 0.95 * seen.total()
    assert tokens < 1.5 * 8 * data.targets["train"]


def test_shapes_depend_on_lengths_and_batch_size_alone():
    _, train = skewed(500)
    assert np.array_equal(train.recurring_shapes(16), train.recurring_shapes(16))
    one, other = (train.training(16, 3, seeds, train.recurring_shapes(16)) for seeds in ([1], [2, 1]))
    assert [layout.length_groups for layout in one] == [layout.length_groups for layout in other]


def test_every_full_unshuffled_batch_has_one_of_a_few_shapes():
    data, train = skewed(2010)
    layouts = train.unshuffled(32, 1, train.unshuffled_shapes(32))
    full, last = layouts[:-1], layouts[-1]
    assert 0 < sum(group.rows for group in last.length_groups) < 32
    assert len({tuple(layout.length_groups) for layout in full}) <= SHAPES < len(full)
    assert sum(layout.tokens for layout in layouts) < 1.5 * data.targets["train"]


@given(
    lengths=st.lists(st.integers(3, 60), min_size=1, max_size=120),
    batch_size=st.integers(1, 30),
    seed=st.integers(0, 9),
)
@settings(max_examples=25, deadline=None)
def test_a_batch_gets_the_cheapest_shape_that_holds_it(lengths, batch_size, seed):
    lengths = np.sort(np.array(lengths))
    shapes = recurring(lengths, batch_size)
    assert shapes.shape == (len(shapes), batch_size)
    assert len(shapes) <= SHAPES
    assert (len(shapes) == 0) == (len(lengths) < batch_size)
    batch = np.sort(np.random.default_rng(seed).choice(lengths, min(batch_size, len(lengths))))
    padded = fitted(batch, shapes)
    holding = [shape for shape in shapes if len(shape) == len(batch) and (shape >= batch).all()]
    assert (padded >= batch).all()
    assert padded.sum() == min((shape.sum() for shape in holding), default=batch.sum())


@given(lengths=st.lists(st.integers(6, 40), min_size=30, max_size=60), batch_size=st.integers(2, 9))
@settings(max_examples=15, deadline=None)
def test_an_epoch_in_shapes_holds_the_targets_of_one_without(lengths, batch_size):
    data = DeviceData(made(lengths), DataConfig(max_sequence_length=17), CPU)

    def targets(layouts):
        rows = []
        for layout in layouts:
            batch = data.gather(data.train, layout)
            rows.append(sorted((data.train.start[layout.chunk] + layout.position + 1)[batch.targets.real].tolist()))
        return rows

    train = data.train
    recurring, unshuffled = train.recurring_shapes(batch_size), train.unshuffled_shapes(batch_size)
    assert targets(train.training(batch_size, 5, [3], recurring)) == targets(train.training(batch_size, 5, [3]))
    assert targets(train.unshuffled(batch_size, 1, unshuffled)) == targets(train.unshuffled(batch_size, 1))
