"""GPU samples: NVML's units become base units, and what a device or a machine does not have is left out."""

from types import SimpleNamespace

import pynvml
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gaintrace.telemetry.catalogue import GPU, THROTTLE
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
        "nvmlDeviceGetTemperature": lambda number, sensor: 61,
        "nvmlDeviceGetClockInfo": lambda number, kind: 1980,  # MHz
        "nvmlDeviceGetCurrentClocksThrottleReasons": lambda number: (0x1 | 0x4, 0x8 | 0x40)[number],
        "nvmlDeviceGetTotalEccErrors": lambda number, kind, since: (7, 2)[kind],
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
    assert found["gaintrace_gpu_temperature_celsius", "0"] == 61
    assert found["gaintrace_gpu_sm_clock_hertz", "0"] == 1.98e9


def test_why_a_clock_is_held_down_and_errors_of_memory_are_told_apart(two_gpus: pytest.MonkeyPatch) -> None:
    text = generate_latest(LiveMetrics("p", "d", {"a": 1}, 1).registry).decode()
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    held = {(s.labels["gpu"], s.labels["reason"]) for s in samples if s.name == "gaintrace_gpu_throttled" and s.value}
    assert held == {("0", "power"), ("1", "thermal"), ("1", "hardware")}  # an idle GPU's low clock is no loss
    errors = {s.labels["kind"]: s.value for s in samples if s.name == "gaintrace_gpu_ecc_errors_total"}
    assert errors == {"corrected": 7, "uncorrected": 2}


def test_the_masks_are_nvml_s() -> None:
    def mask(reason: str) -> int:
        lowest, values = THROTTLE[reason]
        return lowest * (values - 1)

    assert mask("power") == pynvml.nvmlClocksEventReasonSwPowerCap
    assert (
        mask("thermal") == pynvml.nvmlClocksEventReasonSwThermalSlowdown | pynvml.nvmlClocksEventReasonHwThermalSlowdown
    )
    assert mask("brake") == pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown
    assert mask("hardware") == pynvml.nvmlClocksEventReasonHwSlowdown


def test_what_a_device_does_not_tell_is_left_out(two_gpus: pytest.MonkeyPatch) -> None:
    two_gpus.setattr(pynvml, "nvmlDeviceGetTotalEnergyConsumption", refuse)
    two_gpus.setattr(pynvml, "nvmlDeviceGetPowerUsage", refuse)
    registry = CollectorRegistry()
    assert GpuCollector.register(registry)
    assert len(served(registry)) == 2 * 7


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
