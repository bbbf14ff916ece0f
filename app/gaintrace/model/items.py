"""What is known of an item besides its skill: its difficulty. Shape letters: see the package's docstring."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaintrace.model.layers import look_up

PACE = 10.0
"""Adam moves a parameter by about its learning rate a step. Most items are in few batches, and get so much further."""
VARIANCE = 1.0
"""Of difficulties, before their answers are known (logits²). At 0.25 items of many answers differed too little."""


class Difficulty(nn.Module):
    """One number an item, in logits: how much harder it is than its skill, as in the Rasch model.

    It starts at 0 and is shrunk towards it as by a normal prior, which few answers hardly move. Items are numbered as
    `DeviceData` numbers them: item 0 stands for all that training does not know, and is as hard as its skill.
    """

    def __init__(self, items: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, items, 1))

    def forward(self, item: Tensor) -> Tensor:
        """Difficulty of items; item: KN → KN."""
        return PACE * look_up(F.pad(self.weight, (0, 0, 1, 0)), item).squeeze(-1)

    def surprise(self) -> Tensor:
        """−log of the prior's density at the difficulties, up to a constant: K, in nats."""
        return (PACE * self.weight).square().sum(dim=(1, 2)) / (2 * VARIANCE)


def difficulty_of(kind: str, items: int) -> Difficulty | None:
    """What `model.items` names, for so many items; None where there are none to name."""
    return Difficulty(items) if kind == "difficulty" and items else None
