"""Encoder 2: tracks mastery of every skill along a learning curve and predicts through it.

From its value stream the encoder takes a gain g in (0, 1) for each interaction. Gains add up to effective practice,
practice moves mastery along a sigmoid, and mastery against a threshold gives the response (gaintrace.model.curves):

    practice[s,t] = Σ_{k<=t} gain[k,s]
    mastery[s,t]  = M_sat · sigmoid(β · γ · practice[s,t] − offset)
    logit[t]      = (mastery[s,t] − θ) / temperature  (+ ability[t])  (− difficulty[i])

s, i: the target's skill and item.

Mastery never falls. Scalar and linear gains go to the practised skill, so nothing else raises its mastery; per-skill
gains allow transfer. Ability, where it is inferred, is what the encoder thinks of the student at t: the same number for
every skill that might be asked, in logits. It may fall. Where mastery is evidence, all is otherwise:
gaintrace.model.evidence. Shape letters: see the package's docstring.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gaintrace.config import LearningCurveConfig, ModelConfig
from gaintrace.data.batches import MemberInputs
from gaintrace.model.asking import Questions
from gaintrace.model.curves import PerSkillCurve, PublishedCurve
from gaintrace.model.encoder import TwoStreamStack
from gaintrace.model.items import difficulty_of
from gaintrace.model.layers import Drop, Linear, no_dropout
from gaintrace.model.practice import practised, practised_before


@dataclass(frozen=True)
class MasteryPrediction:
    """What encoder 2 says at every target, and the gain it took from the interaction before it."""

    logit: Tensor  # KN
    mastery: Tensor  # KN
    ability: Tensor  # KN logits, in `logit`; 0 where it is not inferred
    gain: Tensor | None  # KN, or KNC where every skill has its own; None where nothing but the response is read
    growth: Tensor | None = None  # KN logits, in `logit`: what practice adds that is no part of mastery
    alone: Tensor | None = None  # KN, logit of mastery without the others, where it is trained to predict by itself
    difficulty: Tensor | None = None  # KN logits, taken off `logit`, where items have one


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

    def practice(self, gain: Tensor, inputs: MemberInputs) -> Tensor:
        """Effective practice of each target's skill before its answer; gain: KN → KN."""
        return practised_before(gain, inputs)

    def asked(self, gain: Tensor, inputs: MemberInputs, questions: Questions) -> Tensor:
        """The same of the skills that are asked; gain: 1,BT → 1,BA."""
        return practised(gain, inputs, questions)


class LinearGain(ScalarGain):
    """g[k] = sigmoid(w · val[k] + b), added to the skill practised at k only.

    The value stream holds the response to k and the student's past, so an answer's worth depends on both.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.head = Linear(width, 1)

    def forward(self, val: Tensor) -> Tensor:
        """val: KND → gain: KN."""
        gain: Tensor = torch.sigmoid(self.head(val)).squeeze(-1)
        return gain


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

    def practice(self, gain: Tensor, inputs: MemberInputs) -> Tensor:
        """Effective practice of each target's skill before its answer; gain: KNC → KN."""
        members, _, skills = gain.shape
        summed = [
            gain[:, g.start : g.stop].view(members, g.rows, g.positions, skills).cumsum(dim=2).flatten(1, 2)
            for g in inputs.length_groups
        ]
        of_row = torch.cat(summed, dim=1).flatten(1)  # K,NC: what a row so far is worth to each skill
        practice = of_row.gather(1, inputs.last_answered * skills + inputs.target_skill)
        if (first := inputs.first) is None:
            return practice
        # Of a row that several chunks share, less what came before the target's.
        chunk = torch.arange(gain.shape[1], device=gain.device) - inputs.position  # N, where it begins
        before = (chunk - 1).clamp(min=0) * skills + inputs.target_skill
        return practice - of_row.gather(1, before).masked_fill(first.flatten() == 0, 0.0)

    def asked(self, gain: Tensor, inputs: MemberInputs, questions: Questions) -> Tensor:
        """The same of the skills that are asked; gain: 1,BTC → 1,BA."""
        skills, rows = gain.shape[2], questions.skill.shape[0]
        summed = gain.view(rows, -1, skills).cumsum(dim=1).flatten(1)  # B,TC
        return summed.gather(1, questions.last * skills + questions.skill).view(1, -1)


