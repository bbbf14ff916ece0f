"""Encoder 1: predicts the next response as well as it can. Shape letters: see the package's docstring."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaintrace.config import ModelConfig
from gaintrace.data.batches import MemberInputs
from gaintrace.model.asking import Questions
from gaintrace.model.attention import Sight, attend, attend_questions
from gaintrace.model.encoder import TwoStreamStack
from gaintrace.model.items import difficulty_of
from gaintrace.model.layers import Drop, Embedding, Index, LayerNorm, Linear, look_up, no_dropout
from gaintrace.model.practice import practised_before


class TargetAttention(nn.Module):
    """Looks up in the past what it says about the target skill.

    q = W_q · e(target skill),  k = W_k · e(practised skill) + W_c · ctx,  v = W_v · val
    found = LN(e(target skill) + Dropout(W_o · MHA(q, k, v)))

    Targets and practised skills share the embedding e, so that a skill finds its own practice from the start.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.d_model
        self.heads = config.n_heads
        self.query = Linear(width, width)
        self.key = Linear(width, width)
        self.key_context = Linear(width, width)
        self.value = Linear(width, width)
        self.out = Linear(width, width)
        self.norm = LayerNorm(width)

    def forward(
        self,
        skills: Embedding,
        target: Index,
        harder: Tensor | None,
        ctx: Tensor,
        val: Tensor,
        inputs: MemberInputs,
        seen: Sight,
        drop: Drop,
    ) -> Tensor:
        """skills: the embedding e, KCD; ctx, val: KND of every interaction → KND of every target, which see `seen`.

        `target`: the skills of targets; `harder`: what the difficulty of the target's item adds to e, KND.
        """
        query, asked = self._query(skills, harder, target)
        query_key = query, self._key(skills, ctx, inputs.skill)
        attended = attend(query_key, self.value(val), inputs.length_groups, self.heads, seen)
        found: Tensor = self.norm(drop(self.out(attended), onto=asked))
        return found

    def ask(
        self,
        skills: Embedding,
        harder: Tensor | None,
        ctx: Tensor,
        val: Tensor,
        inputs: MemberInputs,
        questions: Questions,
        faded: bool,
    ) -> Tensor:
        """The same for questions: 1,BA,D. `harder`: of the questions; `faded`: by distance."""
        query, asked = self._query(skills, harder, Index(questions.skill.reshape(1, -1)))
        key = self._key(skills, ctx, inputs.skill)
        found: Tensor = self.norm(
            asked + self.out(attend_questions(query, key, self.value(val), questions, self.heads, faded))
        )
        return found

    def _query(self, skills: Embedding, harder: Tensor | None, skill: Index) -> tuple[Tensor, Tensor]:
        """W_q · e and e of the skills that are asked; skill: KN → KND each."""
        query, asked = look_up(self.query(skills.weight), skill), skills(skill)
        if harder is not None:
            query, asked = query + torch.bmm(harder, self.query.weight), asked + harder
        return query, asked

    def _key(self, skills: Embedding, ctx: Tensor, skill: Tensor) -> Tensor:
        """k of interactions that practised skills; ctx: KND; skill: KN → KND."""
        key: Tensor = look_up(self.key(skills.weight), Index(skill)) + self.key_context(ctx)
        return key


def counts(inputs: MemberInputs, skills: int, items: bool = False) -> Tensor:
    """How often the target's skill was answered right before, and wrong, and how many interactions there were: KN3.

    As log(1 + n). `items`: and how often its item was answered right, and wrong: KN5. Attention averages: it knows
    shares of right answers, and little of how many there were.
    """
    right = (inputs.token >= skills).float()
    length = inputs.position.to(right.dtype).expand(right.shape)
    found = [practised_before(right, inputs), practised_before(1 - right, inputs), length]
    if items:
        found += [practised_before(right, inputs, "item"), practised_before(1 - right, inputs, "item")]
    return torch.log1p(torch.stack(found, dim=-1))


def counts_asked(inputs: MemberInputs, questions: Questions, skills: int, items: bool = False) -> Tensor:
    """The same for questions: 1,BA,3, or 5."""
    rows = questions.skill.shape[0]
    skill, item, token = (x.view(rows, -1) for x in (inputs.skill, inputs.item, inputs.token))
    right = (token >= skills).float()[..., None]  # BT1
    on = [questions.own(skill)] + ([questions.same_item(item)] if items else [])
    answered = [(which.float() @ response)[..., 0] for which in on for response in (right, 1 - right)]
    answered.insert(2, questions.at.to(right.dtype))
    return torch.log1p(torch.stack(answered, dim=-1)).flatten(0, 1)[None]


