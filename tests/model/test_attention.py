"""Attention by groups, against a loop over positions."""

import math
from types import SimpleNamespace

import pytest
import torch

from gaintrace.data.groups import LengthGroup
from gaintrace.model.attention import attend, sight

LENGTH_GROUPS = [LengthGroup(0, 6, 2, 3), LengthGroup(6, 16, 2, 5)]
HEADS, WIDTH, MEMBERS = 2, 8, 2


def inputs_of(steps):
    """As much of a batch's inputs as attention reads. steps: KN to the last answer."""
    position = torch.cat([torch.arange(group.positions).repeat(group.rows) for group in LENGTH_GROUPS])
    return SimpleNamespace(
        length_groups=LENGTH_GROUPS,
        first=None,
        hidden=None,
        position=position,
        token=torch.zeros_like(steps),
        steps_to_last_answer=steps,
    )


def slow(query, key, value, steps, fades):
    """One position, head and member at a time."""
    result = torch.zeros(query.shape)
    half = WIDTH // HEADS
    for k in range(len(query)):
        for first in (0, 3, 6, 11):
            for t in range(3 if first < 6 else 5):
                last = max(0, t + 1 - int(steps[k, first + t]))
                for h, part in enumerate((slice(0, half), slice(half, WIDTH))):
                    seen = slice(first, first + last + 1)
                    scores = key[k, seen, part] @ query[k, first + t, part] / math.sqrt(half)
                    sink = torch.tensor([0.0] if fades else [-torch.inf])
                    if fades:
                        scores = scores - 2.0 ** (-8 * (h + 1) / HEADS) * (t - torch.arange(last + 1))
                    weights = torch.cat([sink, scores]).softmax(0)[1:]
                    result[k, first + t, part] = weights @ value[k, seen, part]
    return result


@pytest.mark.parametrize("fades", [False, True])
@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("members", [1, MEMBERS])
def test_attention_and_its_gradients_are_a_softmax_over_what_may_be_seen_and_the_sink(fades, ahead, members):
    generator = torch.Generator().manual_seed(1)
    streams = [torch.randn(members, 16, WIDTH, generator=generator).requires_grad_() for _ in range(3)]
    steps = torch.randint(1, 4, (members, 16), generator=generator) if ahead else torch.ones(members, 16).long()
    seen = sight(inputs_of(steps), HEADS, fades, ahead)
    attended = attend((streams[0], streams[1]), streams[2], LENGTH_GROUPS, HEADS, seen)
    expected = slow(*streams, steps, fades)
    assert torch.allclose(attended, expected, atol=1e-5)
    gradient = torch.randn(attended.shape, generator=generator)
    for own, true in zip(
        torch.autograd.grad(attended, streams, gradient), torch.autograd.grad(expected, streams, gradient), strict=True
    ):
        assert torch.allclose(own, true, atol=1e-5)


def test_queries_and_keys_may_come_in_one_stream():
    streams = [torch.randn(MEMBERS, 16, WIDTH).requires_grad_() for _ in range(3)]
    seen = sight(inputs_of(torch.ones(MEMBERS, 16).long()), HEADS, fades=False)
    apart = attend((streams[0], streams[1]), streams[2], LENGTH_GROUPS, HEADS, seen)
    joined = torch.cat(streams[:2], dim=-1).detach().requires_grad_()
    together = attend(joined, streams[2], LENGTH_GROUPS, HEADS, seen)
    assert torch.equal(together, apart)
    (gradient,) = torch.autograd.grad(together.square().sum(), joined)
    assert torch.equal(gradient, torch.cat(torch.autograd.grad(apart.square().sum(), streams[:2]), dim=-1))
