"""Chunks packed into rows: every chunk whole and once, few shapes, the same targets, little padding."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.config import DataConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.packing import ALIGNED, SHARES, Packing, random_batches
from tests.data.test_batches import made

CPU = torch.device("cpu")


def skewed(students):
    data = DeviceData(made(np.random.default_rng(0).geometric(0.05, students).clip(3, 200)), DataConfig(), CPU)
    return data, data.train


def shape_of(layout):
    (group,) = layout.length_groups
    return group.rows, group.positions


@given(
    tokens=st.lists(st.integers(2, 40), min_size=1, max_size=60),
    batch_size=st.integers(1, 70),
    seed=st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_a_row_holds_whole_chunks_one_after_another(tokens, batch_size, seed):
    tokens = np.sort(np.array(tokens))
    packing = Packing.of(int(tokens[-1]) + 1, random_batches(tokens, batch_size))
    own = np.sort(np.random.default_rng(seed).choice(tokens, min(batch_size, len(tokens)), replace=False))
    ((group,), chunk, position) = packing.lay_out(np.arange(len(own))[None], own)
    assert group.packed and group.positions == packing.positions
    assert group.positions % ALIGNED == 0 and group.positions - ALIGNED < tokens[-1] <= group.positions
    assert group.stop == group.rows * group.positions == len(position) == chunk.shape[1]
    assert position.max() <= tokens[-1]
    first = group.first(torch.from_numpy(position)).numpy()
    assert (first >= 0).all()
    rows = chunk[0].reshape(group.rows, group.positions)
    places = []
    for seat, length in enumerate(own):
        row, place = np.nonzero(rows == seat)
        assert len(set(row)) == 1, "a chunk lies in one row"
        assert len(row) >= length and (np.diff(place) == 1).all()
        assert (position.reshape(rows.shape)[row, place][:length] == np.arange(length)).all()
        assert (first[row, place][:length] == place[0]).all()
        places += [(row[0], place[0])]
    assert len(set(places)) == len(own)
    assert len(set(rows[:, 0])) == group.rows, "no row is empty"


@pytest.mark.parametrize("shuffled", [True, False])
def test_nearly_every_batch_of_any_epoch_has_one_of_a_few_shapes(shuffled):
    data, train = skewed(2000)
    packing = train.packed(32, shuffled)
    assert len(packing.rows) <= len(SHARES)
    seen, tokens = Counter(), 0
    for epoch in range(8):
        layouts = train.training(32, epoch, [epoch], packing) if shuffled else train.unshuffled(32, 1, packing)
        seen.update(map(shape_of, layouts))
        tokens += sum(layout.tokens for layout in layouts)
    common = sum(seen[rows, packing.positions] for rows in packing.rows)
    assert common > 0.95 * seen.total()
    assert tokens < 1.3 * 8 * data.targets["train"]


def test_shapes_depend_on_lengths_and_batch_size_alone():
    _, train = skewed(500)
    assert train.packed(16) == train.packed(16)
    one, other = (train.training(16, 3, seeds, train.packed(16)) for seeds in ([1], [2, 1]))
    assert [layout.length_groups for layout in one] == [layout.length_groups for layout in other]
    assert all(torch.equal(a.position, b.position) for a, b in zip(one, other, strict=True))


@given(
    lengths=st.lists(st.integers(6, 40), min_size=30, max_size=60),
    batch_size=st.integers(2, 9),
    skills_per_answer=st.integers(1, 3),
    seeds=st.lists(st.integers(0, 99), min_size=1, max_size=2, unique=True),
)
@settings(max_examples=15, deadline=None)
def test_a_packed_epoch_holds_the_targets_of_one_in_groups(lengths, batch_size, skills_per_answer, seeds):
    data = DeviceData(made(lengths, skills_per_answer), DataConfig(max_sequence_length=17), CPU)

    def targets(split, layouts):
        rows = []
        for layout in layouts:
            batch = data.gather(split, layout)
            index = split.start[layout.chunk] + layout.position + 1
            rows.append([sorted(i[real].tolist()) for i, real in zip(index, batch.targets.real, strict=True)])
        return rows

    train = data.train
    packed, unshuffled = train.packed(batch_size), train.packed(batch_size, shuffled=False)
    in_groups = train.training(batch_size, 5, seeds)
    assert targets(train, train.training(batch_size, 5, seeds, packed)) == targets(train, in_groups)
    assert targets(train, train.unshuffled(batch_size, 1, unshuffled)) == targets(
        train, train.unshuffled(batch_size, 1)
    )
    evaluated = [targets(data.test, data.test.evaluation(100, packed)) for packed in (False, True)]
    plain, rows = (sorted(row for (found,) in of for row in found) for of in evaluated)
    assert plain == rows
