"""Layers with a member axis: K independent copies of a layer computed at once.

A module is built for one member (K = 1) from torch's default initialisation and stacked afterwards, so a member's
initial weights depend on its seed alone and never on its neighbours. See the package's docstring for shape letters.
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Linear(nn.Module):
    """y = x·W + b for each member. x: K…I → K…O."""

    def __init__(self, d_in: int, d_out: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(d_in)  # what torch.nn.Linear uses
        self.weight = nn.Parameter(torch.empty(1, d_in, d_out).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(1, 1, d_out).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Apply each member's map to its slice of x: K…I → K…O."""
        members, d_in, d_out = self.weight.shape
        y = torch.baddbmm(self.bias, x.reshape(members, -1, d_in), self.weight)
        return y.view(*x.shape[:-1], d_out)


class Embedding(nn.Module):
    """One table of V rows a member. index: KN → KND."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, rows, width))  # what torch.nn.Embedding uses

    def forward(self, index: Tensor) -> Tensor:
        """Look each member's indices up in its own table: KN → KND."""
        return look_up(self.weight, index)

    def table(self) -> Tensor:
        """The rows of each member: KVD."""
        return self.weight


class ComposedEmbedding(nn.Module):
    """One table of 2C rows a member, of what skill c and response r share with others and what they do not.

    E[c + C·r] = skill[c] + response[r] + own[c + C·r], where `own` starts at a tenth of the others' size: what a wrong
    answer on a skill means is learned from right ones and from other skills as well, and only what is left from itself.
    """

    def __init__(self, skills: int, width: int) -> None:
        super().__init__()
        self.skill = nn.Parameter(torch.randn(1, skills, width))
        self.response = nn.Parameter(torch.randn(1, 2, width))
        self.own = nn.Parameter(0.1 * torch.randn(1, 2 * skills, width))

    def table(self) -> Tensor:
        """The rows of each member: K,2C,D."""
        shared = self.skill[:, None] + self.response[:, :, None]  # K2CD
        return shared.flatten(1, 2) + self.own


def look_up(table: Tensor, index: Tensor) -> Tensor:
    """Rows of each member's own table. table: KVD; index: KN → KND.

    A linear map of an embedding is looked up too, in the mapped table: V products of rows instead of N.
    """
    members, rows, _ = table.shape
    offset = torch.arange(members, device=index.device).mul_(rows).view(-1, 1)
    return F.embedding(index + offset, table.flatten(0, 1))


class LayerNorm(nn.Module):
    """Normalises the last axis; each member has its own gain and bias. x: KND → KND."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, 1, width))
        self.bias = nn.Parameter(torch.zeros(1, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise, then apply each member's gain and bias: KND → the same."""
        width = x.shape[-1:]
        if len(self.weight) == 1:  # the fused kernel takes one gain and bias
            return F.layer_norm(x, width, self.weight.view(width), self.bias.view(width))
        return torch.addcmul(self.bias, F.layer_norm(x, width), self.weight)


class Dropout:
    """Dropout whose masks belong to seeds, not to members.

    A mask is drawn once for each stream from that stream's generator and used by all its members, so what a member
    sees does not depend on which others are trained beside it, and runs that differ in one number are compared
    under the same noise.
    """

    def __init__(self, probability: float, seeds: list[int], stream_of_member: Tensor) -> None:
        """`seeds`: one for each of S; `stream_of_member`: K indices into them, on the device of the masks."""
        self.probability = probability
        self.stream_of_member = stream_of_member
        self.generators = [torch.Generator(stream_of_member.device) for _ in seeds]
        self.seed(seeds)

    def seed(self, seeds: list[int]) -> None:
        """Start every stream's masks anew, from the same generators: a recorded step goes on drawing from them."""
        for generator, seed in zip(self.generators, seeds, strict=True):
            generator.manual_seed(seed)

    def renew(self, states: Iterator[Tensor]) -> None:
        """Go on with other generators in the next S of these states, whose shape is torch's own affair."""
        device = self.stream_of_member.device
        self.generators = [torch.Generator(device).set_state(next(states)) for _ in self.generators]

    def __call__(self, x: Tensor) -> Tensor:
        """Zero each element with the given probability and scale the rest to keep the mean. x: KND → the same."""
        if self.probability == 0:
            return x
        masks = [self._mask(x.shape[1:], x.dtype, generator) for generator in self.generators]
        if len(masks) == 1:
            return x * masks[0]
        return x * torch.stack(masks)[self.stream_of_member]

    def _mask(self, shape: torch.Size, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
        """0, or what the kept elements are scaled by, for every element of a stream; `shape`: N,D → ND."""
        # Four 16-bit draws come out of one 64-bit draw: a quarter of the time of Tensor.bernoulli_ on a CPU, for a
        # probability rounded to 1/65536. Comparing into floats takes a sixth of comparing and converting.
        count = shape.numel()
        draws = torch.empty((count + 3) // 4, dtype=torch.int64, device=generator.device)
        bits = draws.random_(-(2**63), None, generator=generator).view(torch.int16)[:count]
        threshold = round(self.probability * 2**16) - 2**15
        kept = torch.ge(bits, threshold, out=torch.empty(count, dtype=dtype, device=bits.device))
        return kept.mul_(1 / (1 - self.probability)).view(shape)


def no_dropout(x: Tensor) -> Tensor:
    """What stands for Dropout in evaluation. x: KND → the same."""
    return x
