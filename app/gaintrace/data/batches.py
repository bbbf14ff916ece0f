"""Batches of a data set that lies on the device whole: what encoders read of it, and what they are held against.

Which chunks meet in a batch, and how they are laid out on one axis of N tokens, is said in gaintrace.data.chunks. Shape
letters: see gaintrace.model.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gaintrace.config import DataConfig
from gaintrace.data.chunks import Split
from gaintrace.data.dataset import Dataset
from gaintrace.data.groups import Array, Layout, LengthGroup
from gaintrace.data.split import TEST_FOLD, pykt_order
from gaintrace.data.windows import Windows, windows
from gaintrace.errors import DataError


@dataclass(frozen=True)
class Members:
    """Which stream (seed) each of K members reads."""

    stream_of_member: Tensor  # K
    members_of_stream: list[Tensor]  # S tensors of member indices

    @classmethod
    def of(cls, streams: list[int], count: int, device: torch.device) -> "Members":
        """`streams`: the stream of each member; `count`: S."""
        readers = [[k for k, stream in enumerate(streams) if stream == s] for s in range(count)]
        return cls(torch.tensor(streams, device=device), [torch.tensor(members, device=device) for members in readers])

    def expand(self, x: Tensor) -> Tensor:
        """A row a stream → a row a member, SN → KN, without a copy where there is one stream."""
        if len(x) == 1:
            return x.expand(len(self.stream_of_member), *x.shape[1:])
        return x[self.stream_of_member]


@dataclass(frozen=True)
class Inputs:
    """What may be read to predict: interactions, and of the targets all but their responses.

    A token is an interaction t and the target that follows it, interaction t + 1. Rows R are streams (S); of
    MemberInputs, members (K).
    """

    length_groups: list[LengthGroup]
    position: Tensor  # N, of t in its chunk
    skill: Tensor  # RN, of t
    token: Tensor  # RN, skill + C·response of t
    target_skill: Tensor  # RN
    steps_to_last_answer: Tensor  # RN, from the target back to the last interaction before its answer
    one_skill_per_answer: bool  # steps_to_last_answer is 1 everywhere
    student: Tensor | None  # RN, row of the training student; None in evaluation
    item: Tensor  # RN, of t: 1 to I, or 0 where training does not know it
    target_item: Tensor  # RN

    def for_members(self, members: Members) -> "MemberInputs":
        """The same with a row a member."""
        return MemberInputs(
            length_groups=self.length_groups,
            position=self.position,
            skill=members.expand(self.skill),
            token=members.expand(self.token),
            target_skill=members.expand(self.target_skill),
            steps_to_last_answer=members.expand(self.steps_to_last_answer),
            one_skill_per_answer=self.one_skill_per_answer,
            student=None if self.student is None else members.expand(self.student),
            item=members.expand(self.item),
            target_item=members.expand(self.target_item),
            of_streams=self,
            members_of_stream=members.members_of_stream,
        )

    @cached_property
    def first(self) -> Tensor | None:
        """Place in its row where each token's chunk begins, in rows that several chunks share: BT; None: at 0."""
        group = self.length_groups[0]
        return group.first(self.position)

    @cached_property
    def hidden(self) -> Tensor | None:
        """−∞ where an interaction is not up to a token in its chunk, else 0, in such rows: B,1,T,T; None elsewhere."""
        if (first := self.first) is None:
            return None
        position = torch.arange(first.shape[1], device=first.device)
        seen = (position <= position[:, None]) & (position >= first[..., None])
        return torch.where(seen, 0.0, -torch.inf)[:, None]

    @property
    def known_target_item(self) -> Tensor:
        """The item of each target, −1 where training does not know it: RN."""
        return torch.where(self.target_item > 0, self.target_item, -1)

    @property
    def last_answered(self) -> Tensor:
        """Where in N the last interaction before each target's answer is: RN; any place where there is none."""
        row = torch.arange(self.steps_to_last_answer.shape[1], device=self.steps_to_last_answer.device)
        return (row + 1 - self.steps_to_last_answer).clamp(min=0)

    def at_last_answered(self, x: Tensor) -> Tensor:
        """x at the last interaction before each target's answer: RND → RND."""
        if self.one_skill_per_answer:
            return x
        rows, tokens, _ = x.shape
        first = torch.arange(rows, device=x.device).view(-1, 1) * tokens
        return x.flatten(0, 1).index_select(0, (first + self.last_answered).flatten()).view(x.shape)