class MasteryEncoder(nn.Module):
    """The mastery encoder: a stack, a gain, a learning curve and, where it is inferred, an ability.

    Everything under `curve.` is a number that a reader interprets; all other parameters are weights of a network.
    """

    def __init__(
        self,
        config: ModelConfig,
        curve: LearningCurveConfig,
        skills: int,
        positions: int,
        students: int,
        item_answers: Tensor | None = None,
    ) -> None:
        super().__init__()
        # The last block's context would feed nothing: only the value stream is read.
        self.difficulty = difficulty_of(config.items, item_answers)
        items = self.difficulty is not None
        self.stack = TwoStreamStack(config, skills, positions, context_out=False, items=items)
        self.gain = gain_of(config, skills)
        per_skill = config.curve == "per_skill"
        self.curve = PerSkillCurve(curve, skills) if per_skill else PublishedCurve(curve, skills, students)
        self.ability = Linear(config.d_model, 1) if config.ability == "inferred" else None

    def forward(self, inputs: MemberInputs, drop: Drop) -> MasteryPrediction:
        """Mastery of each target's skill before its answer, and the logit of a correct response: KN each."""
        gain, ability = self._read(inputs, drop)
        practice = self.gain.practice(gain, inputs)
        mastery = self.curve.mastery(practice, inputs.target_skill, inputs.student)
        if ability is not None:
            ability = inputs.at_last_answered(ability)
        return self._prediction(mastery, gain, ability, inputs.target_skill, inputs.target_item)

    def ask(self, inputs: MemberInputs, questions: Questions) -> MasteryPrediction:
        """The same for questions, of histories as `asking.histories` gives them: 1,BA each, but for the gains."""
        gain, ability = self._read(inputs, no_dropout)
        practice = self.gain.asked(gain, inputs, questions)
        skill, item = questions.skill.reshape(1, -1), questions.item.reshape(1, -1)
        if ability is not None:
            ability = questions.at_last(ability)
        return self._prediction(self.curve.mastery(practice, skill, None), gain, ability, skill, item)

    def _read(self, inputs: MemberInputs, drop: Drop) -> tuple[Tensor, Tensor | None]:
        """Gains and, where it is inferred, ability after every interaction: KN or KNC, and KN1."""
        _, val = self.stack(inputs, drop, None if self.difficulty is None else self.difficulty.read(inputs.item))
        return self.gain(val).float(), None if self.ability is None else self.ability(val).float()

    def _prediction(
        self, mastery: Tensor, gain: Tensor, ability: Tensor | None, skill: Tensor, item: Tensor
    ) -> MasteryPrediction:
        """What follows for skills and items: KN each. mastery: KN; ability: KN1."""
        logit = self.curve.logit(mastery, skill)
        difficulty = None if self.difficulty is None else self.difficulty(item)
        if difficulty is not None:
            logit = logit - difficulty
        if ability is None:
            return MasteryPrediction(logit, mastery, torch.zeros_like(mastery), gain, difficulty=difficulty)
        ability = ability.squeeze(-1)
        return MasteryPrediction(logit + ability, mastery, ability, gain, difficulty=difficulty)

    def practised_gain(self, predicted: MasteryPrediction, inputs: MemberInputs) -> Tensor:
        """The gain of each interaction for the skill that it practises: KN."""
        assert predicted.gain is not None
        return self.gain.practised(predicted.gain, inputs.skill)


def gain_of(config: ModelConfig, skills: int) -> ScalarGain | PerSkillGain:
    """The gain that a configuration names."""
    if config.gain == "per_skill":
        return PerSkillGain(config.d_model, skills)
    return LinearGain(config.d_model) if config.gain == "linear" else ScalarGain()
