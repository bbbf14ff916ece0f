"""Encoder 1: predicts the next response as well as it can. Shape letters: see the package's docstring."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaintrace.config import ModelConfig
from gaintrace.data.batches import MemberInputs
from gaintrace.model.attention import Sight, attend
from gaintrace.model.encoder import TwoStreamStack
from gaintrace.model.items import difficulty_of
from gaintrace.model.layers import Drop, Embedding, Index, LayerNorm, Linear, look_up
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
        query, asked = look_up(self.query(skills.weight), target), skills(target)
        if harder is not None:
            query, asked = query + torch.bmm(harder, self.query.weight), asked + harder
        key = look_up(self.key(skills.weight), Index(inputs.skill)) + self.key_context(ctx)
        attended = attend((query, key), self.value(val), inputs.length_groups, self.heads, seen)
        found: Tensor = self.norm(drop(self.out(attended), onto=asked))
        return found


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
        of_items = None if self.difficulty is None else self.difficulty.read(inputs.item)
        seen = self.stack.sight(inputs)
        ctx, val = self.stack(inputs, drop, of_items, seen)
        of_ctx, of_val, of_target = self.hidden.weight.chunk(3, dim=1)
        target = Index(inputs.target_skill)
        hidden = look_up(torch.baddbmm(self.hidden.bias, self.target.weight, of_target), target)
        harder = None
        if self.difficulty is not None and self.harder is not None:
            harder = self.difficulty.read(inputs.target_item) * self.harder(target)
            hidden = hidden.baddbmm(harder, of_target)
        hidden = hidden.baddbmm(inputs.at_last_answered(ctx), of_ctx).baddbmm(inputs.at_last_answered(val), of_val)
        if self.target_attention is not None:
            if not inputs.one_skill_per_answer:
                seen = self.stack.sight(inputs, to_last_answer=True)
            found = self.target_attention(self.target, target, harder, ctx, val, inputs, seen, drop)
            counted = counts(inputs, self.target.weight.shape[1], items=harder is not None)
            hidden = hidden + self.hidden_found(found) + self.hidden_counts(counted)
        logit: Tensor = self.logit(drop(F.relu(hidden))).squeeze(-1)
        return logit if self.difficulty is None else logit - self.difficulty(inputs.target_item)
