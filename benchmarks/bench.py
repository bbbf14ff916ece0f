"""How fast training is, side by side with peers and with what the machine can do: `make bench DATA=store/datasets/…`.

Everything that is compared is measured in turn in this one process, so that a ratio does not compare two states of a
noisy machine; a round measures each thing once and the table gives medians over rounds. CPU-seconds count all threads.
pyKT's models join where the package can be imported (`pip install --no-deps pykt-toolkit==0.0.38` and scikit-learn).
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from gaintrace.config import DataConfig, RunConfig, SyntheticConfig, TrainingConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.dataset import Dataset, load_dataset
from gaintrace.data.groups import Layout
from gaintrace.data.synthetic import generate
from gaintrace.training.device import environment, keep_freed_memory
from gaintrace.training.population import Population

MATMUL = 2048
STEPS = 6
"""Batches a measurement."""


@dataclass
class Timing:
    """Measurements of one thing: seconds and CPU-seconds of each round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, work: Callable[[], None]) -> None:
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)


def flops_per_token(config: RunConfig, positions: float) -> float:
    """Forward and backward floating-point operations of both encoders for one real token (2 a multiply-add).

    Matrix products only: query, key, value, output (4 D²), feed-forward (2 D F; encoder 2's last block has none), the
    head, and causal attention over `positions` earlier ones on average (2 · 2 · D each).
    """
    m = config.model
    attention = 4 * m.d_model**2 + 2 * m.d_model * positions
    feed_forward = 2 * m.d_model * m.d_ff
    head = 3 * m.d_model * m.d_ff
    products = 2 * m.n_blocks * attention + (2 * m.n_blocks - 1) * feed_forward + head
    return 3 * 2 * products


class Trainer:
    """Steps of gaintrace's own training, over the batches of one epoch."""

    def __init__(self, data: DeviceData, members: int = 1, padded_to: int | None = None) -> None:
        weights = np.linspace(0.2, 0.8, members)
        configs = {str(k): RunConfig(training=TrainingConfig(bce_loss_weight=float(w))) for k, w in enumerate(weights)}
        self.population = Population(configs, data)
        self.epoch = self.population.begin_epoch(1)
        self.data = data
        self.members = members
        if padded_to is not None:
            self.epoch.batches = [self._padded(layout, padded_to) for layout in self.epoch.batches]
        self.position = 0

    def _padded(self, layout: Layout, length: int) -> Layout:
        chunks = layout.chunk[:, layout.position == 0].numpy()
        (padded,) = self.data.train._layouts([(chunks, np.full(chunks.shape[1], length))], 1)
        return padded

    def steps(self, count: int) -> int:
        """Train on the next batches; the real targets in them, once for each member."""
        real = 0
        for _ in range(count):
            layout = self.epoch.batches[self.position % len(self.epoch.batches)]
            batch = self.data.gather(self.data.train, layout)
            self.population.train_batch(batch)
            real += int(batch.real.sum())
            self.position += 1
        return real * self.members


def peers(dataset: Dataset, config: RunConfig) -> dict[str, Callable[[int], None]]:
    """pyKT's own training steps at our width, depth and batch, on batches as its loader pads them."""
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
    data = DeviceData(dataset, config.data, torch.device("cpu"))
    batches = [
        _pykt_batch(data, chunks, length) for chunks in _random_chunks(data, config.training.batch_size, 3 * STEPS)
    ]

    def step_of(model: Any) -> Callable[[int], None]:
        optimizer = torch.optim.Adam(model.parameters(), lr=config.training.learning_rate)
        state = SimpleNamespace(position=0)

        def steps(count: int) -> None:
            for _ in range(count):
                model.train()
                loss = model_forward(model, batches[state.position % len(batches)])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                state.position += 1

        return steps

    return {name: step_of(model) for name, model in models.items()}


def _random_chunks(data: DeviceData, batch_size: int, count: int) -> list[Any]:
    order = np.random.default_rng(0).permutation(len(data.train.lengths))
    return [order[i * batch_size : (i + 1) * batch_size] for i in range(count)]


def _pykt_batch(data: DeviceData, chunks: Any, length: int) -> dict[str, torch.Tensor]:
    """What pyKT's KTDataset gives: histories padded to `length`, the same shifted by one, and masks."""
    start, lengths = data.train.start[chunks], data.train.length[chunks]
    position = torch.arange(length)
    inside = position < lengths[:, None]
    index = torch.where(inside, start[:, None] + position, 0)
    skill, response = torch.where(inside, data.skill[index], 0), torch.where(inside, data.response[index], 0)
    none = torch.zeros(0)
    return {
        "qseqs": none.reshape(0, 0), "shft_qseqs": none.reshape(0, 0), "tseqs": none, "shft_tseqs": none,
        "cseqs": skill[:, :-1], "shft_cseqs": skill[:, 1:], "rseqs": response[:, :-1], "shft_rseqs": response[:, 1:],
        "masks": inside[:, :-1], "smasks": inside[:, 1:],
    }  # fmt: skip


