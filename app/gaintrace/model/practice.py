"""What a student did on the target's skill before its answer, added up. Shape letters: see the package's docstring."""

import torch
from torch import Tensor

from gaintrace.data.batches import Inputs, MemberInputs


def practised_before(worth: Tensor, inputs: MemberInputs) -> Tensor:
    """What the earlier interactions on each target's skill are worth together: KN → KN.

    For each group a matrix of "k practised the target's skill, before its answer" (BTT) times the worths: no loop over
    time, and no tensor over skills. Members of a stream share the matrices.
    """
    readers = inputs.members_of_stream
    by_stream = [_summed(worth.index_select(0, members), inputs.of_streams, s) for s, members in enumerate(readers)]
    if len(by_stream) == 1:
        return by_stream[0]
    return torch.cat(by_stream).index_select(0, torch.cat(readers).argsort())


def _summed(worth: Tensor, inputs: Inputs, stream: int) -> Tensor:
    """The same for the k members of one of S streams; worth: kN → kN. `inputs`: with a row a stream."""
    summed = []
    for group in inputs.length_groups:
        skill, target_skill, steps = (
            x[stream, group.start : group.stop].view(group.rows, group.positions)
            for x in (inputs.skill, inputs.target_skill, inputs.steps_to_last_answer)
        )  # BT each
        position = torch.arange(group.positions, device=worth.device)
        before = position <= (position + 1 - steps)[..., None]  # BTT
        counts = (before & (target_skill[..., None] == skill[:, None])).to(worth.dtype)
        grouped = worth[:, group.start : group.stop].view(-1, group.rows, group.positions)
        summed.append((counts @ grouped.permute(1, 2, 0)).permute(2, 0, 1).flatten(1))  # BTT · BTk
    return torch.cat(summed, dim=1)
