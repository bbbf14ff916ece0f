"""Length-bucketed batches of a data set that lies on the device whole.

Histories are short and padding all of them to the longest wastes most of the work, so chunks are sorted by length
and cut into buckets of a few batches; only inside a bucket are chunks shuffled. Which shapes come in which order is
the same for every seed and only the content differs, so members with different seeds can be trained side by side.
Batches are index lists: nothing here loops over samples.

Shape letters: see gaintrace.model.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gaintrace.config import DataConfig
from gaintrace.data.dataset import Dataset
from gaintrace.errors import DataError

BUCKET_BATCHES = 4
"""Batches a bucket: more mixes lengths better, fewer pads less."""

TEST_FOLD = -1


@dataclass(frozen=True)
class Members:
    """Which stream (seed) each of K members reads."""

    stream_of_member: Tensor  # K
    members_of_stream: list[Tensor]  # S tensors of member indices

    @classmethod
    def of(cls, streams: list[int], count: int, device: torch.device) -> "Members":
        """`streams`: the stream of each member; `count`: S."""
        groups = [[k for k, stream in enumerate(streams) if stream == s] for s in range(count)]
        return cls(torch.tensor(streams, device=device), [torch.tensor(group, device=device) for group in groups])

    def expand(self, x: Tensor) -> Tensor:
        """SB… → KB…, without a copy where there is one stream."""
        if len(x) == 1:
            return x.expand(len(self.stream_of_member), *x.shape[1:])
        return x[self.stream_of_member]


@dataclass(frozen=True)
class StreamBatch:
    """A batch of every stream. Position t holds interaction t and the target that follows it, interaction t + 1."""

    skill: Tensor  # SBT, of interaction t
    token: Tensor  # SBT, skill + C·response of interaction t
    target_skill: Tensor  # SBT
    response: Tensor  # SBT float, of the target
    real: Tensor  # SBT bool: the target exists and something came before its answer
    source: Tensor  # SBT, the last position before the target's answer; t where an answer has one skill
    aligned: bool  # source is t everywhere
    student: Tensor | None  # SB, row of the training student; None in evaluation

    def view(self, members: Members) -> "Batch":
        """The batch as an encoder of K members reads it."""
        return Batch(
            token=members.expand(self.token),
            target_skill=members.expand(self.target_skill),
            skill=self.skill,
            target_skill_of_stream=self.target_skill,
            source=self.source,
            aligned=self.aligned,
            student=self.student,
            stream_of_member=members.stream_of_member,
            members_of_stream=members.members_of_stream,
        )


@dataclass(frozen=True)
class Batch:
    """What an encoder reads: as StreamBatch, with a member axis where it needs one. It holds no target response."""

    token: Tensor  # KBT
    target_skill: Tensor  # KBT
    skill: Tensor  # SBT
    target_skill_of_stream: Tensor  # SBT
    source: Tensor  # SBT
    aligned: bool
    student: Tensor | None  # SB
    stream_of_member: Tensor  # K
    members_of_stream: list[Tensor]

    def at_source(self, x: Tensor) -> Tensor:
        """KBTD at the last position before each target's answer: KBTD."""
        if self.aligned:
            return x
        members, batch, positions, _ = x.shape
        row = torch.arange(members * batch, device=x.device).view(members, batch, 1) * positions
        index = (row + self.source[self.stream_of_member]).flatten()
        return x.flatten(0, 2).index_select(0, index).view(x.shape)


@dataclass(frozen=True)
class Slot:
    """One batch of the epoch: chunks order[start:stop], padded to `positions` targets."""

    start: int
    stop: int
    positions: int


@dataclass(frozen=True)
class Split:
    """The chunks of some students, shortest first."""

    start: Tensor  # N, first interaction in the data set
    length: Tensor  # N, interactions
    student: Tensor | None  # N, row of the training student
    lengths: np.ndarray[tuple[int], np.dtype[np.int64]]  # the same as `length`, on the host

    @property
    def chunks(self) -> int:
        """Number of chunks N."""
        return len(self.lengths)

    def bucketed(self, batch_size: int) -> list[Slot]:
        """Slots of a training epoch; all slots of a bucket have the length of its longest chunk."""
        bucket = batch_size * BUCKET_BATCHES
        return [
            Slot(start, min(start + batch_size, first + bucket, self.chunks), int(self._longest(first, bucket)) - 1)
            for first in range(0, self.chunks, bucket)
            for start in range(first, min(first + bucket, self.chunks), batch_size)
        ]

    def packed(self, tokens: int) -> list[Slot]:
        """Slots of an evaluation: as many chunks as fit the given number of positions, longest last."""
        slots = []
        start = 0
        while start < self.chunks:
            stop = start + 1
            while stop < self.chunks and (stop + 1 - start) * (self.lengths[stop] - 1) <= tokens:
                stop += 1
            slots.append(Slot(start, stop, int(self.lengths[stop - 1]) - 1))
            start = stop
        return slots

    def _longest(self, first: int, count: int) -> int:
        return int(self.lengths[min(first + count, self.chunks) - 1])

    def shuffled(self, batch_size: int, seed: int) -> Tensor:
        """A permutation of the chunks that stays inside buckets: N, on the host."""
        generator = torch.Generator().manual_seed(seed)
        bucket = batch_size * BUCKET_BATCHES
        spans = [(first, min(bucket, self.chunks - first)) for first in range(0, self.chunks, bucket)]
        return torch.cat([first + torch.randperm(count, generator=generator) for first, count in spans])


