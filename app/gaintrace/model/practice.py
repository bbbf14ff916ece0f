"""What a student did on the target's skill, or item, before its answer. Shape letters: see the package's docstring."""

from typing import Literal

import torch
from torch import Tensor

from gaintrace.data.batches import Inputs, MemberInputs
from gaintrace.model.asking import Questions

On = Literal["skill", "item"]


def practised_before(worth: Tensor, inputs: MemberInputs, on: On = "skill") -> Tensor:
    """What the earlier interactions on each target's skill are worth together: KN → KN.

    `on`: or those on its item; of one that training does not know there is none. For each group a matrix of
    "k practised the target's skill, before its answer" (BTT) times the worths: no loop over time, and no tensor over
    skills. Members of a stream share the matrices.
    """
    readers = inputs.members_of_stream
    by_stream = [_summed(worth.index_select(0, members), inputs.of_streams, s, on) for s, members in enumerate(readers)]
    if len(by_stream) == 1:
        return by_stream[0]
    return torch.cat(by_stream).index_select(0, torch.cat(readers).argsort())


def practised(worth: Tensor, inputs: MemberInputs, questions: Questions) -> Tensor:
    """What the interactions that count for each question, on its skill, are worth together: 1,BT → 1,BA."""
    rows = questions.skill.shape[0]
    own = questions.own(inputs.skill.view(rows, -1)).to(worth.dtype)  # BAT
    return torch.matmul(own, worth.view(rows, -1, 1)).view(1, -1)


def _summed(worth: Tensor, inputs: Inputs, stream: int, on: On) -> Tensor:
    """The same for the k members of one of S streams; worth: kN → kN. `inputs`: with a row a stream."""
    of, asked = (inputs.skill, inputs.target_skill) if on == "skill" else (inputs.item, inputs.known_target_item)
    summed = []
    for group in inputs.length_groups:
        practised, target, steps = (
            x[stream, group.start : group.stop].view(group.rows, group.positions)
            for x in (of, asked, inputs.steps_to_last_answer)
        )  # BT each
        position = torch.arange(group.positions, device=worth.device)
        before = position <= (position + 1 - steps)[..., None]  # BTT
        if (first := inputs.first) is not None:
            before = before & (position >= first[..., None])
        counts = (before & (target[..., None] == practised[:, None])).to(worth.dtype)
        grouped = worth[:, group.start : group.stop].view(-1, group.rows, group.positions)
        summed.append((counts @ grouped.permute(1, 2, 0)).permute(2, 0, 1).flatten(1))  # BTT · BTk
    return torch.cat(summed, dim=1)
