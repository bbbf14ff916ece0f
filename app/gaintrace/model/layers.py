"""Layers with a member axis: K independent copies of a layer computed at once.

A module is built for one member (K = 1) from torch's default initialisation and stacked afterwards, so a member's
initial weights depend on its seed alone and never on its neighbours. See the package's docstring for shape letters.
"""

import math
from collections.abc import Iterator
from typing import Any, Protocol

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

    def beside(self, x: Tensor, fused: bool) -> tuple[Tensor, Tensor]:
        """x, to be used beside the map of it, and that map. `fused`: x's two gradients are added inside a product."""
        if not fused:
            return x, self(x)
        both: tuple[Tensor, Tensor] = _Beside.apply(x, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return both


class _Beside(torch.autograd.Function):
    """x, and y = x·W + b: the gradient of x is ∂x + ∂y·Wᵀ, one kernel."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x, weight)
        return x.view_as(x), torch.baddbmm(bias, x, weight)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (x, weight), (of_x, of_y) = ctx.saved_tensors, slopes
        own = torch.baddbmm(of_x, of_y, weight.transpose(1, 2))
        return own, torch.bmm(x.transpose(1, 2), of_y), of_y.sum(dim=1, keepdim=True)


class Embedding(nn.Module):
    """One table of V rows a member. index: KN → KND."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, rows, width))  # what torch.nn.Embedding uses

    def forward(self, index: "Tensor | Index") -> Tensor:
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


class Index:
    """Row numbers that several tables are looked up by, KN.

    On a GPU, rows are looked up by a product with ones and zeros, made once for all tables: its gradient is a product
    as well, where that of an embedding sorts the numbers first, in some eight kernels. Exact in fp32.
    """

    def __init__(self, number: Tensor, multiplied: bool | None = None) -> None:
        """`multiplied`: whether by a product; None: on a GPU."""
        self.number = number
        self.multiplied = number.device.type != "cpu" if multiplied is None else multiplied
        self.made: Tensor | None = None

    def ones(self, rows: int, like: Tensor) -> Tensor | None:
        """1 where a token's row is, else 0, KNV; None where rows are not looked up by products."""
        if not self.multiplied or rows > MOST_MULTIPLIED:
            return None
        if self.made is None or self.made.shape[-1] != rows:
            row = torch.arange(rows, device=self.number.device)
            self.made = (self.number[..., None] == row).to(like.dtype)
        return self.made


MOST_MULTIPLIED = 4096
"""Rows of a table that is looked up by a product: more cost more than sorting."""


def look_up(table: Tensor, index: Tensor | Index) -> Tensor:
    """Rows of each member's own table. table: KVD; index: KN → KND.

    A linear map of an embedding is looked up too, in the mapped table: V products of rows instead of N.
    """
    members, rows, _ = table.shape
    if isinstance(index, Index):
        if (ones := index.ones(rows, table)) is not None:
            return torch.bmm(ones, table)
        index = index.number
    if members > 1:
        index = index + torch.arange(0, members * rows, rows, device=index.device).view(-1, 1)
    return F.embedding(index, table.flatten(0, 1))


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


class Drop(Protocol):
    """Dropout, or what stands in its place."""

    def __call__(self, x: Tensor, onto: Tensor | None = None) -> Tensor:
        """x: KND → the same; `onto`: what it is added to, KND."""


class Dropout:
    """Dropout whose masks belong to seeds, not to members.

    A mask is drawn once for each stream from that stream's generator and used by all its members, so what a member
    sees does not depend on which others are trained beside it, and runs that differ in one number are compared
    under the same noise.
    """

    def __init__(
        self,
        probability: float,
        seeds: list[int],
        stream_of_member: Tensor,
        calls: "list[tuple[int, torch.dtype]] | None" = None,
    ) -> None:
        """`seeds`: one for each of S; `stream_of_member`: K indices into them, on the device of the masks.

        `calls`: the width and type of what is dropped from, call by call of a step, where `draw` is to draw for all.
        """
        self.probability = probability
        self.stream_of_member = stream_of_member
        self.calls = calls
        self.drawn: Iterator[Tensor] | None = None
        self.generators = [torch.Generator(stream_of_member.device) for _ in seeds]
        self.seed(seeds)

    def draw(self, tokens: int) -> None:
        """Draw the masks of all calls of a step at once: a kernel where launching many costs more. `tokens`: N."""
        if self.calls is None or self.probability == 0:
            return
        widths = [width for width, _ in self.calls]
        masks = [self._mask(torch.Size([tokens * sum(widths)]), self.calls[0][1], one) for one in self.generators]
        every = masks[0][None] if len(masks) == 1 else torch.stack(masks)[self.stream_of_member]
        parts = torch.split(every, [tokens * width for width in widths], dim=1)
        self.drawn = iter([part.view(-1, tokens, width) for part, width in zip(parts, widths, strict=True)])

    def seed(self, seeds: list[int]) -> None:
        """Start every stream's masks anew, from the same generators: a recorded step goes on drawing from them."""
        for generator, seed in zip(self.generators, seeds, strict=True):
            generator.manual_seed(seed)

    def renew(self, states: Iterator[Tensor]) -> None:
        """Go on with other generators in the next S of these states, whose shape is torch's own affair."""
        device = self.stream_of_member.device
        self.generators = [torch.Generator(device).set_state(next(states)) for _ in self.generators]

    def __call__(self, x: Tensor, onto: Tensor | None = None) -> Tensor:
        """Zero each element with the given probability and scale the rest to keep the mean. x: KND → the same.

        `onto`: what it is added to, KND.
        """
        if onto is not None and self.drawn is not None:
            return torch.addcmul(onto, x, next(self.drawn))
        return self._dropped(x) if onto is None else onto + self._dropped(x)

    def _dropped(self, x: Tensor) -> Tensor:
        if self.probability == 0:
            return x
        if self.drawn is not None:
            return x * next(self.drawn)
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


def no_dropout(x: Tensor, onto: Tensor | None = None) -> Tensor:
    """What stands for Dropout in evaluation. x: KND → the same, or what it is added to, KND, with it."""
    return x if onto is None else onto + x
