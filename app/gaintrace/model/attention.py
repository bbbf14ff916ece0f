"""Causal attention inside the chunks of a batch, by length groups. Shape letters: see the package's docstring."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from gaintrace.data.batches import Inputs
from gaintrace.data.groups import LengthGroup
from gaintrace.data.packing import ALIGNED
from gaintrace.model.asking import Questions


@dataclass(frozen=True)
class Sight:
    """What the queries of a batch see: for each group what is added to the scores, KB,H,T,S + T, as far as it differs.

    None: nothing but causality. `sink`: S, how many keys of zero come before all others.
    """

    masks: list[Tensor | None]
    sink: int


def distance_bias(positions: int, heads: int, device: torch.device, sink: int = 1) -> Tensor:
    """−slope[h] · (t − k) for query t and key k <= t, −inf for later keys: H,T,S + T.

    Attention fades with distance, in each head at a pace of its own: slopes 2^(−8h/H) for h = 1…H (ALiBi, Press et al.
    2022). It replaces positional embeddings and, unlike them, means the same at any length. The column before the
    others is of an attention sink, a key and value of zero that every query sees: it takes the weight that no
    interaction earns, so that what attention finds grows with how much there was to find. A softmax alone says the same
    of one practice and of ten. `sink`: S columns, of which no query sees the others.
    """
    position = torch.arange(positions, device=device)
    distance = position[:, None] - position
    bias = (_slopes(heads, device) * -distance).masked_fill(distance < 0, -torch.inf)
    return F.pad(F.pad(bias, (1, 0)), (sink - 1, 0), value=-torch.inf)


def sight(inputs: Inputs, heads: int, fades: bool, to_last_answer: bool = False) -> Sight:
    """What each position sees: its chunk up to itself. The same for all blocks of a stack.

    `fades`: with distance, and a sink. `to_last_answer`: up to the last interaction before its target's answer.
    """
    # Padding is at the end of a chunk, so no position of it is seen.
    groups = inputs.length_groups
    sink = 0 if not fades else ALIGNED if any(group.packed for group in groups) else 1
    device = inputs.token.device
    longest = max(group.positions for group in groups)
    bias = distance_bias(longest, heads, device, sink) if fades else None
    steps = inputs.steps_to_last_answer if to_last_answer else None
    masks = [_mask(group, inputs, bias, steps, sink) for group in groups]
    kind = torch.get_autocast_dtype(device.type)
    if device.type != "cpu" and torch.is_autocast_enabled(device.type):
        masks = [None if mask is None else mask.to(kind) for mask in masks]
    return Sight(masks, sink)


def _mask(group: LengthGroup, inputs: Inputs, bias: Tensor | None, steps: Tensor | None, sink: int) -> Tensor | None:
    """`bias`: H,T,S + T of the longest group; `steps`: KN to the last answer."""
    faded = None if bias is None else bias[:, : group.positions, : group.positions + sink]
    if steps is None and inputs.hidden is None:
        return faded
    hidden = inputs.hidden if steps is None else _hidden(group, inputs, steps)
    assert hidden is not None
    members = len(inputs.token)
    if len(hidden) < members * group.rows:
        hidden = hidden.expand(members, *hidden.shape).flatten(0, 1)
    return hidden if faded is None else faded + F.pad(hidden, (sink, 0))


def _hidden(group: LengthGroup, inputs: Inputs, steps: Tensor) -> Tensor:
    """−∞ where an interaction is not up to the last one before a target's answer, else 0: KB,1,T,T."""
    first = inputs.first
    position = torch.arange(group.positions, device=steps.device)
    last = position + 1 - steps[:, group.start : group.stop].reshape(-1, group.positions)  # KB,T
    # No target is before its chunk.
    last = last.clamp(min=0) if first is None else last.view(-1, *first.shape).maximum(first)
    seen = position <= last[..., None]
    if first is not None:
        seen = (seen & (position >= first[..., None])).flatten(0, 1)
    return torch.where(seen[:, None], 0.0, -torch.inf)


def _slopes(heads: int, device: torch.device) -> Tensor:
    """How fast attention fades in each head: H11."""
    return torch.exp2(torch.arange(1, heads + 1, device=device) * (-8 / heads)).view(-1, 1, 1)


def attend(
    query_key: Tensor | tuple[Tensor, Tensor], value: Tensor, groups: list[LengthGroup], heads: int, seen: Sight
) -> Tensor:
    """Multi-head attention of each position over those it sees: query, key and value of KND each → KND.

    `query_key`: both, or both in one KN,2D.
    """
    streams: tuple[Tensor, ...] = (*query_key, value) if isinstance(query_key, tuple) else (query_key, value)
    if value.device.type == "cpu":
        # Under autocast, too: the backward pass of torch's attention in bf16 takes several times that in fp32 there.
        streams = tuple(stream.float() for stream in streams)
    parts = [part for s in streams for part in _cut(s, [value.shape[-1]] * (s.shape[-1] // value.shape[-1]), -1)]
    sizes = [group.stop - group.start for group in groups]
    by_group = zip(*(_cut(part, sizes, 1) for part in parts), strict=True)  # KND each
    attended = []
    with torch.autocast("cpu", enabled=False):
        for group, own, mask in zip(groups, by_group, seen.masks, strict=True):
            query, key, val = (_sequences(part, group, heads) for part in own)
            sequences = _attend(query, key, val, mask, seen.sink)
            attended.append(sequences.transpose(1, 2).reshape(len(value), -1, value.shape[-1]))
    return attended[0] if len(attended) == 1 else torch.cat(attended, dim=1)


def _cut(stream: Tensor, sizes: list[int], dim: int) -> tuple[Tensor, ...]:
    """Parts of a stream; itself where there is one, whose gradient would be copied otherwise."""
    return (stream,) if len(sizes) == 1 else torch.split(stream, sizes, dim=dim)


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
    return _attend(query, key, value, hidden, sink=int(faded)).transpose(1, 2).reshape(1, rows * asked, -1)


def _sequences(part: Tensor, group: LengthGroup, heads: int) -> Tensor:
    """The tokens of a group as sequences, a head each: K,BT,D → KB,H,T,D/H; a copy only of one group of several."""
    members, _, width = part.shape
    return part.reshape(members * group.rows, group.positions, heads, width // heads).transpose(1, 2)


def _attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, sink: int) -> Tensor:
    """Query, key and value of a group: KB,H,T,D/H each → the same. `sink`: keys of zero before all others."""
    if sink:
        key, value = F.pad(key, (0, 0, sink, 0)), F.pad(value, (0, 0, sink, 0))
    if mask is None:
        return F.scaled_dot_product_attention(query, key, value, is_causal=True)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask.to(query.dtype))
