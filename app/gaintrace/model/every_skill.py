"""Mastery by evidence of every skill at once: the recursion of gaintrace.model.evidence, a position after the other.

Its closed form there, over pairs of positions, is of the target's skill alone; of all C skills it would take C times
the memory. Here a step updates all skills of all sequences that are that long. Nothing has a gradient. Shape letters:
see the package's docstring.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from gaintrace.data.batches import MemberInputs
from gaintrace.model.evidence import EvidenceCurve


@torch.no_grad()
def every_skill(curve: EvidenceCurve, inputs: MemberInputs, difficulty: Tensor | None) -> tuple[Tensor, Tensor]:
    """Mastery of every skill after each interaction, and the answers on it up to there: KNC each.

    `difficulty`: of the interactions' items, in logits, KN; None where items have none.
    """
    with torch.autocast(inputs.token.device.type, enabled=False):
        return _mastery(curve, inputs, _units(curve, inputs, difficulty)), _answers(inputs, curve.threshold.shape[1])


def _units(curve: EvidenceCurve, inputs: MemberInputs, difficulty: Tensor | None) -> Tensor:
    """What each interaction's answer counts for each skill, u of the recursion: KNC."""
    skill = inputs.skill[..., None]
    ease = curve.logit_start.gather(1, inputs.skill)[..., None]
    sign = torch.where(inputs.token >= curve.threshold.shape[1], 1.0, -1.0)[..., None].to(ease.dtype)
    harder = torch.zeros_like(sign) if difficulty is None else difficulty[..., None]
    units = torch.sigmoid(sign * (curve.logit_start[:, None] - (ease - harder)))
    units.mul_(2 * curve.logit_transfer.sigmoid()[:, None])
    return units.scatter_(2, skill, 2 * torch.sigmoid(sign * harder))


def _mastery(curve: EvidenceCurve, inputs: MemberInputs, units: Tensor) -> Tensor:
    """The recursion; units: KNC → KNC."""
    members, _, skills = units.shape
    groups = inputs.length_groups
    # Where in N each sequence begins, shorter ones first: at a position the sequences from some row on have not ended.
    begins = torch.cat(
        [torch.arange(group.rows, device=units.device) * group.positions + group.start for group in groups]
    )
    ends = [group.positions for group in groups for _ in range(group.rows)]
    log_retention = F.logsigmoid(curve.logit_retention)
    kept_by_own = log_retention.exp()
    kept = (log_retention * curve.logit_transfer.sigmoid()).exp()[:, None]  # K1C
    prior = curve.logit_prior_share.sigmoid() / curve.logit_retention.neg().sigmoid()
    mastery, weight = (
        x[:, None].expand(members, len(ends), skills).contiguous() for x in (curve.logit_start.sigmoid(), prior)
    )
    at_start = (inputs.position == 0)[:, None] if inputs.first is not None else None  # of a chunk inside a row
    fresh = curve.logit_start.sigmoid()[:, None], prior[:, None]
    right = (inputs.token >= skills).to(units.dtype)[..., None]
    kept_on_skill = kept_by_own.gather(1, inputs.skill)[..., None]
    found = torch.empty_like(units)
    first = 0
    for position in range(max(ends)):
        while ends[first] <= position:
            first += 1
        at = begins[first:] + position
        unit = units.index_select(1, at)
        left = kept.expand_as(unit).scatter(2, inputs.skill[:, at, None], kept_on_skill[:, at])
        weight, mastery = weight[:, -len(at) :], mastery[:, -len(at) :]
        if at_start is not None:
            mastery, weight = (
                torch.where(at_start[at], start, so_far) for start, so_far in zip(fresh, (mastery, weight), strict=True)
            )
        weight = weight.mul(left).add_(unit)
        mastery = mastery + unit.div_(weight).mul_(right[:, at] - mastery)
        found.index_copy_(1, at, mastery)
    return found


def _answers(inputs: MemberInputs, skills: int) -> Tensor:
    """Answers on each skill up to each interaction: KNC."""
    members, tokens = inputs.skill.shape
    own = torch.zeros(members, tokens, skills, device=inputs.skill.device).scatter_(2, inputs.skill[..., None], 1.0)
    so_far = torch.cat(
        [
            own[:, g.start : g.stop].view(members, g.rows, g.positions, skills).cumsum(dim=2).flatten(1, 2)
            for g in inputs.length_groups
        ],
        dim=1,
    )
    if (first := inputs.first) is None:
        return so_far
    # Of a row that several chunks share, less what came before the chunk.
    before = (torch.arange(tokens, device=so_far.device) - inputs.position - 1).clamp(min=0)
    return so_far - so_far.index_select(1, before).masked_fill((first.flatten() == 0)[:, None], 0.0)
