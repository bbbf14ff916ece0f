"""Encoder 2 by evidence: mastery is what the answers say, a share of right ones that forgets.

    at the start          weight[s] = prior[s],  mastery[s] = start[s]
    after an answer on c  weight[s] ← retention[s]^a · weight[s] + u
                          mastery[s] ← mastery[s] + (u / weight[s]) · (response − mastery[s])
    on the skill itself   a = 1,  u = 2 · sigmoid(±difficulty)
    on another one        a = transfer[s],  u = 2 · transfer[s] · sigmoid(±(ease[s] − ease[c] + difficulty))
    logit                 (mastery[s] − θ[s]) / temperature[s] + growth[s] · log(1 + practice[s])
                          (+ discrimination[s] · ability)  (− difficulty of the item asked)

ease is logit(start); difficulties are those of items, where these have any, and else 0: then u = 1 on the skill itself.
± is + after a right answer and − after a wrong one: what is right on a harder skill or item, or wrong on an easier one,
says more, so that a student who answers other skills as their starts foretell stays at this one's on average. Mastery
is the mean of a beta distribution whose pseudo-counts are forgotten (recency-weighted shares: Galyardt & Goldin, 2015).
No network is in it: it can be recomputed by hand from the answers and these numbers, which are learned, each a skill:

start           mastery before the first answer
prior           answers that the start weighs: prior_share / (1 − retention), less than a long history on the skill
retention       what is left of the weight of earlier answers after one on the skill
transfer        what an answer on another, equally easy skill counts, in answers on this one
θ               mastery at which a student (of ability 0, where ability is inferred) is as often right as wrong
temperature     mastery that is worth one logit
growth          logits that practice adds, right or wrong; not below 0. Practice is the answers on the skill so far,
                counted; or, with growth `inferred`, the sum of what a network that has read all answers up to each
                takes it to be worth, exp(w · val + b)
discrimination  logits that one unit of ability is worth, where ability is inferred

Laws, whatever is learned: a right answer never lowers mastery and a wrong one never raises it, of any skill; a skill
with transfer 0 moves by its own answers alone; more of the same answer on a skill, to equally hard items, moves it less
each time, because weight stays under 2 / (1 − retention). What practice itself teaches is apart: growth may only add,
and is no part of mastery, which a wrong answer must not raise; so a network may read it, as it reads ability from all
answers. Mastery is trained to predict by itself as well as in the sum, or the others would take over what mastery is to
say. Shape letters: see the package's docstring.
"""

from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaintrace.config import LearningCurveConfig, ModelConfig
from gaintrace.data.batches import MemberInputs
from gaintrace.data.groups import LengthGroup
from gaintrace.model.asking import Questions
from gaintrace.model.encoder import TwoStreamStack
from gaintrace.model.items import difficulty_of
from gaintrace.model.layers import Drop, Linear, no_dropout
from gaintrace.model.mastery import MasteryPrediction
from gaintrace.model.practice import practised, practised_before

STARTS = {"start": 0.5, "retention": 0.8, "prior_share": 0.4, "transfer": 0.1, "growth": 0.1, "discrimination": 1.0}
"""Where training starts from: what it ends near on several data sets, and it moves in a few hundred steps."""


class _Answers(NamedTuple):
    """The interactions of a batch, KN each."""

    skill: Tensor
    right: Tensor  # 0 or 1
    ease: Tensor  # logit of the skill's start, less the item's difficulty
    difficulty: Tensor  # logits


class _Asked(NamedTuple):
    """The targets of a batch and the parameters of their skills, KN each."""

    skill: Tensor
    ease: Tensor  # logit of start
    prior: Tensor
    forgetting: Tensor  # −log(retention)
    transfer: Tensor


