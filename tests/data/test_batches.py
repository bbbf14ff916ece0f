"""Batches: every target once, no response ahead of its prediction, one shape for all streams."""

from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.config import DataConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.dataset import COLUMNS, Dataset
from gaintrace.data.export import export_pykt
from gaintrace.data.groups import least_padding
from gaintrace.data.split import split_students
from gaintrace.errors import DataError

CPU = torch.device("cpu")


def made(lengths, skills_per_answer=1, seed=0):
    """Students with given numbers of answers; row i of the data set has skill i mod 7 for easy checking."""
    rng = np.random.default_rng(seed)
    rows = []
    for student, answers in enumerate(lengths):
        for step in range(answers):
            response = int(rng.integers(2))
            rows += [(student, step, -1, 0, response)] * int(rng.integers(1, skills_per_answer + 1))
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    frame["skill"] = (np.arange(len(frame)) % 7).astype("int32")
    students = pd.DataFrame({"uid": [str(s) for s in range(len(lengths))], "fold": split_students(len(lengths)).fold})
    return Dataset("made", frame, students, [str(s) for s in range(7)])


@given(
    lengths=st.lists(st.integers(6, 40), min_size=25, max_size=60),
    skills_per_answer=st.integers(1, 3),
    batch_size=st.integers(1, 40),
    seeds=st.lists(st.integers(0, 99), min_size=1, max_size=3, unique=True),
)
@settings(max_examples=25)
def test_an_epoch_holds_every_target_once(lengths, skills_per_answer, batch_size, seeds):
    dataset = made(lengths, skills_per_answer)
    data = DeviceData(dataset, DataConfig(max_sequence_length=17), CPU)
    seen = [[] for _ in seeds]
    for layout in data.train.training(batch_size, 5, seeds):
        batch = data.gather(data.train, layout)
        assert batch.targets.real.shape == (len(seeds), layout.tokens)
        target = data.train.start[layout.chunk] + layout.position + 1
        for stream in range(len(seeds)):
            seen[stream] += target[stream][batch.targets.real[stream]].tolist()
    in_order = []
    for layout in data.train.evaluation(100):
        batch = data.gather(data.train, layout)
        in_order += data.target_rows(data.train, layout)[batch.targets.real[0]].tolist()
    assert all(sorted(rows) == sorted(in_order) for rows in seen)
    assert len(set(in_order)) == len(in_order) == data.targets["train"]


def test_a_token_and_its_target_are_neighbours_in_time():
    dataset = made([30] * 25, 3)
    data = DeviceData(dataset, DataConfig(max_sequence_length=20), CPU)
    frame = dataset.interactions
    for layout in data.test.evaluation(200):
        batch = data.gather(data.test, layout)
        rows = data.target_rows(data.test, layout)
        for token in batch.targets.real[0].nonzero()[:, 0].tolist():
            row, steps = int(rows[token]), int(batch.inputs.steps_to_last_answer[0, token])
            assert batch.inputs.target_skill[0, token] == frame["skill"][row]
            assert batch.targets.response[0, token] == frame["response"][row]
            assert batch.inputs.skill[0, token] == frame["skill"][row - 1]
            assert batch.inputs.token[0, token] == frame["skill"][row - 1] + 7 * frame["response"][row - 1]
            # What the prediction may read ends before the first row of the target's answer.
            same_answer = (frame["student"] == frame["student"][row]) & (frame["step"] == frame["step"][row])
            assert row - steps == frame.index[same_answer][0] - 1


def test_long_histories_are_cut_and_short_ends_dropped():
    data = DeviceData(made([42, 41, 40, 12] * 10), DataConfig(max_sequence_length=20), CPU)
    lengths = sorted({int(n) for split in (data.train, data.valid, data.test) for n in split.lengths})
    assert lengths == [12, 20]


def test_shuffles_depend_on_their_own_seed_alone():
    data = DeviceData(made(range(5, 45)), DataConfig(), CPU)
    alone = data.train.training(8, 5, [3])
    beside = data.train.training(8, 5, [1, 3])
    for a, b in zip(alone, beside, strict=True):
        assert a.length_groups == b.length_groups
        assert torch.equal(a.chunk[0], b.chunk[1])
        assert torch.equal(a.position, b.position)