def throughput(dataset: Dataset, rounds: int) -> list[str]:
    """One epoch of the published model against padding, pyKT and the machine's matrix products."""
    config = RunConfig()
    data = DeviceData(dataset, config.data, torch.device("cpu"))
    ours, padded = Trainer(data), Trainer(data, padded_to=config.data.max_sequence_length)
    others = peers(dataset, config)
    a, b = torch.randn(MATMUL, MATMUL), torch.randn(MATMUL, MATMUL)
    timings: dict[str, Timing] = {}
    real = 0
    for warm_up in [True, *[False] * rounds]:
        kept = {} if warm_up else timings
        kept.setdefault("matmul", Timing()).add(lambda: [a @ b for _ in range(12)] and None)
        before = ours.position
        kept.setdefault("gaintrace", Timing()).add(lambda: ours.steps(STEPS) and None)
        kept.setdefault("gaintrace, padded to 200", Timing()).add(lambda: padded.steps(STEPS) and None)
        for name, steps in others.items():
            kept.setdefault(name, Timing()).add(lambda steps=steps: steps(STEPS // 3))
        if not warm_up:
            layouts = [ours.epoch.batches[(before + i) % len(ours.epoch.batches)] for i in range(STEPS)]
            real += sum(int(data.gather(data.train, layout).real.sum()) for layout in layouts)
    batches = len(ours.epoch.batches)
    # An epoch of ours is counted by its targets, since batches differ; of padded ones by batches, since they do not.
    scale = dict.fromkeys(timings, batches / STEPS) | dict.fromkeys(others, batches / (STEPS // 3))
    share = data.targets["train"] / (real / rounds)
    epochs = {
        name: (statistics.median(t.cpu) * scale[name], statistics.median(t.wall) * scale[name])
        for name, t in timings.items()
        if name not in ("matmul", "gaintrace")
    }
    epochs["gaintrace"] = tuple(
        statistics.median(t) * share for t in (timings["gaintrace"].cpu, timings["gaintrace"].wall)
    )
    rate = 12 * 2 * MATMUL**3 / statistics.median(timings["matmul"].wall)
    seen = np.repeat(data.train.lengths, data.train.lengths) / 2
    needed = flops_per_token(config, float(np.mean(seen))) * data.targets["train"]
    done = needed / epochs["gaintrace"][1]
    rows = [("one epoch", "CPU-seconds", "seconds", "CPU against gaintrace")]
    for name, (cpu, wall) in sorted(epochs.items(), key=lambda item: item[1]):
        rows.append((name, f"{cpu:.0f}", f"{wall:.0f}", f"{cpu / epochs['gaintrace'][0]:.1f}×"))
    return [
        _table(rows),
        f"Real interactions a second: {data.targets['train'] / epochs['gaintrace'][1]:,.0f}. "
        f"Matrix products on real tokens: {done / 1e9:.0f} GFLOP/s, {done / rate:.0%} of the {rate / 1e9:.0f} GFLOP/s "
        f"that {MATMUL}×{MATMUL} fp32 products reach in the same run.",
    ]


def growth(rounds: int) -> list[str]:
    """Cost against members, students and history length, on simulated students."""
    rows = [("what grows", "value", "µs a real interaction and member")]
    cases: dict[tuple[str, str], Trainer] = {}
    for members in (1, 2, 4, 8):
        cases["members", str(members)] = Trainer(_simulated(500, 40), members)
    for times in (1, 4, 16):
        cases["students", f"×{times}"] = Trainer(_simulated(500 * times, 40))
    for length in (25, 50, 100, 200):
        cases["mean history", str(length)] = Trainer(_simulated(500, length))
    seconds: dict[tuple[str, str], list[float]] = {case: [] for case in cases}
    for warm_up in [True, *[False] * rounds]:
        for case, trainer in cases.items():
            began = time.perf_counter()
            real = trainer.steps(2)
            if not warm_up:
                seconds[case].append((time.perf_counter() - began) / real)
    rows += [(what, value, f"{statistics.median(seconds[what, value]) * 1e6:.0f}") for what, value in cases]
    return [_table(rows)]


def _simulated(students: int, length: int) -> DeviceData:
    config = SyntheticConfig(students=students, skills=50, mean_length=length)
    return DeviceData(generate(config), DataConfig(), torch.device("cpu"))


def _table(rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a prepared data set; simulated students without it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "SPEED.md")
    arguments = parser.parse_args()
    keep_freed_memory()
    dataset = load_dataset(arguments.data) if arguments.data else generate(SyntheticConfig(students=4000, skills=100))
    about = environment(torch.device("cpu"))
    parts = [
        "# Speed",
        f"`make bench DATA={'…/' + dataset.name if arguments.data else ''}`, {arguments.rounds} rounds, medians. "
        f"{dataset.name}: {len(dataset.students):,} students, {len(dataset.interactions):,} interactions. "
        f"CPU only, {os.cpu_count()} cores ({about['threads']} threads), torch {about['torch']}. "
        "Times are of this machine on one day; read the ratios.",
        "## One epoch of the published model",
        *throughput(dataset, arguments.rounds),
        "## How cost grows",
        *growth(arguments.rounds),
    ]
    text = "\n\n".join(parts) + "\n"
    print(text)
    arguments.out.write_text(text)


if __name__ == "__main__":
    main()
