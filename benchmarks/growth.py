"""How cost grows with members, students and the length of histories, on simulated students."""

import torch
from measure import Timing, table
from steps import Trainer

from gaintrace.config import DataConfig, SyntheticConfig
from gaintrace.data.batches import DeviceData
from gaintrace.data.synthetic import generate


def growth(rounds: int, device: torch.device) -> list[str]:
    """The published model, one batch a measurement."""
    cases: dict[tuple[str, str], Trainer] = {}
    for members in (1, 2, 4, 8):
        cases["members", str(members)] = Trainer(_simulated(500, 40, device), members)
    for times in (1, 4, 16):
        cases["students", f"×{times}"] = Trainer(_simulated(500 * times, 40, device))
    for length in (25, 50, 100, 200):
        cases["mean history", str(length)] = Trainer(_simulated(500, length, device))
    timings = {case: Timing(device) for case in cases}
    for trainer in cases.values():
        trainer.warm()
    for _ in range(rounds):
        for case, trainer in cases.items():
            timings[case].add(lambda trainer=trainer: trainer.steps(1))
    unit = "CPU-µs" if device.type == "cpu" else "µs"
    rows = [("what grows", "value", f"{unit} a real interaction and member")]
    for (what, value), trainer in cases.items():
        each = sum(timings[what, value].cpu if device.type == "cpu" else timings[what, value].wall)
        rows.append((what, value, f"{each / trainer.real_targets() * 1e6:.0f}"))
    return [table(rows)]


def _simulated(students: int, length: int, device: torch.device) -> DeviceData:
    config = SyntheticConfig(students=students, skills=50, mean_length=length)
    return DeviceData(generate(config), DataConfig(), device)
