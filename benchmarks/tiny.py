"""What many small runs cost beside their training: CPU-seconds of a sweep, less those of steps and of building models.

OMP_NUM_THREADS=1 python benchmarks/tiny.py --runs 240
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

from gaintrace.config import parse_spec
from gaintrace.pipeline.sweep import run_sweep
from gaintrace.pipeline.training import Machine
from gaintrace.store import open_store
from gaintrace.training.population import Epoch, Population

SPEC = """
name: tiny
base:
  data: {synthetic: {students: 120, skills: 5, mean_length: 20, seed: 3}}
  model: {d_model: 4, n_heads: 1, n_blocks: 1, d_ff: 4}
  training: {epochs: 1, batch_size: 64}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=240)
    arguments = parser.parse_args()
    training = [0.0]
    for place, name in ((Epoch, "advance"), (Population, "__init__"), (Population, "begin_epoch")):
        setattr(place, name, timed(getattr(place, name), training))
    weights = [round(0.1 + 0.8 * n / (arguments.runs - 1), 6) for n in range(arguments.runs)]
    spec = parse_spec(f"{SPEC}grid: {{training.bce_loss_weight: {weights}}}\n", "tiny")
    with tempfile.TemporaryDirectory() as folder:
        run_sweep(spec, open_store(folder), machine=Machine(device="cpu", threads=1, members=10))
    used = os.times()
    total = used.user + used.system
    print(f"{arguments.runs} runs: {total:.1f} CPU-seconds, {training[0]:.1f} of them training")


def timed(work: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    """The same, adding to `spent` the CPU-seconds of its thread."""

    def wrapped(*arguments: Any, **named: Any) -> Any:
        began = time.thread_time()
        try:
            return work(*arguments, **named)
        finally:
            spent[0] += time.thread_time() - began

    return wrapped


if __name__ == "__main__":
    main()
