"""What a device that only computes leaves to the host: launching a step's operators, unless shapes recur."""

from collections import Counter
from typing import Any

import torch
from measure import Timing, table
from torch.utils._python_dispatch import TorchDispatchMode

from gaintrace.config import DataConfig, ModelConfig, RunConfig, SyntheticConfig, TrainingConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.dataset import Dataset
from gaintrace.data.synthetic import generate
from gaintrace.training.population import Epoch, Population

MEMBERS = (1, 6)
STEPS = 30
EPOCHS = 12
NARROW = {"d_model": 4, "d_ff": 4, "n_heads": 1}
"""Little else is left of a step's time than calling its operators."""


class Operators(TorchDispatchMode):
    """Counts what is called, and what of it would be a kernel on a GPU: neither a view nor a mere allocation."""

    def __init__(self) -> None:
        super().__init__()
        self.called = self.kernels = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.called += 1
        self.kernels += not (function.is_view or "empty" in function.name() or "profiler" in function.name())
        return function(*args, **(kwargs or {}))


def host(dataset: Dataset, rounds: int) -> list[str]:
    """Measured on the CPU, also where a GPU is."""
    rows = [("members", "operators a step", "kernels of them")]
    for members in MEMBERS:
        epoch = _epoch(dataset, DataConfig(), members, TrainingConfig().batch_size)
        with Operators() as operators:
            epoch.advance()
        rows.append((str(members), f"{operators.called:,}", f"{operators.kernels:,}"))
    epoch = _epoch(generate(SyntheticConfig(students=2000, skills=10)), DataConfig(max_sequence_length=12), 1, 16)
    timing = Timing(torch.device("cpu"))
    for _ in range(rounds):
        timing.add(lambda: [epoch.advance() for _ in range(STEPS)])
    return [
        table(rows),
        f"Calling them takes about {1000 * timing.device_seconds / STEPS:.0f} CPU-ms a step: of one run at width 4, on "
        "histories of 12 interactions, where there is little to compute. Launched from such a core, a step takes no "
        "less on a GPU.",
        _shapes(dataset),
    ]


def _epoch(dataset: Dataset, data: DataConfig, members: int, batch_size: int) -> Epoch:
    """An epoch of narrow models, past its first step, in the shapes of a GPU."""
    training = [TrainingConfig(bce_loss_weight=0.2 + 0.1 * k, batch_size=batch_size) for k in range(members)]
    model = ModelConfig(**{**ModelConfig().model_dump(), **NARROW})
    configs = {str(k): RunConfig(model=model, training=each) for k, each in enumerate(training)}
    population = Population(configs, DeviceData(dataset, data, torch.device("cpu")))
    population.packing = population.data.train.packed(batch_size)
    epoch = population.begin_epoch(1)
    epoch.advance()
    return epoch


def _shapes(dataset: Dataset) -> str:
    """How well recurring shapes fit batches of the published size. Counted, not timed."""
    config = RunConfig()
    data = DeviceData(dataset, config.data, torch.device("cpu"))
    size = config.training.batch_size
    packing = data.train.packed(size)
    counts, tokens, own = Counter[Any](), 0, 0
    for epoch in range(EPOCHS):
        layouts = data.train.training(size, epoch, [0], packing)
        counts.update(tuple(layout.length_groups) for layout in layouts)
        tokens += sum(layout.tokens for layout in layouts)
        own += sum(layout.tokens for layout in data.train.training(size, epoch, [0]))
    fitting = sum(count for _, count in counts.most_common(len(packing.rows))) / counts.total()
    real = EPOCHS * data.targets["train"]
    return (
        f"Steps can be replayed on batches whose shape recurs: {fitting:.1%} of {dataset.name}'s have one of "
        f"{len(packing.rows)}, with {tokens / real - 1:.0%} padding, against {own / real - 1:.1%} in length groups."
    )
