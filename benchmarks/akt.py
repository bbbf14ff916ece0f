"""pyKT's AKT, its model untouched, trained and judged on the batches and targets that gaintrace trains on.

pyKT's own loader reads each row of an answer of several skills as an interaction, so its AKT finds the response that it
is asked for among the rows before it. Here, as in gaintrace, a target sees earlier answers only: the attention that
reads responses is told so. Where answers have one skill that is what pyKT does.

With questions AKT varies each skill's vectors by the item (its Rasch embeddings), and pulls the items' variations to
none, as pyKT does. Averaged weights are the preset's: the same average, evaluated and kept in place of the weights.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gaintrace.config import RunConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.chunks import Split
from gaintrace.data.dataset import Dataset
from gaintrace.data.groups import Layout, LengthGroup
from gaintrace.errors import DataError
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

    def __init__(self, dataset: Dataset, config: RunConfig, questions: bool = False, averaged: bool = False) -> None:
        """`questions`: reads the items, too; `averaged`: by the weight_average of the configuration."""
        from pykt.models.akt import AKT

        self.config = config
        self.data = data = DeviceData(dataset, config.data, torch.device("cpu"))
        self.item = torch.from_numpy(dataset.interactions["item"].to_numpy("int64")) + 1  # 0 is an unknown item
        items = int(self.item.max()) if questions else 0
        if questions and not items:
            raise DataError(f"data set {dataset.name} has no items: leave out the models with questions")
        torch.manual_seed(derived_seed(config.training.seed, "akt"))
        m = config.model
        self.model = AKT(data.skills, items, m.d_model, m.n_blocks, m.dropout, m.d_ff, num_attn_heads=m.n_heads)
        for layer in _retrieving(self.model):
            layer.masked_attn_head = EarlierAnswers(layer.masked_attn_head)
        self.average = _Average(self.model, config.training.weight_average) if averaged else None
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=config.training.learning_rate)

    @property
    def evaluated(self) -> nn.Module:
        """The model with the weights that are judged and kept."""
        return self.model if self.average is None else self.average.module

    def train(self, checkpoint: Path) -> dict[str, Any]:
        """Train until validation has not improved for PATIENCE epochs. Scores at the best epoch.

        What is trained is kept in `checkpoint` after each epoch, and training goes on from there.
        """
        at: dict[str, Any] = {"epoch": 0, "cpu": 0.0, "best": {"valid": 0.0}, "weights": {}}
        if checkpoint.exists():
            at = torch.load(checkpoint, weights_only=True)
            self.model.load_state_dict(at["model"])
            self.optimizer.load_state_dict(at["optimizer"])
            if self.average is not None:
                self.average.load_state_dict(at["average"])
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
                at["weights"] = {name: tensor.clone() for name, tensor in self.evaluated.state_dict().items()}
            state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
            if self.average is not None:
                state["average"] = self.average.state_dict()
            _save({**at, **state, "rng": torch.get_rng_state()}, checkpoint)
        self.evaluated.load_state_dict(at["weights"])
        return {**at["best"], "test": self.evaluate(self.data.test), "epochs": at["epoch"], "cpu": at["cpu"]}

    def _epoch(self, number: int) -> None:
        self.model.train()
        train, seed = self.data.train, self.config.training.seed
        seeds = derived_seed("shapes", number), [derived_seed(seed, "batches", number)]
        for layout in train.training(self.config.training.batch_size, *seeds):
            count = self.data.gather(train, layout).targets.real.sum()
            for predicted, response, real, pull in self._groups(self.model, train, layout):
                loss = F.binary_cross_entropy(predicted[real], response[real], reduction="sum") / count
                (loss + pull).backward()
            self.optimizer.step()
            self.optimizer.zero_grad()
            if self.average is not None:
                self.average.update_parameters(self.model)

    @torch.no_grad()
    def evaluate(self, split: Split) -> float:
        """AUC over the targets that gaintrace is judged by."""
        self.evaluated.eval()
        parts = []
        for layout in split.evaluation(TOKENS):
            for predicted, response, real, _ in self._groups(self.evaluated, split, layout):
                parts.append((predicted[real], response[real]))
        predicted, response = (torch.cat(part) for part in zip(*parts, strict=True))
        auc = score(torch.logit(predicted.clamp(1e-7, 1 - 1e-7)), response).auc
        assert auc is not None
        return auc

    def _groups(
        self, model: Any, split: Split, layout: Layout
    ) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor | float]]:
        """Probability, response and whether it counts of every target, group by group: B,L − 1 each. And what pulls
        the items of the group to no variation, to be added to the loss."""
        batch = self.data.gather(split, layout)
        inputs, targets = batch.inputs, batch.targets
        rows = split.start[layout.chunk] + layout.position  # SN
        left = split.length[layout.chunk] - 1 - layout.position  # interactions of the chunk that follow
        item, target_item = (
            torch.where(left >= ahead, self.item[(rows + ahead).clamp(max=len(self.item) - 1)], 0) for ahead in (0, 1)
        )
        for group in inputs.length_groups:
            skill, target, steps, of_item, of_target = (
                _of(group, x)
                for x in (inputs.skill, inputs.target_skill, inputs.steps_to_last_answer, item, target_item)
            )
            answered, response, real = (
                _of(group, x) for x in (inputs.token >= self.data.skills, targets.response, targets.real)
            )
            skills = torch.cat([skill, target[:, -1:]], dim=1)
            responses = torch.cat([answered.long(), response[:, -1:].long()], dim=1)
            items = torch.cat([of_item, of_target[:, -1:]], dim=1)
            row = torch.arange(group.positions + 1)
            last = row - F.pad(steps, (1, 0), value=1)  # B,L: the last row before each row's answer
            for layer in _retrieving(model):
                layer.masked_attn_head.seen = row <= last[..., None]
            predicted, pull = model(skills, responses, items)
            yield predicted[:, 1:], response, real, pull


class _Average(AveragedModel):
    """The running average of gaintrace.training.side: it starts short and grows to its length."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__(model, multi_avg_fn=self._move)
        self.decay = decay

    def _move(self, mine: Any, weights: Any, earlier: Tensor) -> None:
        steps = int(earlier) + 1
        decay = min(self.decay, (1 + steps) / (10 + steps))
        get_ema_multi_avg_fn(decay)(mine, weights, steps)


def _retrieving(model: Any) -> Any:
    """The layers of an AKT that read responses: every other one."""
    return model.model.blocks_2[1::2]


def _save(state: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def _of(group: LengthGroup, x: Tensor) -> Tensor:
    return x[0, group.start : group.stop].view(group.rows, group.positions)
