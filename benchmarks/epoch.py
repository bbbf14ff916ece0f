"""One epoch of the published model: against padding, pyKT, and the rate of the machine's own matrix products."""

import numpy as np
import torch
from measure import Timing, table
from steps import Trainer, peers

from gaintrace.config import RunConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.dataset import Dataset

MATMUL = 2048
STEPS = 6
"""Batches a measurement; a third of that where they are padded, since each costs several times as much."""
OURS = "gaintrace"


def flops_per_target(config: RunConfig, positions: float) -> float:
    """Floating-point operations of both encoders for one real target, forward and backward (2 a multiply-add).

    Matrix products of the model as it is defined: query, key, value and output (4 D²), feed-forward (2 D F; encoder
    2's last block has none), the head (3 D F), and causal attention over `positions` earlier ones on average (2 D
    each). A backward pass counts as two forward ones.
    """
    m = config.model
    attention = 4 * m.d_model**2 + 2 * m.d_model * positions
    feed_forward = 2 * m.d_model * m.d_ff
    products = 2 * m.n_blocks * attention + (2 * m.n_blocks - 1) * feed_forward + 3 * m.d_model * m.d_ff
    return 3 * 2 * products


def flops_looked_up(config: RunConfig, skills: int, tokens: float) -> float:
    """The part of them that is not computed for every target but looked up, less the tables of each batch."""
    m = config.model
    rows = 2 * skills + config.data.max_sequence_length - 1
    first = 2 * 3 * m.d_model**2 * (1 - rows / tokens)
    return 3 * 2 * (first + m.d_model * m.d_ff * (1 - skills / tokens))


def one_epoch(dataset: Dataset, rounds: int, device: torch.device) -> list[str]:
    """Everything in turn, in every round, so that a ratio does not compare two states of a noisy machine."""
    config = RunConfig()
    data = DeviceData(dataset, config.data, device)
    fitted = {OURS: Trainer(data), "gaintrace, bf16": Trainer(data, precision="bf16")}
    if device.type == "cuda":
        fitted["gaintrace, steps launched one by one"] = Trainer(data, replayed=False)
    padded = Trainer(data, padded_to=config.data.max_sequence_length)
    others = {"gaintrace, padded to 200": padded.steps} | peers(dataset, config, device)
    for trainer in (*fitted.values(), padded):
        trainer.warm()
    a, b = torch.randn(2, MATMUL, MATMUL, device=device)
    matmul, timings = Timing(device), {name: Timing(device) for name in (*fitted, *others)}
    for _ in range(rounds):
        matmul.add(lambda: [a @ b for _ in range(12)])
        for name, trainer in fitted.items():
            timings[name].add(lambda trainer=trainer: trainer.steps(STEPS))
        for name, steps in others.items():
            timings[name].add(lambda steps=steps: steps(STEPS // 3))
    batches, targets = len(padded.epoch.batches), data.targets["train"]
    # An epoch of fitted batches counts by their targets, since they differ; of padded ones by batches, which do not.
    scale = dict.fromkeys(others, batches / (STEPS // 3))
    scale |= {name: targets * rounds / trainer.real_targets() for name, trainer in fitted.items()}
    rows = [("one epoch", "CPU-seconds", "seconds", "against gaintrace")]
    own = timings[OURS].device_seconds * scale[OURS]
    for name, timing in sorted(timings.items(), key=lambda item: item[1].device_seconds * scale[item[0]]):
        cpu, wall = float(np.median(timing.cpu)) * scale[name], timing.seconds * scale[name]
        rows.append((name, f"{cpu:.0f}", f"{wall:.0f}", f"{timing.device_seconds * scale[name] / own:.2f}×"))
    return [
        table(rows),
        f"An epoch has {batches} batches; measured were {rounds} times {STEPS} of them ({STEPS // 3} where padded to "
        "200, as pyKT pads), in turn, and scaled. The last column compares CPU-seconds on a CPU, seconds on a GPU.",
        *_rate(config, dataset, data, own, 12 * 2 * MATMUL**3 / matmul.device_seconds, fitted[OURS]),
    ]


def _rate(
    config: RunConfig, dataset: Dataset, data: DeviceData, epoch: float, machine: float, ours: Trainer
) -> list[str]:
    """Real targets a second, and the share of the machine's rate; `epoch`: device-seconds."""
    targets = data.targets["train"]
    seen = np.repeat(data.train.lengths - 1, data.train.lengths - 1) / 2  # of each target, on average in its chunk
    tokens = np.mean([layout.tokens for layout in ours.epoch.batches])
    needed = flops_per_target(config, float(seen.mean()))
    skipped = flops_looked_up(config, len(dataset.skills), float(tokens))
    defined, done = (flops * targets / epoch for flops in (needed, needed - skipped))
    second = "CPU-second" if data.device.type == "cpu" else "second"
    padding = tokens * len(ours.epoch.batches) / targets - 1
    return [
        f"Real interactions a {second}: {targets / epoch:,.0f}. The model's matrix products on them are "
        f"{needed / 1e6:.1f} MFLOP each: {defined / 1e9:.0f} GFLOP a {second}, {defined / machine:.0%} of the "
        f"{machine / 1e9:.0f} that {MATMUL}×{MATMUL} fp32 products reach in the same run. {skipped / needed:.0%} of "
        f"them are looked up rather than computed; without those it is {done / machine:.0%}. Padding, {padding:.1%} "
        "of the tokens, and everything that is no matrix product count as nothing.",
    ]
