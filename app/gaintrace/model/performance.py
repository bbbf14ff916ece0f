"""Encoder 1: predicts the next response as well as it can. Shape letters: see the package's docstring."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaintrace.config import ModelConfig
from gaintrace.data.batches import Batch
from gaintrace.model.encoder import Drop, TwoStreamStack
from gaintrace.model.layers import Embedding, Linear, look_up


class PerformanceEncoder(nn.Module):
    """logit = W_b · Dropout(relu(W_a · [ctx, val, embedding(target skill)]))."""

    def __init__(self, config: ModelConfig, skills: int, positions: int) -> None:
        super().__init__()
        self.stack = TwoStreamStack(config, skills, positions, context_out=True)
        self.target = Embedding(skills, config.d_model)
        self.hidden = Linear(3 * config.d_model, config.d_ff)
        self.logit = Linear(config.d_ff, 1)

    def forward(self, batch: Batch, drop: Drop) -> Tensor:
        """Logits of a correct response at every target: KN."""
        ctx, val = self.stack(batch, drop)
        of_ctx, of_val, of_target = self.hidden.weight.chunk(3, dim=1)
        hidden = look_up(torch.baddbmm(self.hidden.bias, self.target.weight, of_target), batch.target_skill)
        hidden = hidden.baddbmm(batch.at_source(ctx), of_ctx).baddbmm(batch.at_source(val), of_val)
        logit: Tensor = self.logit(drop(F.relu(hidden)))
        return logit.squeeze(-1)
