"""What peers that are no sequence models read: the targets that gaintrace is judged by, and counts of earlier answers.

A target may be told from what came before its answer, never from another row of the same answer.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gaintrace.config import DataConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.dataset import Dataset
from gaintrace.training.evaluation import TOKENS

Integers = np.ndarray[tuple[int], np.dtype[np.int64]]
SPLITS = ("train", "valid", "test")


def target_rows(dataset: Dataset, config: DataConfig) -> dict[str, Integers]:
    """Rows of the interactions that gaintrace trains on (`train`) or is judged by (`valid`, `test`)."""
    data = DeviceData(dataset, config, torch.device("cpu"))
    found = {}
    for name in SPLITS:
        split = getattr(data, name)
        parts = []
        for layout in split.evaluation(TOKENS):
            real = data.gather(split, layout).targets.real[0]
            parts.append(data.target_rows(split, layout)[real])
        found[name] = torch.cat(parts).sort().values.numpy()
    return found


@dataclass(frozen=True)
class History:
    """The interactions of a data set, N rows, and where each one's history begins and ends.

    `began`: first row of what may be read; of the student, or of the chunk. `answer`: first row of the row's own
    answer, which is not history any more.
    """

    student: Integers
    skill: Integers
    item: Integers
    response: Integers
    began: Integers
    answer: Integers

    @classmethod
    def of(cls, dataset: Dataset, chunk: int | None) -> "History":
        """`chunk`: history begins anew with so many interactions, as it does for gaintrace; None: with the student."""
        frame = dataset.interactions
        student, skill, item, response, step = (
            frame[name].to_numpy(np.int64) for name in ("student", "skill", "item", "response", "step")
        )
        row = np.arange(len(frame))
        new = np.diff(student, prepend=-1) != 0
        first = np.maximum.accumulate(np.where(new, row, 0))
        began = first if chunk is None else row - (row - first) % chunk
        answer = np.maximum.accumulate(np.where(new | (np.diff(step, prepend=-1) != 0), row, 0))
        return cls(student, skill, item, response, began, np.maximum(answer, began))

    def counts(self, of: Any, rows: Integers, last: int | None = None) -> tuple[Integers, Integers]:
        """Right and wrong ones among earlier interactions with the same value of `of` (N; a skill, say), for `rows`.

        `last`: among so many interactions before the answer, not all of the history.
        """
        group = np.unique(of, return_inverse=True)[1] * (len(self.student) + 1)
        place = np.argsort(group, kind="stable")
        key = group[place] + place  # ascending: by group, then by row
        right = np.concatenate([[0], np.cumsum(self.response[place])])
        began, ended = self.began[rows], self.answer[rows]
        if last is not None:
            began = np.maximum(began, ended - last)
        low, high = (np.searchsorted(key, group[rows] + border) for border in (began, ended))
        wins = right[high] - right[low]
        return wins, high - low - wins
