"""Any skills asked of students' histories, each history read once. Shape letters: see the package's docstring.

In training every interaction has one target, the next one. Here A questions are asked of each of B histories, which are
padded to T: of any skill, after any interaction. An encoder reads the histories once, and answers as it would have
predicted a target there. K is 1: one run's encoders.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gaintrace.data.batches import Inputs, MemberInputs, Members
from gaintrace.data.groups import LengthGroup


@dataclass(frozen=True)
class Questions:
    """What is asked of B histories, A questions each: BA each.

    `item`: 0 where a skill is asked and no item. `last`: the last interaction that counts. `at`: the interaction before
    the target, which is `last`, but where earlier rows of the target's own answer come between.
    """

    skill: Tensor
    item: Tensor
    last: Tensor
    at: Tensor

    def seen(self, steps: int) -> Tensor:
        """Which of T interactions count: BAT."""
        return torch.arange(steps, device=self.last.device) <= self.last[..., None]

    def own(self, skill: Tensor) -> Tensor:
        """Which of them practised the skill that is asked; skill: BT → BAT."""
        return self.seen(skill.shape[1]) & (self.skill[..., None] == skill[:, None])

    def same_item(self, item: Tensor) -> Tensor:
        """Which of them were on the item that is asked, none where it is not known; item: BT → BAT."""
        asked = torch.where(self.item > 0, self.item, -1)
        return self.seen(item.shape[1]) & (asked[..., None] == item[:, None])

    def at_last(self, x: Tensor) -> Tensor:
        """x at the last interaction that counts, one row a question: 1,BT,D → 1,BA,D."""
        histories, questions = self.last.shape
        per_history = x.view(histories, -1, x.shape[-1])
        index = self.last[..., None].expand(histories, questions, x.shape[-1])
        return per_history.gather(1, index).view(1, -1, x.shape[-1])


def histories(skill: Tensor, response: Tensor, item: Tensor, vocabulary: int) -> MemberInputs:
    """Inputs of histories that are read and asked nothing of their own; skill, response, item: BT each.

    `vocabulary`: C. Padding may hold any skill: nothing before it sees it.
    """
    rows, steps = skill.shape
    flat = skill.reshape(1, -1)
    none = torch.zeros_like(flat)
    return Inputs(
        length_groups=[LengthGroup(0, rows * steps, rows, steps)],
        position=torch.arange(steps, device=skill.device).repeat(rows),
        skill=flat,
        token=flat + vocabulary * response.reshape(1, -1),
        target_skill=none,
        steps_to_last_answer=none + 1,
        one_skill_per_answer=True,
        student=None,
        item=item.reshape(1, -1),
        target_item=none,
    ).for_members(Members.of([0], 1, skill.device))
