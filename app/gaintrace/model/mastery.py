"""Encoder 2: tracks mastery of every skill along a learning curve and predicts through it.

From its value stream the encoder takes a gain g in (0, 1) for each interaction. Gains add up to effective practice,
practice moves mastery along a sigmoid, and mastery against a threshold gives the response:

    practice[s,t] = Σ_{k<=t} gain[k,s]
    mastery[s,t]  = M_sat[s] · sigmoid(β[s] · γ[student] · practice[s,t] − offset), clamped to [0, 1]
    logit[t]      = (mastery[s,t] − θ) / temperature,   s the target skill

Gains are positive and β, γ, M_sat are kept from going below zero, so mastery never falls. Shape letters: see the
package's docstring.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gaintrace.config import LearningCurveConfig, ModelConfig
from gaintrace.data.batches import Batch
from gaintrace.model.encoder import Drop, TwoStreamStack
from gaintrace.model.layers import Linear


@dataclass(frozen=True)
class MasteryPrediction:
    """What encoder 2 says at every target, and the gain it took from the interaction before it."""

    logit: Tensor  # KN
    mastery: Tensor  # KN
    gain: Tensor  # KN, or KNC where every skill has its own


class ScalarGain(nn.Module):
    """g[k] = sigmoid(mean_D(relu(val[k]))), added to the skill practised at k only. No parameter of its own.

    The study's published numbers use it. The gain stays nearly constant, so practice is close to a count.
    """

    def forward(self, val: Tensor) -> Tensor:
        """val: KND → gain: KN."""
        return torch.sigmoid(torch.relu(val).mean(dim=-1))

    def practised(self, gain: Tensor, skill: Tensor) -> Tensor:
        """The gain for the skill that an interaction practises; gain: KN, skill: KN → KN."""
        return gain

    def practice(self, gain: Tensor, batch: Batch) -> Tensor:
        """Effective practice of each target's skill before its answer: KN.

        For each group a matrix of "k practised the target's skill, before" (BTT) times the gains: no loop over time,
        and no tensor over skills. Members of a stream share the matrices.
        """
        by_stream = [self._summed(gain[members], batch, s) for s, members in enumerate(batch.members_of_stream)]
        if len(by_stream) == 1:
            return by_stream[0]
        return torch.cat(by_stream)[torch.cat(batch.members_of_stream).argsort()]

    def _summed(self, gain: Tensor, batch: Batch, stream: int) -> Tensor:
        summed = []
        for group in batch.groups:
            skill, target_skill, back = (
                x[stream, group.start : group.stop].view(group.rows, group.positions) for x in batch.practised
            )
            position = torch.arange(group.positions, device=gain.device)
            before = position <= (position + 1 - back)[..., None]  # BTT
            counts = (before & (target_skill[..., None] == skill[:, None])).to(gain.dtype)
            grouped = gain[:, group.start : group.stop].view(-1, group.rows, group.positions)
            summed.append((counts @ grouped.permute(1, 2, 0)).permute(2, 0, 1).flatten(1))  # BTT · BTk
        return torch.cat(summed, dim=1)


class PerSkillGain(nn.Module):
    """g[k,·] = sigmoid(W · val[k]), added to all skills: transfer between skills is allowed and learned."""

    def __init__(self, width: int, skills: int) -> None:
        super().__init__()
        self.head = Linear(width, skills)

    def forward(self, val: Tensor) -> Tensor:
        """val: KND → gain: KNC."""
        gain: Tensor = torch.sigmoid(self.head(val))
        return gain

    def practised(self, gain: Tensor, skill: Tensor) -> Tensor:
        """The gain for the skill that an interaction practises; gain: KNC, skill: KN → KN."""
        return gain.gather(2, skill[..., None])[..., 0]

    def practice(self, gain: Tensor, batch: Batch) -> Tensor:
        """Effective practice of each target's skill before its answer: KN."""
        members, _, skills = gain.shape
        summed = [
            gain[:, g.start : g.stop].view(members, g.rows, g.positions, skills).cumsum(dim=2).flatten(1, 2)
            for g in batch.groups
        ]
        at_target = batch.source * skills + batch.target_skill  # KN, into N·C
        return torch.cat(summed, dim=1).flatten(1).gather(1, at_target)


class MasteryEncoder(nn.Module):
    """The mastery encoder with its learning curve. The curve's parameters are the ones a reader interprets.

    `gamma_student` holds one velocity a training student. A student it was not trained on gets the mean of those,
    the velocity of a typical student.
    """

    CURVE = ("beta_skill", "m_sat", "gamma_student", "offset", "threshold")

    def __init__(
        self, config: ModelConfig, curve: LearningCurveConfig, skills: int, positions: int, students: int
    ) -> None:
        super().__init__()
        # The last block's context would feed nothing: only the value stream is read.
        self.stack = TwoStreamStack(config, skills, positions, context_out=False)
        self.gain: ScalarGain | PerSkillGain = (
            ScalarGain() if config.gain == "scalar" else PerSkillGain(config.d_model, skills)
        )
        self.beta_skill = nn.Parameter(torch.full((1, skills), curve.beta_skill_init))
        self.m_sat = nn.Parameter(torch.full((1, skills), curve.m_sat_init))
        self.gamma_student = nn.Parameter(torch.full((1, students), curve.gamma_student_init))
        self.offset = nn.Parameter(torch.full((1, 1), curve.sigmoid_offset))
        self.threshold = nn.Parameter(torch.full((1, 1), curve.mastery_threshold_init))
        self.register_buffer("temperature", torch.full((1, 1), curve.threshold_temperature))
        self.temperature: Tensor

    def forward(self, batch: Batch, drop: Drop) -> MasteryPrediction:
        """Mastery of each target's skill before its answer, and the logit of a correct response."""
        _, val = self.stack(batch, drop)
        gain = self.gain(val).float()
        practice = self.gain.practice(gain, batch)
        mastery = self.mastery(practice, batch.target_skill, self._velocity(batch))
        logit = (mastery - self.threshold) / self.temperature
        return MasteryPrediction(logit, mastery, gain)

    def mastery(self, practice: Tensor, skill: Tensor, velocity: Tensor) -> Tensor:
        """The learning curve. practice, skill: KN; velocity: KN or K1 → mastery in [0, 1]: KN."""
        slope = self.beta_skill.gather(1, skill).clamp_min(0) * velocity.clamp_min(0)
        risen = torch.sigmoid(slope * practice - self.offset)
        return (self.m_sat.gather(1, skill).clamp_min(0) * risen).clamp(max=1)

    def _velocity(self, batch: Batch) -> Tensor:
        if batch.student is None:
            return self.gamma_student.mean(dim=1, keepdim=True)  # K1
        return self.gamma_student.gather(1, batch.student)  # KN
