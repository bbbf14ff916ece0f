"""Causal attention inside the sequences of a batch, group by group. Shape letters: see the package's docstring."""

import torch
import torch.nn.functional as F
from torch import Tensor

from gaintrace.data.groups import Group


def distance_bias(groups: list[Group], heads: int, device: torch.device) -> Tensor:
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
    query: Tensor,
    key: Tensor,
    value: Tensor,
    groups: list[Group],
    heads: int,
    bias: Tensor | None = None,
    back: Tensor | None = None,
) -> Tensor:
    """Multi-head attention of each position over those up to it: KND each → KND.

    Padding is at the end of a sequence, so no position sees it. `bias`: from `distance_bias`. `back`: KN, as in Batch;
    a position t then sees those up to t + 1 − back, the last before the target's answer, instead of those up to t.
    """
    if query.device.type == "cpu":
        # Under autocast, too: the backward pass of torch's attention in bf16 takes several times that in fp32 there.
        query, key, value = query.float(), key.float(), value.float()
    sizes = [group.stop - group.start for group in groups]
    parts = zip(*(torch.split(x, sizes, dim=1) for x in (query, key, value)), strict=True)
    backs = [None] * len(groups) if back is None else torch.split(back, sizes, dim=1)
    with torch.autocast("cpu", enabled=False):
        attended = [
            _attend(streams, group, heads, _mask(group, bias, own), bias is not None)
            for streams, group, own in zip(parts, groups, backs, strict=True)
        ]
    return torch.cat(attended, dim=1)


def _mask(group: Group, bias: Tensor | None, back: Tensor | None) -> Tensor | None:
    """What is added to the scores, broadcast over KB,H,T,T (1 + T with a bias); None: nothing but causality."""
    faded = None if bias is None else bias[:, : group.positions, : group.positions + 1]
    if back is None:
        return faded
    position = torch.arange(group.positions, device=back.device)
    last = (position + 1 - back.reshape(-1, group.positions)).clamp(min=0)  # no target is before position 0
    seen = (position <= last[..., None])[:, None]  # KB,1,T,T
    hidden = torch.zeros(seen.shape, device=back.device).masked_fill(~seen, -torch.inf)
    return hidden if faded is None else faded + F.pad(hidden, (1, 0))


def _attend(streams: tuple[Tensor, ...], group: Group, heads: int, mask: Tensor | None, nothing: bool) -> Tensor:
    """Query, key and value of a group: K,BT,D each → K,BT,D. `nothing`: with a key and value of zero before all."""
    members, _, width = streams[0].shape
    shape = (members * group.rows, group.positions, heads, width // heads)
    query, key, value = (x.reshape(shape).transpose(1, 2) for x in streams)  # KB,H,T,D/H
    if nothing:
        key, value = F.pad(key, (0, 0, 1, 0)), F.pad(value, (0, 0, 1, 0))
    if mask is None:
        attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
    else:
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=mask.to(query.dtype))
    return attended.transpose(1, 2).reshape(members, -1, width)
