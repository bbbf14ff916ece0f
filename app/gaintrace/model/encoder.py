"""The two-stream stack that both encoders are built on. Shape letters: see the package's docstring."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaintrace.config import ModelConfig
from gaintrace.data.batches import Inputs, MemberInputs
from gaintrace.data.groups import LengthGroup
from gaintrace.model.attention import Sight, attend, sight
from gaintrace.model.layers import ComposedEmbedding, Drop, Embedding, Index, LayerNorm, Linear, look_up


class Block(nn.Module):
    """Causal attention from the context stream over the value stream, and a feed-forward network on the context.

    a    = Dropout(W_o · MHA(q = ctx, k = ctx, v = val))
    val' = LN(val + a)
    h    = LN(ctx + a)
    ctx' = LN(h + Dropout(W_2 · Dropout(relu(W_1 · h))))

    `context_out=False` leaves out what only ctx' needs, for a last block whose context nobody reads.
    """

    def __init__(self, config: ModelConfig, context_out: bool) -> None:
        super().__init__()
        width = config.d_model
        self.heads = config.n_heads
        self.query_key = Linear(width, 2 * width)
        self.value = Linear(width, width)
        self.out = Linear(width, width)
        self.norm_value = LayerNorm(width)
        self.context_out = context_out
        if context_out:
            self.norm_context = LayerNorm(width)
            self.up = Linear(width, config.d_ff)
            self.down = Linear(config.d_ff, width)
            self.norm_out = LayerNorm(width)

    def forward(
        self,
        ctx: Tensor,
        val: Tensor,
        groups: list[LengthGroup],
        drop: Drop,
        seen: Sight,
        projected: tuple[Tensor, Tensor] | None,
    ) -> tuple[Tensor, Tensor]:
        """ctx, val: KND → the same. `seen`: by each position, those up to it.

        `projected`: query_key(ctx), KN,2D, and value(val), KND, where the caller has a cheaper way to them.
        """
        # Where many kernels are launched and none casts, gradients of what is used twice are added inside products.
        fused = groups[0].packed and not torch.is_autocast_enabled(ctx.device.type)
        if projected is None:
            ctx, query_key = self.query_key.beside(ctx, fused)
            val, value = self.value.beside(val, fused)
        else:
            query_key, value = projected
        a = drop(self.out(attend(query_key, value, groups, self.heads, seen)))
        val = self.norm_value(val + a)
        if self.context_out:
            h, up = self.up.beside(self.norm_context(ctx + a), fused)
            ctx = self.norm_out(drop(self.down(drop(F.relu(up))), onto=h))
        return ctx, val


class TwoStreamStack(nn.Module):
    """Embeds interactions twice, as context and as value, and passes both through the blocks.

    An interaction's token is x = c + C·r for skill c and response r in {0, 1}; its row of the table is its own, or
    composed of what it shares with others. Both streams add the same learned positional embedding, or, instead,
    attention is biased by distance. Where items have a difficulty d, the embedding of a token is e + d · e', with e' of
    another table (Rasch embeddings, as in AKT: Ghosh et al., 2020).
    """

    def __init__(
        self, config: ModelConfig, skills: int, positions: int, context_out: bool, items: bool = False
    ) -> None:
        super().__init__()
        self.heads = config.n_heads
        self.context = self._embedding(config, skills)
        self.value = self._embedding(config, skills)
        self.position = Embedding(positions, config.d_model) if config.position == "learned" else None
        last = config.n_blocks - 1
        self.harder_context = self._embedding(config, skills) if items else None
        self.harder_value = self._embedding(config, skills) if items else None
        self.blocks = nn.ModuleList(Block(config, context_out or i < last) for i in range(config.n_blocks))

    def forward(
        self, inputs: MemberInputs, drop: Drop, difficulty: Tensor | None = None, seen: Sight | None = None
    ) -> tuple[Tensor, Tensor]:
        """Both streams of every token: KND each. `difficulty`: of the tokens' items, KN1; `seen`: from `sight`."""
        tables = self.context.table(), self.value.table()
        token, position = Index(inputs.token), Index(inputs.position.expand(inputs.token.shape))
        ctx, val = (look_up(table, token) for table in tables)
        if self.position is not None:
            embedded = self.position(position)
            ctx, val = ctx + embedded, val + embedded
        seen = seen or self.sight(inputs)
        projected = self._first_projections(*tables, token, position, inputs.length_groups[0].packed)
        if difficulty is not None and self.harder_context is not None and self.harder_value is not None:
            harder = [self.harder_context.table(), self.harder_value.table()]
            ctx, val = (
                stream + difficulty * look_up(table, token) for stream, table in zip((ctx, val), harder, strict=True)
            )
            projected = None if projected is None else self._harder_projections(projected, harder, token, difficulty)
        for block in self.blocks:
            ctx, val = block(ctx, val, inputs.length_groups, drop, seen, projected)
            projected = None
        return ctx, val

    def sight(self, inputs: Inputs, to_last_answer: bool = False) -> Sight:
        """What each position sees, fading with distance where positions are not embedded; see `attention.sight`."""
        return sight(inputs, self.heads, self.position is None, to_last_answer)

    @staticmethod
    def _embedding(config: ModelConfig, skills: int) -> Embedding | ComposedEmbedding:
        composed = config.interaction == "composed"
        return ComposedEmbedding(skills, config.d_model) if composed else Embedding(2 * skills, config.d_model)

    def _first_projections(
        self, context: Tensor, value: Tensor, token: Index, position: Index, packed: bool
    ) -> tuple[Tensor, Tensor] | None:
        """What the first block projects, looked up, where tokens outnumber the rows of the tables.

        Not in packed batches: it saves arithmetic, of which a device that takes them has enough, and launches more.

        (E[token] + P[position])·W + b = (E·W)[token] + (P·W + b)[position]

        context, value: the tables, KVD each; token, position: KN each → KN,2D and KND, as `projected` of Block.
        """
        rows = context.shape[1] + (0 if self.position is None else self.position.weight.shape[1])
        if token.number.shape[1] < rows or packed:
            return None
        first = self.blocks[0]
        assert isinstance(first, Block)
        query_key = self._through(first.query_key, context, token, position)
        return query_key, self._through(first.value, value, token, position)

    def _harder_projections(
        self, projected: tuple[Tensor, Tensor], harder: list[Tensor], token: Index, difficulty: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The same with what difficulty adds: d · (E'·W)[token]. `harder`: the tables E', KVD each."""
        first = self.blocks[0]
        assert isinstance(first, Block)
        added = (
            look_up(torch.bmm(table, linear.weight), token)
            for table, linear in zip(harder, (first.query_key, first.value), strict=True)
        )
        query_key, value = (own.addcmul(difficulty, more) for own, more in zip(projected, added, strict=True))
        return query_key, value

    def _through(self, linear: Linear, table: Tensor, token: Index, position: Index) -> Tensor:
        """What `linear` makes of one of the streams. table: KVD; token, position: KN → KN…."""
        if self.position is None:
            return look_up(linear(table), token)
        mapped = torch.bmm(table, linear.weight)
        return look_up(mapped, token) + look_up(linear(self.position.weight), position)