@dataclass(frozen=True)
class MemberInputs(Inputs):
    """Inputs with a row a member: what an encoder of K members reads."""

    of_streams: Inputs  # with a row a stream: what members of one stream share is computed of it, once
    members_of_stream: list[Tensor]  # S tensors of member indices

    @property
    def first(self) -> Tensor | None:
        """See Inputs: the same for all members and sides."""
        return self.of_streams.first

    @property
    def hidden(self) -> Tensor | None:
        """See Inputs."""
        return self.of_streams.hidden


@dataclass(frozen=True)
class Targets:
    """What only the loss and the scores read."""

    response: Tensor  # SN float
    real: Tensor  # SN bool: the target exists and something came before its answer

    @cached_property
    def weight(self) -> Tensor:
        """Of each target in the mean over real ones: SN."""
        return self.real / self.real.sum(dim=1, keepdim=True).clamp(min=1)


@dataclass(frozen=True)
class Batch:
    """A batch of every stream: what encoders read, and what their predictions are held against."""

    inputs: Inputs
    targets: Targets


class DeviceData:
    """A data set on a device, cut into chunks and split by fold."""

    def __init__(self, dataset: Dataset, config: DataConfig, device: torch.device) -> None:
        """Raises DataError where the fold leaves a split without what training needs."""
        frame = dataset.interactions
        self.device = device
        self.skills = len(dataset.skills)
        self.longest = config.max_sequence_length
        students = frame["student"].to_numpy(np.int64)
        steps = _steps_to_last_answer(students, frame["step"].to_numpy(np.int64))
        self.one_skill_per_answer = bool((steps == 1).all())
        self.skill, self.response, self.steps_to_last_answer = (
            _narrow(column).to(device) for column in (frame["skill"].to_numpy(), frame["response"].to_numpy(), steps)
        )
        folds = dataset.students["fold"].to_numpy(np.int8)
        fold = folds[students]
        place = np.argsort(pykt_order(folds.astype(np.int64)))  # of each student, in pyKT's files
        split = partial(self._split, lambda start: place[students[start]])
        longest, shortest = config.max_sequence_length, config.min_sequence_length
        chunks = windows(students, longest, 0, shortest)
        evaluated = windows(students, longest, config.evaluation_overlap, shortest)
        training = (fold != TEST_FOLD) & (fold != config.fold)
        trained = training[chunks.start]
        numbers = known_items(dataset, config.fold)
        self.item = _narrow(numbers).to(device)
        self.item_answers = torch.from_numpy(np.bincount(numbers[training])[1:])  # of training, on each known item: I
        rows = np.unique(students[chunks.start[trained]], return_inverse=True)[1]
        self.train = split(chunks, trained, rows)
        self.valid = split(evaluated, fold[evaluated.start] == config.fold)
        self.test = split(evaluated, fold[evaluated.start] == TEST_FOLD)
        self.targets = self._count_targets(dataset.name, config)
        self.train_students = int(rows.max()) + 1
        # Windows on what test histories have beyond their first chunk, where evaluation is by chunks.
        overlapping = windows(students, longest, window_overlap(config), shortest)
        later = (fold[overlapping.start] == TEST_FOLD) & (overlapping.repeated > 0)
        self.test_later = split(overlapping, later) if config.evaluation_overlap == 0 and later.any() else None

    def _split(
        self, place: Callable[[Array], Array], cut: Windows, chosen: NDArray[np.bool_], student: Array | None = None
    ) -> Split:
        """The chosen windows on the device, shortest first.

        `place`: of the students of some rows in pyKT's files. `student`: row of the training student of each window.
        """
        start, length, repeated = (array[chosen] for array in (cut.start, cut.length, cut.repeated))
        order = np.argsort(length, kind="stable")
        on_device = [
            None if array is None else torch.from_numpy(array[order]).to(self.device)
            for array in (start, length, repeated if repeated.any() else None, student)
        ]
        assert on_device[0] is not None and on_device[1] is not None
        in_file = np.lexsort((start[order], place(start[order])))
        return Split(on_device[0], on_device[1], on_device[2], on_device[3], length[order], in_file)

    def _count_targets(self, name: str, config: DataConfig) -> dict[str, int]:
        """Responses to predict in each split. Raises DataError where a split has none, or only one kind."""
        splits = {
            "train": (self.train, "training folds"),
            "valid": (self.valid, f"validation fold {config.fold}"),
            "test": (self.test, "test set"),
        }
        counts = {}
        for split, (chunks, what) in splits.items():
            targets = [self.gather(chunks, layout).targets for layout in chunks.evaluation(1 << 16)]
            wrong, right = (sum(int((t.real & (t.response == r)).sum()) for t in targets) for r in (0, 1))
            if wrong + right == 0:
                raise DataError(
                    f"data set {name}: no student with {config.min_sequence_length} interactions or more in the "
                    f"{what}. Use a larger data set, or another data.fold"
                )
            if wrong == 0 or right == 0:
                raise DataError(
                    f"data set {name}: every response to predict in the {what} is {'wrong' if wrong else 'correct'}, "
                    "so AUC is undefined. Use a larger data set, or another data.fold"
                )
            counts[split] = wrong + right
        return counts

    def gather(self, split: Split, layout: Layout) -> Batch:
        """The interactions of a batch, and their targets: the tensors SN."""
        after = split.length[layout.chunk] - 1 - layout.position  # SN, interactions of the chunk after t
        index = torch.where(after >= 0, split.start[layout.chunk] + layout.position, 0)
        target = torch.where(after > 0, index + 1, 0)
        skill, steps = self.skill[index].long(), self.steps_to_last_answer[target]
        packed = any(group.packed for group in layout.length_groups)  # what is left of a row counts on past all targets
        inputs = Inputs(
            length_groups=layout.length_groups,
            position=layout.position.clamp(max=self.longest - 2) if packed else layout.position,
            skill=skill,
            token=skill + self.skills * self.response[index].long(),
            target_skill=self.skill[target].long(),
            steps_to_last_answer=steps,
            one_skill_per_answer=self.one_skill_per_answer,
            student=None if split.student is None else split.student[layout.chunk],
            item=self.item[index].long(),
            target_item=self.item[target].long(),
        )
        real = (after > 0) & (steps <= layout.position + 1)
        if split.repeated is not None:
            real &= layout.position + 1 >= split.repeated[layout.chunk]
        return Batch(inputs, Targets(self.response[target].float(), real))

    def target_rows(self, split: Split, layout: Layout) -> Tensor:
        """Row in the data set of the target of every token of an evaluation batch: N."""
        return split.start[layout.chunk[0]] + layout.position + 1


