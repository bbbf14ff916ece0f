"""Adam by torch's own fused kernel, and no more.

`torch.optim.Adam(fused=True)` gives the same numbers to the bit, but its class imports the compiler, to be left alone
by it: two CPU-seconds of every start.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

MOMENTS = ("exp_avg", "exp_avg_sq")
BETAS = (0.9, 0.999)
EPSILON = 1e-8


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters of one learning rate and one L2 penalty."""

    parameters: Sequence[Tensor]
    learning_rate: float
    weight_decay: float


class Adam:
    """Kingma and Ba, 2015, with an L2 penalty. `state`: by parameter, `step` and the MOMENTS, after its first step."""

    def __init__(self, groups: Iterable[ParameterGroup]) -> None:
        self.groups = list(groups)
        self.state: dict[Tensor, dict[str, Tensor]] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for group in self.groups:
            moved = [parameter for parameter in group.parameters if parameter.grad is not None]
            if not moved:
                continue
            states = [self._state(parameter) for parameter in moved]
            steps = [state["step"] for state in states]
            torch._foreach_add_(steps, 1)
            torch._fused_adam_(
                moved,
                [parameter.grad for parameter in moved if parameter.grad is not None],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                steps,
                amsgrad=False,
                lr=group.learning_rate,
                beta1=BETAS[0],
                beta2=BETAS[1],
                weight_decay=group.weight_decay,
                eps=EPSILON,
                maximize=False,
            )

    def zero_grad(self) -> None:
        """Let the gradients go."""
        for group in self.groups:
            for parameter in group.parameters:
                parameter.grad = None

    def _state(self, parameter: Tensor) -> dict[str, Tensor]:
        if parameter not in self.state:
            moments = {moment: torch.zeros_like(parameter) for moment in MOMENTS}
            self.state[parameter] = {"step": torch.zeros((), device=parameter.device), **moments}
        return self.state[parameter]
