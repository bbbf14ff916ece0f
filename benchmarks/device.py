"""A step of the published model on a GPU: its time by runs and by arithmetic, and where that goes."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from epoch import flops_per_target
from measure import Timing, table
from steps import Trainer
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from gaintrace.config import RunConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.dataset import Dataset

MATMUL = 8192
STEPS = 20
"""Steps a measurement."""
CASES = (
    (1, "fp32", False, False),
    (1, "fp32", False, True),
    (1, "fp32", True, True),
    (1, "bf16", False, True),
    (6, "fp32", False, True),
    (6, "fp32", True, True),
    (6, "bf16", False, False),
    (6, "bf16", False, True),
    (27, "bf16", False, True),
)
"""Members, precision, whether fp32 products are TF32's, and whether steps are replayed."""
KINDS = {
    "attention": r"fmha|flash|attention|sdpa",
    "products": r"gemm|cutlass|xmma|nvjet|splitk|gemv",
    "sorts": r"sort|radix",
    "layer norms": r"layer_?norm|GammaBeta",
    "random numbers": r"philox|random|distribution",
    "optimizer, norms and clip": r"multi_tensor|adam|lpnorm|norm",
    "sums": r"reduce|sum",
    "look-ups": r"index|embedding|gather|scatter",
    "copies and arithmetic by element": r"elementwise|copy|cat|fill|where|memset|memcpy",
}
"""Of kernels by their names; the first that fits counts."""


def step(dataset: Dataset, rounds: int, device: torch.device) -> list[str]:
    """Milliseconds a step, and what the machine's own products reach in the same run."""
    data = DeviceData(dataset, RunConfig().data, device)
    rows = [("members", "precision", "how", "ms a step", "s an epoch", "memory at most")]
    for members, precision, tf32, replayed in CASES:
        torch.cuda.reset_peak_memory_stats(device)
        with _tf32(tf32):
            trainer, timing = Trainer(data, members, precision, replayed=replayed), Timing(device)
            trainer.warm()
            for _ in range(rounds):
                timing.add(lambda trainer=trainer: trainer.steps(STEPS))
        each = timing.seconds / STEPS
        rows.append(
            (
                str(members),
                precision + (", TF32 products" if tf32 else ""),
                "replayed" if replayed else "launched",
                f"{1000 * each:.1f}",
                f"{each * len(trainer.epoch.batches):.2f}",
                f"{torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB",
            )
        )
        del trainer
    return [table(rows), _rates(rounds, device)]


def kernels(dataset: Dataset, device: torch.device) -> list[str]:
    """Where the time of a replayed step goes, by kind of kernel."""
    data, found = DeviceData(dataset, RunConfig().data, device), []
    for members, precision in ((1, "fp32"), (6, "bf16")):
        trainer = Trainer(data, members, precision)
        trainer.warm()
        with profile(activities=[ProfilerActivity.CUDA]) as profiled:
            trainer.steps(STEPS)
            torch.cuda.synchronize(device)
        seconds, launches = Counter[str](), Counter[str]()
        for event in profiled.key_averages():
            if event.device_type == DeviceType.CUDA:
                seconds[kind_of(event.key)] += event.self_device_time_total / 1e6
                launches[kind_of(event.key)] += event.count
        rows = [("kind of kernel", "ms a step", "launches a step")]
        rows += [
            (kind, f"{1000 * s / STEPS:.2f}", f"{launches[kind] / STEPS:.0f}") for kind, s in seconds.most_common()
        ]
        rows.append(("all", f"{1000 * seconds.total() / STEPS:.2f}", f"{launches.total() / STEPS:.0f}"))
        found += [f"{members} member{'s' * (members > 1)}, {precision}, replayed:", table(rows)]
        del trainer
    targets = data.targets["train"] / math.ceil(len(data.train.lengths) / RunConfig().training.batch_size)
    needed = flops_per_target(RunConfig(), float((data.train.lengths - 1).mean()) / 2) * targets
    return [*found, f"The products of a step of one run as the model is defined: {needed / 1e9:.0f} GFLOP."]


def kind_of(kernel: str) -> str:
    """The kind that a kernel is of by its name."""
    return next((kind for kind, pattern in KINDS.items() if re.search(pattern, kernel, re.I)), "others")


def _rates(rounds: int, device: torch.device) -> str:
    rates = []
    for name, dtype, tf32 in (
        ("fp32", torch.float32, False),
        ("TF32", torch.float32, True),
        ("bf16", torch.bfloat16, False),
    ):
        a, b = torch.randn(2, MATMUL, MATMUL, device=device, dtype=dtype)
        timing = Timing(device)
        with _tf32(tf32):
            a @ b
            for _ in range(rounds):
                timing.add(lambda a=a, b=b: [a @ b for _ in range(10)])
        rates.append(f"{name} {10 * 2 * MATMUL**3 / timing.seconds / 1e12:.0f}")
    return f"{MATMUL}×{MATMUL} products here, TFLOP a second: {', '.join(rates)}."


@contextmanager
def _tf32(wanted: bool) -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = wanted
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
