"""Encoder 3: predicts from the mastery of all skills, and from how many answers each rests on.

    hidden = relu((1 + q[c]) ⊙ (W_m · (mastery − start) + W_n · log(1 + n)) + e[c] + W_o · own)
    own    = ((mastery[c] − θ[c]) / temperature[c],  log(1 + n[c]),  log(1 + Σ n))
    logit  = w · Dropout(hidden) + b  (− difficulty of the item asked)

c is the target's skill. Mastery is that of every skill before the target's answer; with start, θ and temperature it is
encoder 2's (gaintrace.model.evidence). n: the student's answers on every skill so far. W_m, W_n: C → D. It knows
nothing else of the student: no network reads the answers, and their order counts as far as mastery forgets.

Encoder 2's mastery is read and not trained from here: its parameters are copied after every step, without a gradient.
So the other two are what they are without it, to the bit, but for a gradient norm over all (`clip_scope: global`).
And an epoch picked for this encoder keeps the mastery of that epoch beside it. Shape letters: see the package's
docstring.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaintrace.config import LearningCurveConfig, ModelConfig
from gaintrace.data.batches import MemberInputs
from gaintrace.model.every_skill import every_skill
from gaintrace.model.evidence import EvidenceCurve, EvidenceEncoder
from gaintrace.model.items import difficulty_of
from gaintrace.model.layers import Drop, Embedding, Linear, look_up


class AggregateEncoder(nn.Module):
    """logit of a correct response from the mastery of all skills; see the module's docstring."""

    def __init__(
        self, config: ModelConfig, curve: LearningCurveConfig, skills: int, item_answers: Tensor | None
    ) -> None:
        super().__init__()
        self.read_curve = EvidenceCurve(curve, skills, config.ability == "inferred").requires_grad_(False)
        self.read_difficulty = difficulty_of(config.items, item_answers)
        if self.read_difficulty is not None:
            self.read_difficulty.requires_grad_(False)
        self.mastery = Linear(skills, config.d_model)
        self.answers = Linear(skills, config.d_model)
        self.scale = nn.Parameter(torch.zeros(1, skills, config.d_model))  # q
        self.target = Embedding(skills, config.d_model)
        self.own = Linear(3, config.d_model)
        self.logit = Linear(config.d_model, 1)
        self.difficulty = difficulty_of(config.items, item_answers)

    @torch.no_grad()
    def follow(self, encoder: EvidenceEncoder) -> None:
        """Read the mastery of encoder 2 as it is now; both of K members, in one order."""
        copies: list[tuple[nn.Module, nn.Module]] = [(self.read_curve, encoder.curve)]
        if self.read_difficulty is not None and encoder.difficulty is not None:
            copies.append((self.read_difficulty, encoder.difficulty))
        for copied, source in copies:
            for own, theirs in zip(copied.parameters(), source.parameters(), strict=True):
                own.copy_(theirs)

    def forward(self, inputs: MemberInputs, drop: Drop) -> Tensor:
        """Logits of a correct response at every target: KN."""
        curve, target = self.read_curve, inputs.target_skill
        harder = None if self.read_difficulty is None else self.read_difficulty(inputs.item)
        mastery, answers = (inputs.at_last_answered(x) for x in every_skill(curve, inputs, harder))
        own = torch.stack(
            [
                curve.logit(mastery.gather(2, target[..., None])[..., 0], target),
                answers.gather(2, target[..., None])[..., 0].log1p(),
                answers.sum(dim=2).log1p(),
            ],
            dim=-1,
        )
        moved = mastery - curve.logit_start.sigmoid()[:, None]
        state = self.mastery(moved) + self.answers(answers.log1p())
        hidden = state.addcmul(state, look_up(self.scale, target)) + self.target(target) + self.own(own)
        logit: Tensor = self.logit(drop(F.relu(hidden))).squeeze(-1)
        return logit if self.difficulty is None else logit - self.difficulty(inputs.target_item)
