"""What is known of an item besides its skill: its difficulty. Shape letters: see the package's docstring."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaintrace.model.layers import look_up

PACE = 10.0
"""Adam moves a parameter by about its learning rate a step. Most items are in few batches, and get so much further."""
VARIANCE = 1.0
"""Of difficulties, before their answers are known (logits²). At 0.25 items of many answers differed too little."""
RELIABLE = 50.0
"""Answers that make a difficulty half as good as a certain one."""


class Difficulty(nn.Module):
    """One number an item, in logits: how much harder it is than its skill, as in the Rasch model.

    It starts at 0 and is shrunk towards it as by a normal prior, which few answers hardly move. Items are numbered as
    `DeviceData` numbers them: item 0 stands for all that training does not know, and is as hard as its skill.

    A network that reads difficulties learns how training students answered to make them so, the more the fewer they
    were. So it is given them by what they rest on, n answers of n + 50, and no part in making them.
    """

    def __init__(self, answers: Tensor) -> None:
        """`answers`: training's, on each item: I."""
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, len(answers), 1))
        self.register_buffer("reliability", (answers / (answers + RELIABLE)).view(1, -1, 1).to(torch.float32))

    def forward(self, item: Tensor) -> Tensor:
        """Difficulty of items; item: KN → KN."""
        return PACE * _of(self.weight, item)

    def read(self, item: Tensor) -> Tensor:
        """What a network is given of it, without a gradient; item: KN → KN1."""
        assert isinstance(self.reliability, Tensor)
        return PACE * _of(self.weight * self.reliability, item).detach()[..., None]

    def surprise(self) -> Tensor:
        """−log of the prior's density at the difficulties, up to a constant: K, in nats."""
        return (PACE * self.weight).square().sum(dim=(1, 2)) / (2 * VARIANCE)


def difficulty_of(kind: str, answers: Tensor | None) -> Difficulty | None:
    """What `model.items` names, for items of so many answers; None where there are no items."""
    return Difficulty(answers) if kind == "difficulty" and answers is not None and len(answers) else None


def _of(weight: Tensor, item: Tensor) -> Tensor:
    """A number an item, 0 for item 0. weight: KI1; item: KN → KN."""
    return look_up(F.pad(weight, (0, 0, 1, 0)), item).squeeze(-1)
