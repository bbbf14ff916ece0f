"""AUC of stacked members on the device they are on, by counting: no rounding until the last division.

Shape letters: see gaintrace.model; N counts targets here.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

COUNTED_AT_A_TIME = 1 << 24
"""Scores of so many targets and members at a time; bounds memory."""


@torch.no_grad()
def aucs(score: Tensor, right: Tensor) -> Tensor:
    """How often each member scores a right answer above a wrong one, ties counting half: KN, N bool → K float64.

    NaN where one kind of response is all there is. Nothing here waits for the device.
    """
    block = max(1, COUNTED_AT_A_TIME // max(1, score.shape[1]))
    rights = right.sum()
    pairs = rights * (len(right) - rights)
    return torch.cat([_pairs_won_twice(members, right) for members in torch.split(score, block)]) / (2 * pairs.double())


def _pairs_won_twice(score: Tensor, right: Tensor) -> Tensor:
    """Of each member, two for each pair in order and one for each tie: K. Below 2⁶³ for 3 billion targets."""
    score, order = _sorted(score)
    right = right[order]
    wrongs = (~right).cumsum(dim=1)  # KN, up to and including each place
    change = F.pad(score[:, 1:] != score[:, :-1], (1, 1), value=True)  # also at both ends
    place = torch.arange(score.shape[1], device=score.device)
    first = torch.where(change[:, :-1], place, 0).cummax(dim=1).values  # of the equal scores around each place
    last = torch.where(change[:, 1:], place, len(place) - 1).flip(1).cummin(dim=1).values.flip(1)
    below = wrongs.gather(1, first) - (~right).gather(1, first).long()
    return (right * (below + wrongs.gather(1, last))).sum(dim=1)


def _sorted(score: Tensor) -> tuple[Tensor, Tensor]:
    """Scores in ascending order, and where they were. On a CPU by numpy, which is five times as fast."""
    if score.device.type != "cpu":
        return score.sort(dim=1)
    order = torch.from_numpy(score.numpy().argsort(axis=1))
    return score.gather(1, order), order
