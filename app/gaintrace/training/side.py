"""One encoder of a population: its stacked members, their optimizer and their randomness.

The encoders of a run share no parameter, so a population holds sides that meet only in the gradient clip.
Shape letters: see gaintrace.model.
"""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from gaintrace.config import RunConfig
from gaintrace.data.batches import Batch, MemberInputs, Members, Targets
from gaintrace.model.dual import derived_seed, load_member, member_state, member_tensors, stack
from gaintrace.model.items import Difficulty
from gaintrace.model.layers import Dropout, no_dropout
from gaintrace.model.mastery import MasteryPrediction
from gaintrace.training.adam import MOMENTS, Adam, ParameterGroup
from gaintrace.training.loss_weight import LOG_VARIANCE, side_weight, uncertainty_loss


@dataclass(frozen=True)
class MemberState:
    """What one member of a side needs to go on: tensors, Adam moments and, where kept, averages, by name."""

    weights: dict[str, Tensor]
    adam: dict[str, Tensor]
    average: dict[str, Tensor]


class Side:
    """The K members of encoder `name` ("e1", "e2" or "e3"), trained together."""

    def __init__(
        self, name: str, encoders: list[nn.Module], configs: list[RunConfig], device: torch.device, targets: int
    ) -> None:
        """`encoders`: K modules of one member; `configs`: theirs, alike in all but what may differ in a population.

        `targets`: responses to predict in training, over which a prior is spread.
        """
        self.name = name
        self.configs = configs
        self.device = device
        if configs[0].training.loss_weighting == "learned":
            for encoder, config in zip(encoders, configs, strict=True):
                start = torch.tensor([side_weight(config.training, name)])
                encoder.register_parameter(LOG_VARIANCE, nn.Parameter(-start.log()))
        self.module = stack(encoders).to(device)
        self.targets = targets
        self.decay = configs[0].training.weight_average
        # What is evaluated and kept: the weights, or their running average.
        self.evaluated = copy.deepcopy(self.module) if self.decay else self.module
        named = self._trained()
        self.log_variance = named.pop(LOG_VARIANCE, None)  # K
        self.clipped = list(named.values())
        self.adam_steps = 0
        self.optimizer = self._optimizer()
        self.autocast = configs[0].training.precision == "bf16"
        self.streams = 0
        # On a GPU a kernel for each parameter, or mask, would cost more than one for all costs.
        self.joined = device.type != "cpu"
        self.dropped: list[tuple[int, torch.dtype]] | None = None
        self.of_member: Tensor | None = None  # of each gradient that is clipped

    def _optimizer(self) -> Adam:
        training = self.configs[0].training
        named = self._trained()
        read = [name for name in named if name.startswith("curve.") or name == LOG_VARIANCE]
        items = [name for name in named if name.startswith("difficulty.")]
        rest = [p for name, p in named.items() if name not in read + items]
        groups = [ParameterGroup(rest, training.learning_rate, training.weight_decay)]
        if read:
            # An L2 penalty would pull these interpretable numbers towards zero, most of all the velocities of
            # students who are in no batch: Adam turns any lone gradient, however small, into a full step.
            # A learned loss weight has about 1 to go in s, and at the network's rate would stay where it starts, as
            # the curve's parameters would.
            rate = training.curve_learning_rate or training.learning_rate
            groups.append(ParameterGroup([named[name] for name in read], rate, 0.0))
        if items:  # they have a prior instead
            groups.append(ParameterGroup([named[name] for name in items], training.learning_rate, 0.0))
        return Adam(groups)

    def _trained(self) -> dict[str, nn.Parameter]:
        """The parameters that a gradient moves, by name; others are read of another encoder."""
        return {name: own for name, own in self.module.named_parameters() if own.requires_grad}

    def begin_epoch(self, epoch: int, streams: list[int], generators: dict[int, Tensor] | None = None) -> None:
        """Seed dropout for an epoch. `streams`: the S seeds of the population; `generators`: states to go on from,
        by seed.

        What a step reads is written in place while the members stay the same, so that a recorded step finds it.
        """
        seeds = [derived_seed(seed, self.name, "dropout", epoch) for seed in streams]
        if self.streams != len(streams):
            self._seat(streams, seeds)
        self.dropout.seed(seeds)
        for seed, state in (generators or {}).items():
            self.dropout.generators[streams.index(seed)].set_state(state)
        self.clip.copy_(self._per_member(config.training.gradient_clip for config in self.configs))
        weights = self._per_member(side_weight(config.training, self.name, epoch) for config in self.configs)
        self.loss_weight.copy_(weights)
        self.module.train()

    def _seat(self, streams: list[int], seeds: list[int]) -> None:
        """Make what a step reads besides its batch."""
        self.streams = len(streams)
        member_streams = [streams.index(config.training.seed) for config in self.configs]
        self.members = Members.of(member_streams, len(streams), self.device)
        self.dropout = Dropout(self.configs[0].model.dropout, seeds, self.members.stream_of_member, self.dropped)
        self.clip = torch.zeros(len(self.configs), device=self.device)
        self.loss_weight = torch.zeros_like(self.clip)

    def backward(self, batch: Batch) -> Tensor:
        """Forward and backward of one batch; gradients stay on the parameters. Returns the logits, KN."""
        inputs = batch.inputs.for_members(self.members)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            if self.joined and self.dropped is None:
                self._note_dropped(inputs)
            self.dropout.draw(len(batch.inputs.position))
            output = self.module(inputs, self.dropout)
        logit: Tensor = (output.logit if isinstance(output, MasteryPrediction) else output).float()
        if self.joined and self.log_variance is None and self.configs[0].training.loss == "bce":
            self._backward(logit, output, batch.targets)
            return logit.detach()
        loss = self._loss(logit, batch.targets)
        if isinstance(output, MasteryPrediction) and output.alone is not None:
            loss = (loss + self._loss(output.alone, batch.targets)) / 2
        if isinstance(difficulty := getattr(self.module, "difficulty", None), Difficulty):
            loss = loss + difficulty.surprise() / self.targets
        s = self.log_variance
        weighted = self.loss_weight * loss if s is None else uncertainty_loss(loss, s)
        weighted.sum().backward()  # type: ignore[no-untyped-call]
        return logit.detach()

    def _backward(self, logit: Tensor, output: Tensor | MasteryPrediction, targets: Targets) -> None:
        """The backward pass of the loss from its gradient in the logits, (p − response) · weight, written out:
        a third of the kernels of the loss and its own backward pass.
        """
        parts = [logit]
        if isinstance(output, MasteryPrediction) and output.alone is not None:
            parts.append(output.alone)
        weight = self.members.expand(targets.weight) * (self.loss_weight / len(parts))[:, None]
        response = self.members.expand(targets.response)
        slopes = [(part.detach().sigmoid() - response) * weight for part in parts]
        if isinstance(difficulty := getattr(self.module, "difficulty", None), Difficulty):
            parts.append(difficulty.surprise())
            slopes.append(self.loss_weight / self.targets)
        torch.autograd.backward(parts, slopes)

    @torch.no_grad()
    def _note_dropped(self, inputs: MemberInputs) -> None:
        """Note what a step drops from, so that its masks can be drawn at once."""
        dropped: list[tuple[int, torch.dtype]] = []

        def note(x: Tensor, onto: Tensor | None = None) -> Tensor:
            dropped.append((x.shape[-1], x.dtype))
            return no_dropout(x, onto)

        self.module(inputs, note)
        self.dropped = self.dropout.calls = dropped

    def _loss(self, logit: Tensor, targets: Targets) -> Tensor:
        """Mean loss of each member's real targets, which is their cross-entropy or, as the study had it, that of their
        probabilities taken for logits. That one is least where a probability is log(r / (1 - r)) for a share r of right
        answers, as far as 0 and 1 allow: 0 up to r = 1/2, 1 from r = 0.73. logit: KN → K.
        """
        response, real = self.members.expand(targets.response), self.members.expand(targets.real)
        if self.configs[0].training.loss == "double_sigmoid":
            logit = logit.sigmoid()
        losses = F.binary_cross_entropy_with_logits(logit, response, weight=real.float(), reduction="none")
        return losses.sum(dim=1) / real.sum(dim=1).clamp(min=1)

    def gradient_norm(self) -> Tensor:
        """Norm of each member's gradient: K.

        A learned loss weight neither counts in it nor is clipped. It is no part of the model, and with a gradient of up
        to 1/2 it would leave the encoders less of the norm (both of them, under a global one) than the same weight does
        when it is fixed. Adam bounds its step in any case.
        """
        gradients = [p.grad.flatten(1) for p in self.clipped if p.grad is not None]
        if self.joined:
            joined: Tensor = torch.linalg.vector_norm(torch.cat(gradients, dim=1), dim=1)
            return joined
        norms = torch.stack([torch.linalg.vector_norm(gradient, dim=1) for gradient in gradients])
        norm: Tensor = torch.linalg.vector_norm(norms, dim=0)
        return norm

    def step(self, norm: Tensor) -> None:
        """Clip each member's gradient, whose norm (K) is given, and let Adam take one step."""
        scale = (self.clip / (norm + 1e-6)).clamp(max=1)  # as torch.nn.utils.clip_grad_norm_
        clipped = [parameter for parameter in self.clipped if parameter.grad is not None]
        if self.joined:
            self._scale(clipped, scale)
        else:
            for parameter in clipped:
                assert parameter.grad is not None
                parameter.grad.mul_(scale.view(-1, *[1] * (parameter.ndim - 1)))
        self.optimizer.step()
        self.optimizer.zero_grad()

    def _scale(self, parameters: Sequence[Tensor], scale: Tensor) -> None:
        """Multiply each member's gradients by its scale (K), in one piece of memory."""
        sizes = [parameter.numel() for parameter in parameters]
        if self.of_member is None or len(self.of_member) != sum(sizes):
            members = torch.arange(len(scale), device=self.device)
            self.of_member = torch.cat([members.repeat_interleave(size // len(scale)) for size in sizes])
        joined = torch.cat([parameter.grad.flatten() for parameter in parameters if parameter.grad is not None])
        joined.mul_(scale[self.of_member])
        for parameter, scaled in zip(parameters, torch.split(joined, sizes), strict=True):
            parameter.grad = scaled.view_as(parameter)

    def count_step(self) -> None:
        """What follows a step on the host: no part of a recorded one."""
        self.adam_steps += 1
        if self.decay:
            self._average()

    @torch.no_grad()
    def _average(self) -> None:
        """Move the average towards the weights. It starts short and grows to its length, so it forgets the start."""
        decay = min(self.decay, (1 + self.adam_steps) / (10 + self.adam_steps))
        move = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        move(list(self.evaluated.parameters()), list(self.module.parameters()), self.adam_steps)

    def keep(self, members: list[int]) -> None:
        """Drop all other members, with all that is kept for them; they cost nothing more."""
        index = torch.tensor(members, device=self.device)
        for module in dict.fromkeys((self.module, self.evaluated)):
            for tensor in member_tensors(module).values():
                tensor.data = tensor.data[index]
                tensor.grad = None
        for moments in self.optimizer.state.values():
            for name in MOMENTS:
                moments[name] = moments[name][index]
        self.configs = [self.configs[member] for member in members]
        self.streams = 0
        self.of_member = None

    def moving(self) -> list[Tensor]:
        """The tensors that a step changes, after the first: K… each, and Adam's counts of steps."""
        state = [tensor for moments in self.optimizer.state.values() for tensor in moments.values()]
        return [*self.module.parameters(), *state]

    def state(self, member: int) -> MemberState:
        """Copies of everything of one member that `restore` takes."""
        adam = {
            f"{name}.{moment}": self.optimizer.state[parameter][moment][member].clone()
            for name, parameter in self.module.named_parameters()
            if parameter in self.optimizer.state
            for moment in MOMENTS
        }
        average = member_state(self.evaluated, member) if self.decay else {}
        return MemberState(member_state(self.module, member), adam, average)

    def restore(self, states: list[MemberState], adam_steps: int) -> None:
        """Go on from every member's state after a number of steps."""
        for member, state in enumerate(states):
            load_member(self.module, member, state.weights)
            if self.decay:
                load_member(self.evaluated, member, state.average)
        self.adam_steps = adam_steps
        if adam_steps == 0:
            return
        for name, parameter in self._trained().items():
            moments = {
                moment: torch.stack([state.adam[f"{name}.{moment}"] for state in states]).to(self.device)
                for moment in MOMENTS
            }
            step = torch.tensor(float(adam_steps), device=self.device)
            self.optimizer.state[parameter] = {"step": step, **moments}

    def _per_member(self, values: Iterable[float]) -> Tensor:
        """K numbers as a tensor: K."""
        return torch.tensor(list(values), device=self.device, dtype=torch.float32)
