"""What runs that train side by side on one GPU cost in energy, as the GPU's own counter tells it."""

from collections.abc import Callable, Iterable

import pynvml
import torch


class EnergyMeter:
    """Shares the energy of a device among the runs that train on it, evenly, for as long as each is in training.

    `read`: joules that the device has used so far, or None where it does not tell.
    """

    def __init__(self, runs: Iterable[str], read: Callable[[], float | None]) -> None:
        self.read = read
        self.last = read()
        self.used = dict.fromkeys(runs, 0.0)

    def finish(self, run: str) -> float | None:
        """A run has ended: its joules. None where they are not known, or the run was not watched from its start."""
        now = self.read()
        if now is None or self.last is None or run not in self.used:
            return None
        share = (now - self.last) / len(self.used)
        self.last = now
        self.used = {other: joules + share for other, joules in self.used.items()}
        return self.used.pop(run)


def joules(device: torch.device) -> float | None:
    """Energy that a CUDA device has used since its driver was loaded; None for others, and where it does not tell."""
    if device.type != "cuda":
        return None
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
    except pynvml.NVMLError:
        return None