class DeviceData:
    """A data set on a device, cut into chunks and split by fold."""

    def __init__(self, dataset: Dataset, config: DataConfig, device: torch.device) -> None:
        """Raises DataError where the fold leaves a split without what training needs."""
        frame = dataset.interactions
        self.skills = len(dataset.skills)
        self.skill = torch.from_numpy(frame["skill"].to_numpy(np.int64, copy=True)).to(device)
        self.response = torch.from_numpy(frame["response"].to_numpy(np.int64, copy=True)).to(device)
        students = frame["student"].to_numpy(np.int64)
        back = _steps_back(students, frame["step"].to_numpy(np.int64))
        self.back = torch.from_numpy(back).to(device)
        self.aligned = bool((back == 1).all())
        self.device = device

        chunk_start, chunk_length = _chunks(students, config)
        fold = dataset.students["fold"].to_numpy(np.int64)
        self.student_of_chunk = students[chunk_start]
        fold_of_chunk = fold[self.student_of_chunk]
        held_out = (fold_of_chunk == TEST_FOLD) | (fold_of_chunk == config.fold)
        self.train = self._split("train", chunk_start, chunk_length, ~held_out)
        self.valid = self._split("valid", chunk_start, chunk_length, fold_of_chunk == config.fold)
        self.test = self._split("test", chunk_start, chunk_length, fold_of_chunk == TEST_FOLD)
        self.targets = self._count_targets(dataset.name, config)

    @property
    def train_students(self) -> int:
        """Number of students in the training folds."""
        assert self.train.student is not None
        return int(self.train.student.max()) + 1

    def _split(self, name: str, start: np.ndarray, length: np.ndarray, mask: np.ndarray) -> Split:  # type: ignore[type-arg]
        order = np.flatnonzero(mask)[np.argsort(length[mask], kind="stable")]
        student = None
        if name == "train":
            rows = np.unique(self.student_of_chunk[order], return_inverse=True)[1]
            student = torch.from_numpy(rows).to(self.device)
        return Split(
            torch.from_numpy(start[order]).to(self.device),
            torch.from_numpy(length[order]).to(self.device),
            student,
            length[order],
        )

    def _count_targets(self, name: str, config: DataConfig) -> dict[str, int]:
        """Responses to predict in each split. Raises DataError where a split has none, or only one kind."""
        splits = {
            "train": (self.train, "training folds"),
            "valid": (self.valid, f"validation fold {config.fold}"),
            "test": (self.test, "test set"),
        }
        counts = {}
        for split, (chunks, what) in splits.items():
            batches = [self.gather(chunks, slot, None) for slot in chunks.packed(1 << 16)]
            wrong, right = (sum(int((b.real & (b.response == r)).sum()) for b in batches) for r in (0, 1))
            if wrong + right == 0:
                raise DataError(
                    f"data set {name}: no student with {config.min_sequence_length} interactions or more in the {what}. "
                    "Use a larger data set, or another data.fold"
                )
            if wrong == 0 or right == 0:
                raise DataError(
                    f"data set {name}: every response to predict in the {what} is {'wrong' if wrong else 'correct'}, "
                    "so AUC is undefined. Use a larger data set, or another data.fold"
                )
            counts[split] = wrong + right
        return counts

    def gather(self, split: Split, slot: Slot, order: Tensor | None) -> StreamBatch:
        """The chunks of a slot. `order`: SN permutations of the split's chunks, or None for one stream as they are."""
        if order is None:
            chunk = torch.arange(slot.start, slot.stop, device=self.device)[None]
        else:
            chunk = order[:, slot.start : slot.stop]  # SB
        position = torch.arange(slot.positions + 1, device=self.device)
        inside = position < split.length[chunk][..., None]  # SB(T+1)
        index = torch.where(inside, split.start[chunk][..., None] + position, 0)
        skill = torch.where(inside, self.skill[index], 0)
        response = torch.where(inside, self.response[index], 0)
        source = position[1:] - self.back[index][..., 1:]
        return StreamBatch(
            skill=skill[..., :-1],
            token=(skill + self.skills * response)[..., :-1],
            target_skill=skill[..., 1:],
            response=response[..., 1:].float(),
            real=inside[..., 1:] & (source >= 0),
            source=source.clamp(min=0),
            aligned=self.aligned,
            student=None if split.student is None else split.student[chunk],
        )

    def interaction_index(self, split: Split, slot: Slot) -> Tensor:
        """Row in the data set of every target of an unshuffled slot: BT."""
        chunk = torch.arange(slot.start, slot.stop, device=self.device)
        position = torch.arange(1, slot.positions + 1, device=self.device)
        return split.start[chunk][:, None] + position


def _chunks(students: np.ndarray, config: DataConfig) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """First interaction and length of every chunk of every student, short ones dropped."""
    first = np.flatnonzero(np.diff(students, prepend=-1))
    total = np.diff(first, append=len(students))
    per_student = -(-total // config.max_sequence_length)
    student = np.repeat(np.arange(len(first)), per_student)
    nth = np.arange(len(student)) - np.repeat(np.cumsum(per_student) - per_student, per_student)
    offset = nth * config.max_sequence_length
    length = np.minimum(total[student] - offset, config.max_sequence_length)
    keep = length >= config.min_sequence_length
    return (first[student] + offset)[keep], length[keep]


def _steps_back(students: np.ndarray, steps: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """How many rows before each row its answer's predecessor ends: 1, or more inside an answer of several skills.

    The rows of one answer share its response, so none of them may be predicted from another.
    """
    starts = (np.diff(students, prepend=-1) != 0) | (np.diff(steps, prepend=-1) != 0)
    row = np.arange(len(students))
    return row - np.maximum.accumulate(np.where(starts, row, 0)) + 1


def schedule(slots: list[Slot], seed: int) -> Iterator[Slot]:
    """The slots of an epoch in shuffled order."""
    generator = torch.Generator().manual_seed(seed)
    for position in torch.randperm(len(slots), generator=generator).tolist():
        yield slots[position]
