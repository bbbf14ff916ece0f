"""Windows on a history: what is read at once to predict some of its responses.

Window k begins at interaction k · (length − overlap) of a student and reaches as far as `length` interactions. Its
targets are those that no window before it had, so each is in one window. Without overlap windows are chunks, and
history begins anew with each. With an overlap of n, a target beyond the first window has at least n interactions of its
student before it; with one of length − 1 it has exactly as many, which is pyKT's windowed protocol.
"""

from dataclasses import dataclass

import numpy as np

from gaintrace.data.groups import Array


@dataclass(frozen=True)
class Windows:
    """Windows on the histories of all students: one number a window, each."""

    start: Array  # first interaction, as a row of the data set
    length: Array  # interactions
    repeated: Array  # how many of them are no targets here, because the windows before had them


def windows(students: Array, length: int, overlap: int, shortest: int) -> Windows:
    """`students`: of every interaction. Windows shorter than `shortest` are dropped.

    With an overlap that is so of whole histories alone: the end of a longer one goes on from the window before.
    """
    first = np.flatnonzero(np.diff(students, prepend=-1))
    total = np.diff(first, append=len(students))
    stride = length - overlap
    per_student = 1 + -(-np.maximum(total - length, 0) // stride)
    student = np.repeat(np.arange(len(first)), per_student)
    nth = np.arange(len(student)) - np.repeat(np.cumsum(per_student) - per_student, per_student)
    size = np.minimum(total[student] - nth * stride, length)
    keep = (size >= shortest) | ((nth > 0) & (overlap > 0))
    return Windows(
        start=(first[student] + nth * stride)[keep], length=size[keep], repeated=np.where(nth > 0, overlap, 0)[keep]
    )


def window_starts(position: Array, length: int, overlap: int) -> Array:
    """Where the window begins in which an interaction is a target, counted from the student's first: one a position.

    `position`: of interactions in their histories, 0 for the first.
    """
    stride = length - overlap
    return np.maximum(0, -(-(position + 1 - length) // stride)) * stride
