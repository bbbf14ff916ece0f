"""Causal attention inside the sequences of a batch, by length groups. Shape letters: see the package's docstring."""

import torch
import torch.nn.functional as F
from torch import Tensor

from gaintrace.data.groups import LengthGroup
from gaintrace.model.asking import Questions


def distance_bias(groups: list[LengthGroup], heads: int, device: torch.device) -> Tensor:
    """−slope[h] · (t − k) for query t and key k <= t, −inf for later keys: H,T,1 + T, T the longest group's positions.

    Attention fades with distance, in each head at a pace of its own: slopes 2^(−8h/H) for h = 1…H (ALiBi, Press et al.
    2022). It replaces positional embeddings and, unlike them, means the same at any length. The first column is of an
    attention sink, a key and value of zero that every query sees: it takes the weight that no interaction earns, so
    that what attention finds grows with how much there was to find. A softmax alone says the same of one practice and
    of ten.
    """
    position = torch.arange(max(group.positions for group in groups), device=device)
    distance = position[:, None] - position
    return F.pad((_slopes(heads, device) * -distance).masked_fill(distance < 0, -torch.inf), (1, 0))


def _slopes(heads: int, device: torch.device) -> Tensor:
    """How fast attention fades in each head: H11."""
    return torch.exp2(torch.arange(1, heads + 1, device=device) * (-8 / heads)).view(-1, 1, 1)


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
    `distance_bias`, and with it comes its attention sink. `steps_to_last_answer`: KN, as in Inputs; a position t then
    sees those up to t + 1 − steps, the last before the target's answer, instead of those up to t.
    """
    streams: tuple[Tensor, ...] = (*query_key, value) if isinstance(query_key, tuple) else (query_key, value)
    if value.device.type == "cpu":
        # Under autocast, too: the backward pass of torch's attention in bf16 takes several times that in fp32 there.
        streams = tuple(stream.float() for stream in streams)
    sizes = [group.stop - group.start for group in groups]
    parts = [part for stream in streams for part in torch.split(stream, value.shape[-1], dim=-1)]  # KND each
    by_group = zip(*(torch.split(part, sizes, dim=1) for part in parts), strict=True)
    steps = [None] * len(groups) if steps_to_last_answer is None else torch.split(steps_to_last_answer, sizes, dim=1)
    attended = []
    with torch.autocast("cpu", enabled=False):
        for group, own, of_targets in zip(groups, by_group, steps, strict=True):
            query, key, val = (_sequences(part, group, heads) for part in own)
            sequences = _attend(query, key, val, _mask(group, bias, of_targets), sink=bias is not None)
            attended.append(sequences.transpose(1, 2).reshape(len(value), -1, value.shape[-1]))
    return torch.cat(attended, dim=1)


def attend_questions(
    query: Tensor, key: Tensor, value: Tensor, questions: Questions, heads: int, faded: bool
) -> Tensor:
    """Attention of questions over the interactions that count for them: query 1,BA,D; key, value 1,BT,D → 1,BA,D.

    `faded`: by the distance to the interaction before the target, with the sink of `distance_bias`.
    """
    rows, asked = questions.last.shape
    query, key, value = (
        x.float().view(rows, -1, heads, x.shape[-1] // heads).transpose(1, 2) for x in (query, key, value)
    )
    steps = key.shape[2]
    hidden = torch.zeros(rows, asked, steps, device=key.device).masked_fill(~questions.seen(steps), -torch.inf)[:, None]
    if faded:
        distance = questions.at[..., None] - torch.arange(steps, device=key.device)
        hidden = F.pad(hidden - _slopes(heads, key.device) * distance[:, None], (1, 0))
    return _attend(query, key, value, hidden, sink=faded).transpose(1, 2).reshape(1, rows * asked, -1)


def _sequences(part: Tensor, group: LengthGroup, heads: int) -> Tensor:
    """The tokens of a group as sequences, a head each: K,BT,D → KB,H,T,D/H; without a copy where K is 1."""
    members, _, width = part.shape
    return part.reshape(members * group.rows, group.positions, heads, width // heads).transpose(1, 2)


def _mask(group: LengthGroup, bias: Tensor | None, steps_to_last_answer: Tensor | None) -> Tensor | None:
    """What is added to the scores, broadcast over KB,H,T,T (1 + T with a bias); None: nothing but causality.

    `bias`: H,T,1 + T of the longest group; `steps_to_last_answer`: K,BT.
    """
    faded = None if bias is None else bias[:, : group.positions, : group.positions + 1]
    if steps_to_last_answer is None:
        return faded
    position = torch.arange(group.positions, device=steps_to_last_answer.device)
    steps = steps_to_last_answer.reshape(-1, group.positions)  # KB,T
    last = (position + 1 - steps).clamp(min=0)  # no target is before position 0
    seen = (position <= last[..., None])[:, None]  # KB,1,T,T
    hidden = torch.zeros(seen.shape, device=seen.device).masked_fill(~seen, -torch.inf)
    return hidden if faded is None else faded + F.pad(hidden, (1, 0))


def _attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, sink: bool) -> Tensor:
    """Query, key and value of a group: KB,H,T,D/H each → the same. `sink`: with one before all keys."""
    if sink:
        key, value = F.pad(key, (0, 0, 1, 0)), F.pad(value, (0, 0, 1, 0))
    if mask is None:
        return F.scaled_dot_product_attention(query, key, value, is_causal=True)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask.to(query.dtype))
