"""Attention by groups, against a loop over positions."""

import math

import pytest
import torch

from gaintrace.data.groups import Group
from gaintrace.model.attention import attend, distance_bias

GROUPS = [Group(0, 6, 2, 3), Group(6, 16, 2, 5)]
HEADS, WIDTH, MEMBERS = 2, 8, 2


def slow(query, key, value, back, fades):
    """One position, head and member at a time."""
    result = torch.zeros_like(query)
    half = WIDTH // HEADS
    for k in range(MEMBERS):
        for first in (0, 3, 6, 11):
            for t in range(3 if first < 6 else 5):
                last = max(0, t + 1 - int(back[k, first + t]))
                for h, part in enumerate((slice(0, half), slice(half, WIDTH))):
                    seen = slice(first, first + last + 1)
                    scores = key[k, seen, part] @ query[k, first + t, part] / math.sqrt(half)
                    nothing = torch.tensor([0.0] if fades else [-torch.inf])
                    if fades:
                        scores = scores - 2.0 ** (-8 * (h + 1) / HEADS) * (t - torch.arange(last + 1))
                    weights = torch.cat([nothing, scores]).softmax(0)[1:]
                    result[k, first + t, part] = weights @ value[k, seen, part]
    return result


@pytest.mark.parametrize("fades", [False, True])
@pytest.mark.parametrize("ahead", [False, True])
def test_attention_is_a_softmax_over_what_may_be_seen_and_nothing(fades, ahead):
    generator = torch.Generator().manual_seed(1)
    query, key, value = (torch.randn(MEMBERS, 16, WIDTH, generator=generator) for _ in range(3))
    back = torch.randint(1, 4, (MEMBERS, 16), generator=generator) if ahead else torch.ones(MEMBERS, 16).long()
    bias = distance_bias(GROUPS, HEADS, query.device) if fades else None
    attended = attend(query, key, value, GROUPS, HEADS, bias, back if ahead else None)
    assert torch.allclose(attended, slow(query, key, value, back, fades), atol=1e-5)
