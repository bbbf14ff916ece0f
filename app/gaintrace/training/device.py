"""Choosing the device, and saying what numbers were made on."""

import ctypes
import os
import platform

import numpy as np
import torch

from gaintrace.errors import ConfigError, DeviceError
from gaintrace.version import __version__


def choose_device(name: str) -> torch.device:
    """`auto` takes a GPU where there is one; otherwise a torch device name, refused where it cannot be used."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"--device {name}: not a device; use auto, cpu, cuda or cuda:N") from None
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"--device {name}: only cpu and cuda are supported")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"--device {name}: this machine has {torch.cuda.device_count()} CUDA devices; use cpu or auto, or a "
            "machine that has one"
        )
    return device


def keep_freed_memory() -> None:
    """Ask the C library to reuse freed memory instead of returning it to the system.

    A training step frees and asks for the same large blocks over and over; glibc would map, and the system clear,
    fresh pages for each: about a tenth of a step on a CPU. Without glibc nothing happens.
    """
    trim_threshold, mmap_threshold = -1, -3
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return
    libc.mallopt(mmap_threshold, 1 << 30)
    libc.mallopt(trim_threshold, (1 << 31) - 1)


def environment(device: torch.device) -> dict[str, str | int | float]:
    """What besides configuration, data and code can change a number."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "gaintrace": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "device": str(device.type),
        "device_name": name,
        "threads": torch.get_num_threads(),
        "cpus": os.cpu_count() or 0,
    }