class PerformanceEncoder(nn.Module):
    """logit = W_b · Dropout(relu(W_a · [ctx, val, e(target skill)])).

    With `target: past`, what the target finds in the student's past is a further input: by attention, and by counts.
    With `items: difficulty`, e is that of the target's item, e + d · e' for difficulty d, and d is taken off the logit.
    """

    def __init__(self, config: ModelConfig, skills: int, positions: int, item_answers: Tensor | None) -> None:
        super().__init__()
        self.difficulty = difficulty_of(config.items, item_answers)
        items = self.difficulty is not None
        self.stack = TwoStreamStack(config, skills, positions, context_out=True, items=items)
        self.target = Embedding(skills, config.d_model)
        self.hidden = Linear(3 * config.d_model, config.d_ff)
        self.logit = Linear(config.d_ff, 1)
        self.harder = Embedding(skills, config.d_model) if items else None
        self.target_attention: TargetAttention | None = None
        if config.target == "past":
            self.target_attention = TargetAttention(config)
            self.hidden_found = Linear(config.d_model, config.d_ff)
            self.hidden_counts = Linear(5 if items else 3, config.d_ff)

    def forward(self, inputs: MemberInputs, drop: Drop) -> Tensor:
        """Logits of a correct response at every target: KN."""
        target, seen = Index(inputs.target_skill), self.stack.sight(inputs)
        ctx, val = self._read(inputs, drop, seen)
        harder = self._harder(target, inputs.target_item)
        at_last = inputs.at_last_answered(ctx), inputs.at_last_answered(val)
        hidden = self._hidden(target, harder, *at_last)
        if self.target_attention is not None:
            if not inputs.one_skill_per_answer:
                seen = self.stack.sight(inputs, to_last_answer=True)
            found = self.target_attention(self.target, target, harder, ctx, val, inputs, seen, drop)
            counted = counts(inputs, self.target.weight.shape[1], items=harder is not None)
            hidden = hidden + self.hidden_found(found) + self.hidden_counts(counted)
        return self._logit(hidden, inputs.target_item, drop)

    def ask(self, inputs: MemberInputs, questions: Questions) -> Tensor:
        """The same for questions, of histories as `asking.histories` gives them: 1,BA."""
        ctx, val = self._read(inputs, no_dropout)
        skill, item = Index(questions.skill.reshape(1, -1)), questions.item.reshape(1, -1)
        harder = self._harder(skill, item)
        hidden = self._hidden(skill, harder, questions.at_last(ctx), questions.at_last(val))
        if self.target_attention is not None:
            faded = self.stack.position is None
            found = self.target_attention.ask(self.target, harder, ctx, val, inputs, questions, faded)
            counted = counts_asked(inputs, questions, self.target.weight.shape[1], items=harder is not None)
            hidden = hidden + self.hidden_found(found) + self.hidden_counts(counted)
        return self._logit(hidden, item, no_dropout)

    def _read(self, inputs: MemberInputs, drop: Drop, seen: Sight | None = None) -> tuple[Tensor, Tensor]:
        """Both streams of every interaction: KND each. `seen`: of the stack, where it is known."""
        streams: tuple[Tensor, Tensor] = self.stack(
            inputs, drop, None if self.difficulty is None else self.difficulty.read(inputs.item), seen
        )
        return streams

    def _harder(self, skill: Index, item: Tensor) -> Tensor | None:
        """d · e' of targets, KND; None where items have no difficulty. skill, item: KN each."""
        if self.difficulty is None or self.harder is None:
            return None
        harder: Tensor = self.difficulty.read(item) * self.harder(skill)
        return harder

    def _hidden(self, skill: Index, harder: Tensor | None, ctx: Tensor, val: Tensor) -> Tensor:
        """W_a · [ctx, val, e] of targets, ctx and val being those that they are predicted from: KND → KNF."""
        of_ctx, of_val, of_target = self.hidden.weight.chunk(3, dim=1)
        hidden = look_up(torch.baddbmm(self.hidden.bias, self.target.weight, of_target), skill)
        if harder is not None:
            hidden = hidden.baddbmm(harder, of_target)
        return hidden.baddbmm(ctx, of_ctx).baddbmm(val, of_val)

    def _logit(self, hidden: Tensor, item: Tensor, drop: Drop) -> Tensor:
        """hidden: KNF; item: KN → KN."""
        logit: Tensor = self.logit(drop(F.relu(hidden))).squeeze(-1)
        return logit if self.difficulty is None else logit - self.difficulty(item)