def window_overlap(config: DataConfig) -> int:
    """By how many interactions the windows overlap that the windowed AUCs of a run are of, unless evaluation's do.

    More bring these hardly nearer to pyKT's, of windows that overlap by all but one (benchmarks/RESULTS.md).
    """
    return config.evaluation_overlap or config.max_sequence_length * 3 // 4


def training_items(dataset: Dataset, fold: int) -> Array:
    """The items that training knows where `fold` validates, as the data set numbers them, ascending."""
    items = dataset.interactions["item"].to_numpy(np.int64)
    held_out = dataset.students["fold"].isin((TEST_FOLD, fold)).to_numpy()[dataset.interactions["student"]]
    return np.unique(items[~held_out & (items >= 0)])


def known_items(dataset: Dataset, fold: int) -> Array:
    """The items that training knows where `fold` validates, numbered from 1, and 0 for all others: one number a row."""
    items, known = dataset.interactions["item"].to_numpy(np.int64), training_items(dataset, fold)
    if not len(known):
        return np.zeros(len(items), np.int64)
    at = np.searchsorted(known, items).clip(max=len(known) - 1)
    return np.where(known[at] == items, at + 1, 0)


def _narrow(column: NDArray[np.integer[Any]]) -> Tensor:
    """Numbers from 0 on in as few bytes each as hold them: a data set of 100 million rows is on the device whole."""
    kinds = (np.int8, np.int16, np.int32)
    kind = next((kind for kind in kinds if column.max(initial=0) <= np.iinfo(kind).max), np.int64)
    return torch.from_numpy(np.array(column, dtype=kind))


def _steps_to_last_answer(students: Array, answers: Array) -> Array:
    """How many rows before each row its answer's predecessor ends: 1, or more inside an answer of several skills.

    `students`, `answers`: those of every row → one number a row. The rows of one answer share its response, so none of
    them may be predicted from another.
    """
    starts = (np.diff(students, prepend=-1) != 0) | (np.diff(answers, prepend=-1) != 0)
    row = np.arange(len(students))
    return row - np.maximum.accumulate(np.where(starts, row, 0)) + 1
