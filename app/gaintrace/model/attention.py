"""Causal attention inside the sequences of a batch, group by group. Shape letters: see the package's docstring."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gaintrace.data.groups import LengthGroup


def distance_bias(groups: list[LengthGroup], heads: int, device: torch.device) -> Tensor:
    """−slope[h] · (t − k) for query t and key k <= t, −inf for later keys: H,T,1 + T, T the longest group's positions.

    Attention fades with distance, in each head at a pace of its own: slopes 2^(−8h/H) for h = 1…H (ALiBi, Press et al.
    2022). It replaces positional embeddings and, unlike them, means the same at any length. The first column is of a
    key and value of zero that every query sees: it takes the weight that no interaction earns, so that what attention
    finds grows with how much there was to find. A softmax alone says the same of one practice and of ten.
    """
    position = torch.arange(max(group.positions for group in groups), device=device)
    distance = position[:, None] - position
    slope = torch.exp2(torch.arange(1, heads + 1, device=device) * (-8 / heads))
    return F.pad((slope.view(-1, 1, 1) * -distance).masked_fill(distance < 0, -torch.inf), (1, 0))


def attend(
    query_key: Tensor | tuple[Tensor, Tensor],
    value: Tensor,
    groups: list[LengthGroup],
    heads: int,
    bias: Tensor | None = None,
    steps_to_last_answer: Tensor | None = None,
) -> Tensor:
    """Multi-head attention of each position over those up to it: query, key and value of KND each → KND.

    `query_key`: both, or both in one KN,2D. Padding is at the end of a sequence, so no position sees it. `bias`: from
    `distance_bias`. `steps_to_last_answer`: KN, as in Inputs; a position t then sees those up to t + 1 − steps,
    the last before the target's answer, instead of those up to t.
    """
    streams: tuple[Tensor, ...] = (*query_key, value) if isinstance(query_key, tuple) else (query_key, value)
    if value.device.type == "cpu":
        # Under autocast, too: the backward pass of torch's attention in bf16 takes several times that in fp32 there.
        streams = tuple(stream.float() for stream in streams)
    sequences = iter(_Cut.apply(groups, value.shape[-1], heads, *streams))  # type: ignore[no-untyped-call]
    sizes = [group.stop - group.start for group in groups]
    steps = [None] * len(groups) if steps_to_last_answer is None else torch.split(steps_to_last_answer, sizes, dim=1)
    with torch.autocast("cpu", enabled=False):
        attended = [
            _attend(next(sequences), next(sequences), next(sequences), _mask(group, bias, own), bias is not None)
            for group, own in zip(groups, steps, strict=True)
        ]
    joined: Tensor = _Join.apply(groups, *attended)  # type: ignore[no-untyped-call]
    return joined


class _Cut(torch.autograd.Function):
    """Query, key and value of each group, KB,H,T,D/H each, out of streams of KND, or KN,2D where two are in one.

    `_Cut` and `_Join` are views and copies that autograd could take back by itself, one operator after another; that
    would copy the gradient of each stream several times, and take hundreds of operators a batch.
    """

    @staticmethod
    def forward(ctx: Any, groups: list[LengthGroup], width: int, heads: int, *streams: Tensor) -> tuple[Tensor, ...]:
        ctx.groups, ctx.width, ctx.shapes = groups, width, [stream.shape for stream in streams]
        parts = [part for stream in streams for part in torch.split(stream, width, dim=-1)]
        return tuple(_sequences(part, group, heads) for group in groups for part in parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        streams = [gradients[0].new_empty(shape) for shape in ctx.shapes]
        parts = [part for stream in streams for part in torch.split(stream, ctx.width, dim=-1)]
        for i, part in enumerate(parts):
            _write(part, ctx.groups, gradients[i :: len(parts)])
        return None, None, None, *streams


class _Join(torch.autograd.Function):
    """One stream, KND, out of KB,H,T,D/H for each group."""

    @staticmethod
    def forward(ctx: Any, groups: list[LengthGroup], *sequences: Tensor) -> Tensor:
        first, (rows, heads, _, width) = groups[0], sequences[0].shape
        ctx.groups, ctx.heads = groups, heads
        joined = sequences[0].new_empty(rows // first.rows, groups[-1].stop, heads * width)
        _write(joined, groups, sequences)
        return joined

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return None, *(_sequences(gradient, group, ctx.heads) for group in ctx.groups)


def _sequences(stream: Tensor, group: LengthGroup, heads: int) -> Tensor:
    """A group of a stream, KND → KB,H,T,D/H; without a copy where K is 1."""
    members, _, width = stream.shape
    part = stream[:, group.start : group.stop]
    return part.reshape(members * group.rows, group.positions, heads, width // heads).transpose(1, 2)


def _write(stream: Tensor, groups: list[LengthGroup], sequences: Sequence[Tensor]) -> None:
    """Write every group's KB,H,T,D/H to its place in a stream, KND."""
    for group, sequence in zip(groups, sequences, strict=True):
        shape = (len(stream), group.rows, group.positions, sequence.shape[1], -1)
        stream[:, group.start : group.stop].view(shape).copy_(sequence.transpose(1, 2).reshape(shape))


def _mask(group: LengthGroup, bias: Tensor | None, back: Tensor | None) -> Tensor | None:
    """What is added to the scores, broadcast over KB,H,T,T (1 + T with a bias); None: nothing but causality."""
    faded = None if bias is None else bias[:, : group.positions, : group.positions + 1]
    if back is None:
        return faded
    position = torch.arange(group.positions, device=back.device)
    last = (position + 1 - back.reshape(-1, group.positions)).clamp(min=0)  # no target is before position 0
    seen = (position <= last[..., None])[:, None]  # KB,1,T,T
    hidden = torch.zeros(seen.shape, device=back.device).masked_fill(~seen, -torch.inf)
    return hidden if faded is None else faded + F.pad(hidden, (1, 0))


def _attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, nothing: bool) -> Tensor:
    """Query, key and value of a group: KB,H,T,D/H each → the same. `nothing`: with a key and value of zero first."""
    if nothing:
        key, value = F.pad(key, (0, 0, 1, 0)), F.pad(value, (0, 0, 1, 0))
    if mask is None:
        return F.scaled_dot_product_attention(query, key, value, is_causal=True)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask.to(query.dtype))