def in_pykts_files(dataset, folder, config):
    """Skills of the chunks that pyKT's loader reads from an export to train, in its order."""
    export_pykt(dataset, folder, force=True)
    students = pd.read_csv(folder / "train_valid.csv")
    histories = students["concepts"][students["fold"] != config.fold].str.split(",")
    size = config.max_sequence_length
    chunks = [[int(c) for c in h[first : first + size]] for h in histories for first in range(0, len(h), size)]
    return [chunk for chunk in chunks if len(chunk) >= config.min_sequence_length]


@pytest.mark.parametrize("folds", ["pyKT's", "others"])
@given(
    lengths=st.lists(st.integers(6, 60), min_size=25, max_size=60),
    batch_size=st.integers(1, 40),
    skills_per_answer=st.integers(1, 3),
    fold=st.integers(0, 4),
)
@settings(max_examples=15)
def test_unshuffled_batches_are_neighbours_in_pykts_files(
    tmp_path_factory, folds, lengths, batch_size, skills_per_answer, fold
):
    dataset, config = made(lengths, skills_per_answer), DataConfig(max_sequence_length=17, fold=fold)
    if folds == "others":
        dataset.students["fold"] = np.resize([2, 0, -1, 1, 4, 3], len(lengths)).astype("int8")
    expected = in_pykts_files(dataset, tmp_path_factory.mktemp("pykt"), config)
    data = DeviceData(dataset, config, CPU)
    skills, split = dataset.interactions["skill"].to_numpy(), data.train
    batches = split.unshuffled(batch_size, 2)
    for number, layout in enumerate(batches):
        assert torch.equal(layout.chunk[0], layout.chunk[1])
        chunks = layout.chunk[0].unique()
        spans = zip(split.start[chunks].tolist(), split.length[chunks].tolist(), strict=True)
        found = [skills[start : start + length].tolist() for start, length in spans]
        assert sorted(found) == sorted(expected[number * batch_size : (number + 1) * batch_size])
    assert len(batches) == -(-len(expected) // batch_size)


def test_groups_pad_little():
    data = DeviceData(made(np.random.default_rng(0).geometric(0.05, 400).clip(3, 200)), DataConfig(), CPU)
    tokens = sum(layout.tokens for layout in data.train.training(64, 5, [0]))
    assert tokens < 1.1 * data.targets["train"]


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=9), most=st.integers(1, 5))
def test_no_other_groups_pad_less(lengths, most):
    positions = np.sort(np.array(lengths))

    def tokens(bounds):
        return sum((high - low) * positions[high - 1] for low, high in pairwise(bounds))

    seats = len(positions)
    every = [tokens([0, *cuts, seats]) for n in range(min(most, seats)) for cuts in combinations(range(1, seats), n)]
    bounds = least_padding(positions, most)
    assert bounds[0] == 0
    assert bounds[-1] == seats
    assert len(bounds) <= most + 1
    assert tokens(bounds) == min(every)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([9], "no student .* in the training folds"),
        ([9, 9, 9], "no student .* in the test set"),
        ([2] * 30, "training folds"),
    ],
)
def test_a_split_without_students_is_named(lengths, message):
    with pytest.raises(DataError, match=message):
        DeviceData(made(lengths), DataConfig(), CPU)


def test_a_split_of_one_response_is_named():
    dataset = made([9] * 30)
    dataset.interactions["response"] = np.int8(1)
    with pytest.raises(DataError, match="is correct, so AUC is undefined"):
        DeviceData(dataset, DataConfig(), CPU)


def test_a_data_set_lies_on_the_device_in_as_few_bytes_as_its_numbers_need():
    dataset = made([35, 14, 9] * 12, 2)
    dataset.interactions["item"] = np.arange(len(dataset.interactions)) % 300
    data = DeviceData(dataset, DataConfig(max_sequence_length=12), torch.device("cpu"))
    kinds = [getattr(data, name).dtype for name in ("skill", "response", "steps_to_last_answer", "item")]
    assert kinds == [torch.int8, torch.int8, torch.int8, torch.int16]
    assert data.skill.tolist() == dataset.interactions["skill"].tolist()
    (layout,) = data.test.evaluation(1 << 16)
    inputs = data.gather(data.test, layout).inputs
    for name in ("skill", "token", "target_skill", "item", "target_item"):
        assert getattr(inputs, name).dtype == torch.int64, "an embedding's row, which may be skill + C"
