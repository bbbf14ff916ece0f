"""A sample of the GPUs by NVML whenever Prometheus asks. Without a driver there are no series, and no error."""

import contextlib
from collections.abc import Iterator

import pynvml
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gaintrace.telemetry.catalogue import GPU, THROTTLE


class GpuCollector(Collector):
    """The devices that this process may see, numbered as it numbers them."""

    @classmethod
    def register(cls, registry: CollectorRegistry) -> bool:
        """Add the GPUs' metrics to a registry; False where there are none."""
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError:
            return False
        registry.register(cls())
        return True

    def collect(self) -> Iterator[Metric]:
        """Read every device; what a device does not tell is left out."""
        families = {
            metric.name: (GaugeMetricFamily if metric.kind == "gauge" else CounterMetricFamily)(
                metric.name.removesuffix("_total"), metric.meaning, labels=metric.labels
            )
            for metric in GPU
        }
        with contextlib.suppress(pynvml.NVMLError):  # a device that is lost must not cost the other metrics
            for number in range(pynvml.nvmlDeviceGetCount()):
                for name, value, *more in _sample(pynvml.nvmlDeviceGetHandleByIndex(number)):
                    families[name].add_metric([str(number), *more], value)
        yield from families.values()


def _sample(handle: object) -> Iterator[tuple[str, float] | tuple[str, float, str]]:
    """Metric, value, and its second label where it has one."""
    with contextlib.suppress(pynvml.NVMLError):
        yield "gaintrace_gpu_utilization_ratio", pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100
    with contextlib.suppress(pynvml.NVMLError):
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        yield "gaintrace_gpu_memory_used_bytes", float(memory.used)
        yield "gaintrace_gpu_memory_total_bytes", float(memory.total)
    with contextlib.suppress(pynvml.NVMLError):
        yield "gaintrace_gpu_power_watts", pynvml.nvmlDeviceGetPowerUsage(handle) / 1000
    with contextlib.suppress(pynvml.NVMLError):
        yield "gaintrace_gpu_energy_joules_total", pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000
    with contextlib.suppress(pynvml.NVMLError):
        celsius = pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)
        yield "gaintrace_gpu_temperature_celsius", float(celsius)
    with contextlib.suppress(pynvml.NVMLError):
        yield "gaintrace_gpu_sm_clock_hertz", pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM) * 1e6
    with contextlib.suppress(pynvml.NVMLError):
        held = pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)
        for reason, (lowest, values) in THROTTLE.items():
            yield "gaintrace_gpu_throttled", float(held // lowest % values > 0), reason
    for kind, number in (("corrected", 0), ("uncorrected", 1)):  # NVML's nvmlMemoryErrorType_t
        with contextlib.suppress(pynvml.NVMLError):
            errors = pynvml.nvmlDeviceGetTotalEccErrors(handle, number, pynvml.NVML_VOLATILE_ECC)
            yield "gaintrace_gpu_ecc_errors_total", float(errors), kind
