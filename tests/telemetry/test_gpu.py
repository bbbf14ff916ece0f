"""GPU samples: NVML's units become base units, and what a device or a machine does not have is left out."""

from types import SimpleNamespace

import pynvml
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gaintrace.telemetry.catalogue import GPU
from gaintrace.telemetry.gpu import GpuCollector
from gaintrace.telemetry.live import LiveMetrics


def refuse(*_: object) -> None:
    raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The driver's answers for two devices."""
    answers = {
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda number: number,
        "nvmlDeviceGetUtilizationRates": lambda number: SimpleNamespace(gpu=(97, 1)[number]),
        "nvmlDeviceGetMemoryInfo": lambda number: SimpleNamespace(used=41_000_000_000, total=143_000_000_000),
        "nvmlDeviceGetPowerUsage": lambda number: 610_500,  # mW
        "nvmlDeviceGetTotalEnergyConsumption": lambda number: 5_000_000,  # mJ
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)
    return monkeypatch


def served(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    """Value by metric and GPU, as Prometheus reads it."""
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {(s.name, s.labels["gpu"]): s.value for family in families for s in family.samples if "gpu" in s.labels}


def test_every_gpu_metric_is_served_in_base_units(two_gpus: pytest.MonkeyPatch) -> None:
    found = served(LiveMetrics("p", "d", {"a": 1}, 1).registry)
    assert {name for name, _ in found} == {metric.name for metric in GPU}
    assert [found["gaintrace_gpu_utilization_ratio", gpu] for gpu in "01"] == [0.97, 0.01]
    assert found["gaintrace_gpu_memory_used_bytes", "0"] == 41e9
    assert found["gaintrace_gpu_memory_total_bytes", "1"] == 143e9
    assert found["gaintrace_gpu_power_watts", "0"] == 610.5
    assert found["gaintrace_gpu_energy_joules_total", "0"] == 5000


def test_what_a_device_does_not_tell_is_left_out(two_gpus: pytest.MonkeyPatch) -> None:
    two_gpus.setattr(pynvml, "nvmlDeviceGetTotalEnergyConsumption", refuse)
    two_gpus.setattr(pynvml, "nvmlDeviceGetPowerUsage", refuse)
    registry = CollectorRegistry()
    assert GpuCollector.register(registry)
    assert len(served(registry)) == 2 * 3


def test_a_machine_without_a_driver_has_no_series(two_gpus: pytest.MonkeyPatch) -> None:
    two_gpus.setattr(pynvml, "nvmlInit", refuse)
    registry = CollectorRegistry()
    assert not GpuCollector.register(registry)
    assert generate_latest(registry) == b""


def test_a_driver_that_fails_while_training_costs_only_the_gpu_series(two_gpus: pytest.MonkeyPatch) -> None:
    registry = LiveMetrics("p", "d", {"a": 1}, 1).registry
    two_gpus.setattr(pynvml, "nvmlDeviceGetCount", refuse)
    assert served(registry) == {}
    assert b"gaintrace_progress_ratio" in generate_latest(registry)
