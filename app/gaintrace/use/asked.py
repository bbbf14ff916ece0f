"""What is asked of the students of a table, and of which part of their histories: the windows of evaluation.

A run reads at most `max_sequence_length` − 1 interactions before a target. What comes after the last answer is
predicted from the last so many. Where histories are longer, what was answered before is predicted from the window that
evaluation predicts it from (gaintrace.data.windows), so that the two agree. Only where evaluation predicts nothing,
because a chunk begins there, does the longest window before it stand in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gaintrace.config import DataConfig
from gaintrace.data.groups import Array
from gaintrace.data.windows import window_starts
from gaintrace.use.answered import Answered

At = Literal["last", "every"]

TOKENS = 8192
"""Interactions that are read at once: enough to fill a device, few enough to stay in a processor's cache."""
COMPARED = 1 << 21
"""Questions times interactions at once: some 100 MB of attention, and of what is compared with what."""


@dataclass(frozen=True)
class Places:
    """Where in their histories students are asked: one number a place, in the order of students and time.

    `first`: the student's first row; `position`: how many rows of the student are before the target; `before`: of
    these, how many before its answer; `start`: how many before the window that is read.
    """

    student: Array
    first: Array
    position: Array
    before: Array
    start: Array

    def __len__(self) -> int:
        return len(self.student)

    def part(self, begin: int, end: int) -> "Places":
        """Some of them."""
        return Places(
            *(column[begin:end] for column in (self.student, self.first, self.position, self.before, self.start))
        )


def places(answered: Answered, config: DataConfig, at: At, given: bool) -> Places:
    """Where to ask. `at`: after the last answer, or after every one; `given`: about the answer that followed.

    What was given is asked before each answer but the first, and before each skill of it.
    """
    first = np.flatnonzero(np.diff(answered.student, prepend=-1))
    count = np.diff(first, append=len(answered.student))
    student = answered.student[first]
    if at == "last":
        position, of = count, np.arange(len(first))
        before = position
    else:
        row = np.arange(len(answered.student))
        of_row = np.repeat(np.arange(len(first)), count)
        answer = np.maximum.accumulate(np.where(answered.starts, row, 0)) - first[of_row]
        inside = row - first[of_row]
        if given:
            chosen = answer > 0
            position, before, of = inside[chosen], answer[chosen], of_row[chosen]
        else:
            chosen = (inside > 0) & answered.starts
            of = np.concatenate([of_row[chosen], np.arange(len(first))])
            position = np.concatenate([inside[chosen], count])
            order = np.lexsort((position, of))
            position, of = position[order], of[order]
            before = position
    longest = config.max_sequence_length
    most = np.maximum(0, position - longest + 1)
    start = window_starts(position, longest, config.evaluation_overlap)
    start = most if at == "last" else np.where(before > start, start, most)
    there = before > start  # an answer of more skills than a window holds has nothing before it
    return Places(student[of][there], first[of][there], position[there], before[there], start[there])


@dataclass(frozen=True)
class Batch:
    """Windows that are read together, B, each padded to T interactions and P places.

    `rows`: of the interactions, BT; `place`: BP, number of the place, −1 where there is none.
    """

    rows: Array
    place: Array


def batches(asked: Places, skills: int, total: int) -> Iterator[Batch]:
    """All places, each once, asked about so many skills; `total`: N, interactions there are."""
    if not len(asked):
        return
    window = np.flatnonzero((np.diff(asked.first, prepend=-1) != 0) | (np.diff(asked.start, prepend=-1) != 0))
    ends = np.append(window[1:], len(asked))
    longest = int((asked.before - asked.start).max())
    most = max(1, COMPARED // (skills * longest))
    pieces = [
        (begin, min(begin + most, end))
        for first, end in zip(window, ends, strict=True)
        for begin in range(first, end, most)
    ]
    begin, end = np.array(pieces, dtype=np.int64).T
    read = asked.before[end - 1] - asked.start[begin]
    for chosen in _together(read, end - begin, skills):
        steps, width = int(read[chosen].max()), int((end - begin)[chosen].max())
        top = (asked.first + asked.start)[begin[chosen]]
        rows = np.minimum(top[:, None] + np.arange(steps), total - 1)
        place = begin[chosen][:, None] + np.arange(width)
        yield Batch(rows, np.where(place < end[chosen][:, None], place, -1))


def _together(read: Array, count: Array, skills: int) -> Iterator[Array]:
    """Windows by how much they read, as many at once as fit. `count`: of places, a window each."""
    order = np.lexsort((count, read))
    first, width = 0, 0
    for place, window in enumerate(order):
        rows, width = place + 1 - first, max(width, int(count[window]))
        if place > first and (rows * read[window] > TOKENS or rows * width * skills * read[window] > COMPARED):
            yield order[first:place]
            first, width = place, int(count[window])
    yield order[first:]
