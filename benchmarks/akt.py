"""pyKT's AKT, its model untouched, trained and judged on the batches and targets that gaintrace trains on.

pyKT's own loader reads each row of an answer of several skills as an interaction, so its AKT finds the response that it
is asked for among the rows before it. Here, as in gaintrace, a target sees earlier answers only: the attention that
reads responses is told so. Where answers have one skill that is what pyKT does.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaintrace.config import RunConfig
from gaintrace.data.batches import Batch, DeviceData
from gaintrace.data.chunks import Split
from gaintrace.data.groups import LengthGroup
from gaintrace.model.dual import derived_seed
from gaintrace.training.evaluation import TOKENS, score

PATIENCE = 5


class EarlierAnswers(nn.Module):
    """pyKT's attention over responses, with what each row may see given for each sequence: BLL, bool."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.attention = attention
        self.seen: Tensor = torch.empty(0)

    def forward(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor, zero_pad: bool, pdiff: Any = None) -> Tensor:
        out: Tensor = self.attention(q, k, v, mask=self.seen[:, None], zero_pad=zero_pad, pdiff=pdiff)
        # Where nothing was seen pyKT's softmax is uniform; it zeroes that itself for the first row only.
        nothing = ~self.seen.any(dim=-1, keepdim=True)
        bias: Tensor = self.attention.out_proj.bias
        return torch.where(nothing, bias, out)


class Akt:
    """AKT at the width, depth, dropout, batch and learning rate of a configuration."""

    def __init__(self, data: DeviceData, config: RunConfig) -> None:
        from pykt.models.akt import AKT

        self.data, self.config = data, config
        torch.manual_seed(derived_seed(config.training.seed, "akt"))
        m = config.model
        self.model = AKT(data.skills, 0, m.d_model, m.n_blocks, m.dropout, m.d_ff, num_attn_heads=m.n_heads)
        self.retrievers = []
        for layer in self.model.model.blocks_2[1::2]:  # every other one reads responses
            layer.masked_attn_head = EarlierAnswers(layer.masked_attn_head)
            self.retrievers.append(layer.masked_attn_head)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=config.training.learning_rate)

    def train(self, checkpoint: Path) -> dict[str, Any]:
        """Train until validation has not improved for PATIENCE epochs. Scores at the best epoch.

        What is trained is kept in `checkpoint` after each epoch, and training goes on from there.
        """
        at: dict[str, Any] = {"epoch": 0, "cpu": 0.0, "best": {"valid": 0.0}, "weights": {}}
        if checkpoint.exists():
            at = torch.load(checkpoint, weights_only=True)
            self.model.load_state_dict(at["model"])
            self.optimizer.load_state_dict(at["optimizer"])
            torch.set_rng_state(at["rng"])
        while at["epoch"] < self.config.training.epochs and at["epoch"] - at["best"].get("epoch", 0) < PATIENCE:
            began = time.process_time()
            at["epoch"] += 1
            self._epoch(at["epoch"])
            valid = self.evaluate(self.data.valid)
            at["cpu"] += time.process_time() - began
            print(f"AKT epoch {at['epoch']}: {valid:.4f}, {at['cpu']:.0f} CPU-s", flush=True)
            if valid > at["best"]["valid"]:
                at["best"] = {"valid": valid, "epoch": at["epoch"]}
                at["weights"] = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
            state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
            _save({**at, **state, "rng": torch.get_rng_state()}, checkpoint)
        self.model.load_state_dict(at["weights"])
        return {**at["best"], "test": self.evaluate(self.data.test), "epochs": at["epoch"], "cpu": at["cpu"]}

    def _epoch(self, number: int) -> None:
        self.model.train()
        train, seed = self.data.train, self.config.training.seed
        seeds = derived_seed("shapes", number), [derived_seed(seed, "batches", number)]
        for layout in train.training(self.config.training.batch_size, *seeds):
            batch = self.data.gather(train, layout)
            count = batch.targets.real.sum()
            for predicted, response, real in self._groups(batch):
                (F.binary_cross_entropy(predicted[real], response[real], reduction="sum") / count).backward()
            self.optimizer.step()
            self.optimizer.zero_grad()

    @torch.no_grad()
    def evaluate(self, split: Split) -> float:
        """AUC over the targets that gaintrace is judged by."""
        self.model.eval()
        parts = []
        for layout in split.evaluation(TOKENS):
            for predicted, response, real in self._groups(self.data.gather(split, layout)):
                parts.append((predicted[real], response[real]))
        predicted, response = (torch.cat(part) for part in zip(*parts, strict=True))
        auc = score(torch.logit(predicted.clamp(1e-7, 1 - 1e-7)), response).auc
        assert auc is not None
        return auc

    def _groups(self, batch: Batch) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Probability, response and whether it counts of every target, group by group: B,L − 1 each."""
        inputs, targets = batch.inputs, batch.targets
        for group in inputs.length_groups:
            skill, target, steps = (
                _of(group, x) for x in (inputs.skill, inputs.target_skill, inputs.steps_to_last_answer)
            )
            answered, response, real = (
                _of(group, x) for x in (inputs.token >= self.data.skills, targets.response, targets.real)
            )
            skills = torch.cat([skill, target[:, -1:]], dim=1)
            responses = torch.cat([answered.long(), response[:, -1:].long()], dim=1)
            row = torch.arange(group.positions + 1)
            last = row - F.pad(steps, (1, 0), value=1)  # B,L: the last row before each row's answer
            for retriever in self.retrievers:
                retriever.seen = row <= last[..., None]
            predicted, _ = self.model(skills, responses)
            yield predicted[:, 1:], response, real


def _save(state: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def _of(group: LengthGroup, x: Tensor) -> Tensor:
    return x[0, group.start : group.stop].view(group.rows, group.positions)