class EvidenceCurve(nn.Module):
    """Mastery out of right and wrong answers, and its way to a logit; see the module's docstring.

    All but θ is learned as log or logit, so that no step can push it out of its range.
    """

    def __init__(self, config: LearningCurveConfig, skills: int, ability: bool) -> None:
        super().__init__()
        one = torch.ones(1, skills)
        self.logit_start = nn.Parameter((one * STARTS["start"]).logit())
        self.logit_retention = nn.Parameter((one * STARTS["retention"]).logit())
        self.logit_prior_share = nn.Parameter((one * STARTS["prior_share"]).logit())
        self.logit_transfer = nn.Parameter((one * STARTS["transfer"]).logit())
        self.threshold = nn.Parameter(one * config.mastery_threshold_init)
        self.log_temperature = nn.Parameter((one * config.threshold_temperature).log())
        self.log_growth = nn.Parameter((one * STARTS["growth"]).log())
        self.log_discrimination = nn.Parameter((one * STARTS["discrimination"]).log()) if ability else None

    def start(self, skill: Tensor) -> Tensor:
        """Mastery before the first answer; skill: KN → KN."""
        return self.logit_start.sigmoid().gather(1, skill)

    def mastery(self, inputs: MemberInputs, difficulty: Tensor | None = None) -> Tensor:
        """Mastery of each target's skill before its answer: KN, in (0, 1)."""
        return self.tracked(inputs, difficulty)[0]

    def tracked(self, inputs: MemberInputs, difficulty: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mastery of each target's skill before its answer, and how many answers on it came before: KN each."""
        answers = self._answers(inputs, difficulty)
        asked, steps = self._asked(inputs.target_skill), inputs.steps_to_last_answer
        with torch.autocast(answers.right.device.type, enabled=False):
            tracked = [_tracked(group, inputs.first, answers, asked, steps) for group in inputs.length_groups]
        mastery, count = (torch.cat(parts, dim=1) for parts in zip(*tracked, strict=True))
        return mastery, count

    def asked(
        self, inputs: MemberInputs, questions: Questions, difficulty: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The same for the skills that are asked: 1,BA each."""
        answers = self._answers(inputs, difficulty)
        rows, asked = questions.skill.shape
        of_histories = _Answers(*(x.view(1, rows, -1) for x in answers))
        of_questions = _Asked(*(x.view(1, rows, asked) for x in self._asked(questions.skill.reshape(1, -1))))
        mastery, count = _weighed(of_histories, of_questions, questions.last[None])
        return mastery.flatten(1), count.flatten(1)

    def _answers(self, inputs: MemberInputs, difficulty: Tensor | None) -> _Answers:
        right = (inputs.token >= self.threshold.shape[1]).to(self.threshold.dtype)
        ease = self.logit_start.gather(1, inputs.skill)
        if difficulty is None:
            difficulty = torch.zeros_like(ease)
        return _Answers(inputs.skill, right, ease - difficulty, difficulty)

    def _asked(self, skill: Tensor) -> _Asked:
        parameters = (
            self.logit_start,
            self.logit_prior_share.sigmoid() / self.logit_retention.neg().sigmoid(),
            -F.logsigmoid(self.logit_retention),
            self.logit_transfer.sigmoid(),
        )
        return _Asked(skill, *(parameter.gather(1, skill) for parameter in parameters))

    def logit(self, mastery: Tensor, skill: Tensor) -> Tensor:
        """Logit of a correct response at mastery of a skill: KN each → KN."""
        return (mastery - self.threshold.gather(1, skill)) / self.log_temperature.gather(1, skill).exp()


class EvidenceEncoder(nn.Module):
    """The mastery encoder whose mastery is evidence: the curve and, where ability is inferred, a stack to read it from.

    Everything under `curve.` is a number that a reader interprets; all other parameters are weights of a network.
    """

    def __init__(
        self, config: ModelConfig, curve: LearningCurveConfig, skills: int, positions: int, item_answers: Tensor | None
    ) -> None:
        super().__init__()
        inferred = config.ability == "inferred"
        self.difficulty = difficulty_of(config.items, item_answers)
        items = self.difficulty is not None
        self.stack = TwoStreamStack(config, skills, positions, context_out=False, items=items) if inferred else None
        self.ability = Linear(config.d_model, 1) if inferred else None
        self.curve = EvidenceCurve(curve, skills, inferred)
        self.gain = Linear(config.d_model, 1) if config.growth == "inferred" else None

    def forward(self, inputs: MemberInputs, drop: Drop) -> MasteryPrediction:
        """Mastery of each target's skill before its answer, and the logit of a correct response."""
        of_item = self.difficulty
        mastery, count = self.curve.tracked(inputs, None if of_item is None else of_item(inputs.item))
        ability, worth = self._read(inputs, drop)
        if ability is not None:
            ability = inputs.at_last_answered(ability)
        practice = count if worth is None else practised_before(worth, inputs)
        return self._prediction(mastery, practice, ability, inputs.target_skill, inputs.target_item)

    def ask(self, inputs: MemberInputs, questions: Questions) -> MasteryPrediction:
        """The same for questions, of histories as `asking.histories` gives them: 1,BA each."""
        of_item = self.difficulty
        mastery, count = self.curve.asked(inputs, questions, None if of_item is None else of_item(inputs.item))
        ability, worth = self._read(inputs, no_dropout)
        if ability is not None:
            ability = questions.at_last(ability)
        practice = count if worth is None else practised(worth, inputs, questions)
        skill, item = questions.skill.reshape(1, -1), questions.item.reshape(1, -1)
        return self._prediction(mastery, practice, ability, skill, item)

    def _read(self, inputs: MemberInputs, drop: Drop) -> tuple[Tensor | None, Tensor | None]:
        """What the network reads after every interaction: the student's ability, KN1, and what the practice is worth,
        KN. None for what is not inferred.
        """
        if self.stack is None or self.ability is None:
            return None, None
        _, val = self.stack(inputs, drop, None if self.difficulty is None else self.difficulty.read(inputs.item))
        worth = None if self.gain is None else self.gain(val).float().squeeze(-1).exp()
        return self.ability(val).float(), worth

    def _prediction(
        self, mastery: Tensor, practice: Tensor, ability: Tensor | None, skill: Tensor, item: Tensor
    ) -> MasteryPrediction:
        """What follows for skills and items: KN each. mastery, practice: KN; ability: KN1."""
        alone = self.curve.logit(mastery, skill)
        difficulty = None if self.difficulty is None else self.difficulty(item)
        if difficulty is not None:
            alone = alone - difficulty
        growth = self.curve.log_growth.gather(1, skill).exp() * torch.log1p(practice)
        if ability is None or self.curve.log_discrimination is None:
            return MasteryPrediction(
                alone + growth, mastery, torch.zeros_like(mastery), None, growth, alone, difficulty
            )
        worth = ability.squeeze(-1) * self.curve.log_discrimination.gather(1, skill).exp()
        return MasteryPrediction(alone + growth + worth, mastery, worth, None, growth, alone, difficulty)

    def mastery(self, inputs: MemberInputs) -> Tensor:
        """Mastery of each target's skill before its answer: KN, in (0, 1)."""
        return self.curve.mastery(inputs, None if self.difficulty is None else self.difficulty(inputs.item))

    def practised_gain(self, predicted: MasteryPrediction, inputs: MemberInputs) -> Tensor:
        """By how much each interaction moves mastery of the skill that it practises: KN, below 0 where it was wrong."""
        own = replace(inputs, target_skill=inputs.skill)
        after, before = (
            self.mastery(replace(own, steps_to_last_answer=torch.full_like(inputs.skill, steps))) for steps in (1, 2)
        )
        return after - before


def _tracked(
    group: LengthGroup, first: Tensor | None, answers: _Answers, asked: _Asked, steps: Tensor
) -> tuple[Tensor, Tensor]:
    """Mastery of every target of a group, and the answers on its skill: KBT each, flat.

    `first`: place in its row where the chunk of each token begins, BT; None: at 0.
    """
    shape = (-1, group.rows, group.positions)
    skill, right, ease, difficulty, *of_asked, back = (
        x[:, group.start : group.stop].reshape(shape) for x in (*answers, *asked, steps)
    )
    position = torch.arange(group.positions, device=steps.device)
    last = position + 1 - back  # KBT, the last interaction before the target's answer; −1: there is none
    mastery, count = _weighed(_Answers(skill, right, ease, difficulty), _Asked(*of_asked), last, first)
    return mastery.flatten(1), count.flatten(1)


def _weighed(answers: _Answers, asked: _Asked, last: Tensor, first: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mastery by the recursion in closed form, without a loop over time, and the answers on the skill: KBA each.

    `answers`: KBT each; `asked`: KBA each; `last`: KBA, the last interaction that counts; `first`: BA, the first one;
    None: 0. An answer weighs u · retention^(what was answered since): that is counted, all interactions at `transfer`
    and those on the target's skill at 1.
    """
    skill, right, ease, difficulty = answers
    target, start, prior, forgetting, transfer = asked
    position = torch.arange(skill.shape[-1], device=skill.device)
    seen = position <= last[..., None]  # KBAT
    if first is not None:
        seen = seen & (position >= first[..., None])
    own = seen & (target[..., None] == skill[:, :, None])
    own_so_far = own.to(right.dtype).cumsum(dim=-1)
    own_total, total = own_so_far[..., -1], (last + 1 if first is None else last + 1 - first).to(right.dtype)
    own_since = own_total[..., None] - own_so_far
    since = (last[..., None] - position).clamp(min=0).to(right.dtype)
    own_rate, any_rate = forgetting * (1 - transfer), forgetting * transfer
    age = own_rate[..., None] * own_since + any_rate[..., None] * since
    surprise = torch.sigmoid((2 * right - 1)[:, :, None] * (start[..., None] - ease[:, :, None]))
    worth = 2 * torch.sigmoid((2 * right - 1) * difficulty)
    unit = torch.where(own, worth[:, :, None], 2 * transfer[..., None] * surprise)
    weight = (unit * torch.exp(-age)).masked_fill(~seen, 0.0)
    prior_left = prior * torch.exp(-own_rate * own_total - any_rate * total)
    of_right = torch.matmul(weight, right[..., None])[..., 0]
    mastery = (prior_left * start.sigmoid() + of_right) / (prior_left + weight.sum(dim=-1))
    return mastery, own_total.expand_as(mastery)
