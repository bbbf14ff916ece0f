"""Windows on histories: every interaction is a target of one window, which reaches back as far as it is to."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.config import DataConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.windows import window_starts, windows
from tests.data.test_batches import made

CPU = torch.device("cpu")


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=8), longest=st.integers(3, 20), share=st.floats(0, 0.999)
)
def test_every_interaction_is_a_target_once_with_the_history_that_was_asked_for(lengths, longest, share):
    overlap = int(longest * share)
    students = np.repeat(np.arange(len(lengths)), lengths)
    cut = windows(students, longest, overlap, shortest=1)
    first = np.concatenate([[0], np.cumsum(lengths)])[students]
    starts = np.empty_like(students)
    seen = []
    for start, length, repeated in zip(cut.start, cut.length, cut.repeated, strict=True):
        assert length <= longest
        assert len(set(students[start : start + length])) == 1
        seen += range(start + repeated, start + length)
        starts[start + repeated : start + length] = start
    assert sorted(seen) == list(range(len(students)))
    row = np.arange(len(students))
    assert (starts == first + window_starts(row - first, longest, overlap)).all()
    later = starts > first
    assert (row - starts)[later].min(initial=overlap) == overlap
    assert (row - starts).max() < longest


def test_the_end_of_a_long_history_is_dropped_without_an_overlap_alone():
    students = np.repeat([0, 1], [41, 2])
    assert windows(students, 20, 0, shortest=3).length.tolist() == [20, 20]
    assert windows(students, 20, 15, shortest=3).length.tolist() == [20, 20, 20, 20, 20, 16]


def targets(data):
    """Data-set rows of the test targets, as evaluation finds them."""
    found = []
    for layout in data.test.evaluation(100):
        found += data.target_rows(data.test, layout)[data.gather(data.test, layout).targets.real[0]].tolist()
    assert len(set(found)) == len(found) == data.targets["test"]
    return set(found)


@pytest.mark.parametrize("overlap", [3, 10, 19])
def test_with_an_overlap_all_answers_but_a_students_first_are_targets(overlap):
    dataset = made([45, 41, 40, 12] * 10, skills_per_answer=3)
    chunks = targets(DeviceData(dataset, DataConfig(max_sequence_length=20), CPU))
    sliding = targets(DeviceData(dataset, DataConfig(max_sequence_length=20, evaluation_overlap=overlap), CPU))
    frame = dataset.interactions
    test = frame[(dataset.students["fold"] == -1).to_numpy()[frame["student"]]]
    assert sliding == set(test.index[test["step"] > 0])
    assert chunks < sliding


def test_training_is_by_chunks_whatever_evaluation_is():
    dataset = made([45, 41, 40, 12] * 10)
    chunks, sliding = (
        DeviceData(dataset, DataConfig(max_sequence_length=20, evaluation_overlap=overlap), CPU) for overlap in (0, 10)
    )
    for a, b in zip(chunks.train.training(8, 5, [1]), sliding.train.training(8, 5, [1]), strict=True):
        assert torch.equal(a.chunk, b.chunk)
        assert torch.equal(a.position, b.position)
    assert torch.equal(chunks.train.start, sliding.train.start)
    assert chunks.targets["train"] == sliding.targets["train"]


def test_histories_of_other_students_are_never_in_a_window():
    dataset = made([45, 3, 41] * 10)
    data = DeviceData(dataset, DataConfig(max_sequence_length=20, evaluation_overlap=19), CPU)
    student = torch.from_numpy(dataset.interactions["student"].to_numpy(np.int64))
    last = data.valid.start + data.valid.length - 1
    assert torch.equal(student[data.valid.start], student[last])
    assert pd.Series(student[last].numpy()).isin(np.flatnonzero(dataset.students["fold"] == 0)).all()
