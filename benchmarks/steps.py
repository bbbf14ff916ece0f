"""Training steps to be timed: gaintrace's own, and pyKT's at the same width, depth and batch on the same data."""

from collections.abc import Callable
from itertools import cycle
from typing import Any

import numpy as np
import torch

from gaintrace.config import RunConfig, TrainingConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.dataset import Dataset
from gaintrace.data.groups import Layout
from gaintrace.training.population import Population
from gaintrace.training.replay import recorder_for


class Trainer:
    """Steps of gaintrace's own training, over the batches of one epoch.

    `padded_to`: pad every sequence to so many. `replayed`: where the device can, once `warm` has seen the shapes.
    """

    def __init__(
        self,
        data: DeviceData,
        members: int = 1,
        precision: str = "fp32",
        padded_to: int | None = None,
        replayed: bool = True,
    ) -> None:
        weights = np.linspace(0.2, 0.8, members)
        configs = {
            str(k): RunConfig(training=TrainingConfig(bce_loss_weight=float(w), precision=precision))
            for k, w in enumerate(weights)
        }
        recorder = recorder_for(data.device) if replayed else None
        self.population = Population(configs, data, recorder, lambda outcome: print(outcome, flush=True))
        if not replayed:  # in the same shapes, so that nothing else differs
            self.population.packing = data.train.packed(self.population.first.training.batch_size)
        self.epoch = self.population.begin_epoch(1)
        self.data = data
        self.members = members
        if padded_to is not None:
            self.epoch.batches = [self._padded(layout, padded_to) for layout in self.epoch.batches]
        self.batches = cycle(self.epoch.batches)
        self.trained: list[Layout] = []

    def _padded(self, layout: Layout, length: int) -> Layout:
        chunks = layout.chunk[:, layout.position == 0].cpu().numpy()
        (padded,) = self.data.train._layouts([(chunks, np.full(chunks.shape[1], length))], 1)
        return padded

    def warm(self) -> None:
        """Take a step; where steps are replayed, so many that recordings are made before anything is timed."""
        self.steps(1 if self.population.packing is None else 2 * len(self.epoch.batches))
        self.trained.clear()

    def steps(self, count: int) -> None:
        """Train on the next batches."""
        for _ in range(count):
            layout = next(self.batches)
            self.population.step(layout)
            self.trained.append(layout)

    def real_targets(self) -> int:
        """Real targets in the batches since the last call, once for each member."""
        batches = (self.data.gather(self.data.train, layout) for layout in self.trained)
        real = sum(int(batch.targets.real.sum()) for batch in batches) * self.members
        self.trained = []
        return real


def peers(dataset: Dataset, config: RunConfig, device: torch.device) -> dict[str, Callable[[int], None]]:
    """pyKT's own training steps, by model, on batches as its loader pads them; empty where it is not installed."""
    try:
        from pykt.models.akt import AKT
        from pykt.models.sakt import SAKT
        from pykt.models.train_model import model_forward
    except ImportError as error:
        print(f"pyKT is left out: {error}")
        return {}
    m, skills, length = config.model, len(dataset.skills), config.data.max_sequence_length
    models: dict[str, Any] = {
        "pyKT AKT": AKT(skills, 0, m.d_model, m.n_blocks, m.dropout, m.d_ff, num_attn_heads=m.n_heads),
        "pyKT SAKT": SAKT(skills, length, m.d_model, m.n_heads, m.dropout, m.n_blocks),
    }
    data = DeviceData(dataset, config.data, device)
    order = np.random.default_rng(0).permutation(len(data.train.lengths))
    size = config.training.batch_size
    batches = [_pykt_batch(data, order[first : first + size], length) for first in range(0, 12 * size, size)]

    def step_of(model: Any) -> Callable[[int], None]:
        model.to(device).train()
        optimizer = torch.optim.Adam(model.parameters(), lr=config.training.learning_rate)
        turns = cycle(batches)

        def steps(count: int) -> None:
            for _ in range(count):
                loss = model_forward(model, next(turns))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

        return steps

    return {name: step_of(model) for name, model in models.items()}


def _pykt_batch(data: DeviceData, chunks: Any, length: int) -> dict[str, torch.Tensor]:
    """What pyKT's KTDataset gives: histories padded to `length`, the same shifted by one, and masks."""
    rows = torch.from_numpy(chunks).to(data.device)
    start, lengths = data.train.start[rows], data.train.length[rows]
    position = torch.arange(length, device=data.device)
    inside = position < lengths[:, None]
    index = torch.where(inside, start[:, None] + position, 0)
    skill, response = torch.where(inside, data.skill[index], 0), torch.where(inside, data.response[index], 0)
    none = torch.zeros(0)
    return {
        "qseqs": none.reshape(0, 0), "shft_qseqs": none.reshape(0, 0), "tseqs": none, "shft_tseqs": none,
        "cseqs": skill[:, :-1], "shft_cseqs": skill[:, 1:], "rseqs": response[:, :-1], "shft_rseqs": response[:, 1:],
        "masks": inside[:, :-1], "smasks": inside[:, 1:],
    }  # fmt: skip
