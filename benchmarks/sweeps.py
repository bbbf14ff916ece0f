"""Whole sweeps, from prepared data to results.csv, as a user runs them: one process of `gaintrace sweep` each."""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pynvml
import torch
from measure import table

from gaintrace.config import load_spec

MEMBERS = (1, 6, 27, 81)
SMALL = [
    "base.data.synthetic={students: 200, skills: 12, mean_length: 20, seed: 7}",
    "base.model={d_model: 32, n_heads: 2, n_blocks: 2, d_ff: 64}",
    "base.training.epochs=2",
]
"""What makes a sweep of 81 runs bearable on a CPU."""


class Gpu:
    """Samples the first GPU by NVML while something runs. Without a driver there is nothing to sample."""

    def __init__(self) -> None:
        self.busy: list[float] = []
        self.used: list[int] = []

    @contextlib.contextmanager
    def watched(self, every: float = 0.1) -> Iterator[None]:
        """Sample until the block ends."""
        stopped = threading.Event()
        handle = None
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlInit()
            handle = pynvml.nvmlDeviceGetHandleByIndex(0)

        def sample() -> None:
            while handle is not None and not stopped.wait(every):
                self.busy.append(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100)
                self.used.append(int(pynvml.nvmlDeviceGetMemoryInfo(handle).used))

        thread = threading.Thread(target=sample)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()


def sweeps(data: str | None, device: torch.device) -> list[str]:
    """Phase 2 and Phase 1 with at most K members side by side. On a CPU, small ones."""
    on_gpu = device.type == "cuda"
    device_seconds = "GPU-seconds" if on_gpu else "CPU-seconds"
    rows = [("sweep", "clip", "K", "seconds", device_seconds, "peak memory", "GPU busy (NVML)")]
    for phase in ("phase2", "phase1"):
        runs = load_spec(phase).size()
        for members in (k for k in MEMBERS if k <= runs):
            rows.append(_row(phase, "global", members, data, on_gpu))
        rows.append(_row(phase, "per_encoder", runs, data, on_gpu))
    where = (
        "As published, on the prepared data."
        if on_gpu
        else "No GPU here, so width 32, 2 blocks, 200 simulated students and 2 epochs: these rows compare K, and say "
        "nothing of the published size. Figures on a GPU are unmeasured."
    )
    return [
        f"`gaintrace sweep PHASE --members K`, start of the process, tables and report included. {where}",
        table(rows),
    ]


def _row(phase: str, clip: str, members: int, data: str | None, on_gpu: bool) -> tuple[str, ...]:
    settings = [f"base.training.clip_scope={clip}", *([] if on_gpu else SMALL)]
    gpu = Gpu()
    with tempfile.TemporaryDirectory() as store, gpu.watched():
        command = [str(Path(sys.executable).with_name("gaintrace")), "sweep", phase]
        command += ["--out", store, "--members", str(members)]
        command += ["--data", data] if on_gpu and data else []
        command += [part for setting in settings for part in ("--set", setting)]
        began = time.perf_counter()
        with Path(store, "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
            _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        if status or not list(Path(store).glob("sweeps/*/results.csv")):
            raise RuntimeError(f"{' '.join(command)} failed:\n{Path(store, 'log').read_text()}")
    cpu = usage.ru_utime + usage.ru_stime
    memory = max(gpu.used) if on_gpu else usage.ru_maxrss * 1024
    busy = f"{statistics.mean(gpu.busy):.0%}" if gpu.busy else "none"
    return (
        phase,
        clip,
        str(members),
        f"{wall:.0f}",
        f"{wall if on_gpu else cpu:.0f}",
        f"{memory / 2**20:,.0f} MiB",
        busy,
    )
