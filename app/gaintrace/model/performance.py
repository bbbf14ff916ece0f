"""Encoder 1: predicts the next response as well as it can. Shape letters: see the package's docstring."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaintrace.config import ModelConfig
from gaintrace.data.batches import Batch
from gaintrace.model.attention import attend
from gaintrace.model.encoder import Drop, TwoStreamStack
from gaintrace.model.layers import Embedding, LayerNorm, Linear, look_up
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
        self, skills: Embedding, ctx: Tensor, val: Tensor, batch: Batch, bias: Tensor | None, drop: Drop
    ) -> Tensor:
        """skills: the embedding e; ctx, val: KND of every interaction → KND of every target."""
        practised = batch.token % skills.weight.shape[1]
        query = look_up(self.query(skills.weight), batch.target_skill)
        key = look_up(self.key(skills.weight), practised) + self.key_context(ctx)
        back = None if batch.aligned else batch.back
        attended = attend((query, key), self.value(val), batch.groups, self.heads, bias, back)
        found: Tensor = self.norm(skills(batch.target_skill) + drop(self.out(attended)))
        return found


def counts(batch: Batch, skills: int) -> Tensor:
    """How often the target's skill was answered right before, and wrong, and how many interactions there were: KN3.

    As log(1 + n). Attention averages: it knows shares of right answers, and little of how many there were.
    """
    right = (batch.token >= skills).float()
    length = batch.position.to(right.dtype).expand(right.shape)
    return torch.log1p(
        torch.stack([practised_before(right, batch), practised_before(1 - right, batch), length], dim=-1)
    )


class PerformanceEncoder(nn.Module):
    """logit = W_b · Dropout(relu(W_a · [ctx, val, e(target skill)])).

    With `target: past`, what the target finds in the student's past is a further input: by attention, and by counts.
    """

    def __init__(self, config: ModelConfig, skills: int, positions: int) -> None:
        super().__init__()
        self.stack = TwoStreamStack(config, skills, positions, context_out=True)
        self.target = Embedding(skills, config.d_model)
        self.hidden = Linear(3 * config.d_model, config.d_ff)
        self.logit = Linear(config.d_ff, 1)
        self.target_attention: TargetAttention | None = None
        if config.target == "past":
            self.target_attention = TargetAttention(config)
            self.hidden_found = Linear(config.d_model, config.d_ff)
            self.hidden_counts = Linear(3, config.d_ff)

    def forward(self, batch: Batch, drop: Drop) -> Tensor:
        """Logits of a correct response at every target: KN."""
        ctx, val = self.stack(batch, drop)
        of_ctx, of_val, of_target = self.hidden.weight.chunk(3, dim=1)
        hidden = look_up(torch.baddbmm(self.hidden.bias, self.target.weight, of_target), batch.target_skill)
        hidden = hidden.baddbmm(batch.at_source(ctx), of_ctx).baddbmm(batch.at_source(val), of_val)
        if self.target_attention is not None:
            found = self.target_attention(self.target, ctx, val, batch, self.stack.bias(batch), drop)
            hidden = hidden + self.hidden_found(found) + self.hidden_counts(counts(batch, self.target.weight.shape[1]))
        logit: Tensor = self.logit(drop(F.relu(hidden)))
        return logit.squeeze(-1)
