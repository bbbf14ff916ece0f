"""What DCGM's exporter, NVML in a trainer, kube-state-metrics and Argo's controller serve: their names and labels."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BUSY, IDLE, SLICE = "demo-x7k2p-train-1111", "demo-x7k2p-train-2222", "demo-x7k2p-train-3333"
WAITING, STUCK, FAILED, DONE = (f"demo-x7k2p-train-{n}" for n in (4444, 5555, 6666, 7777))
FOREIGN, OTHERS = "resnet-q9-train-1", "demo-b2c3d-train-8888"


@dataclass(frozen=True)
class Pod:
    """A pod as kube-state-metrics sees it. What it requested is shown whatever its phase is."""

    name: str
    phase: str
    node: str = "node-1"
    namespace: str = "research"
    account: str = "gaintrace"
    gpus: int = 1
    resource: str = "nvidia_com_gpu"


RUNNING = (
    Pod(BUSY, "Running"),
    Pod(IDLE, "Running"),
    Pod(SLICE, "Running", "node-2", resource="nvidia_com_mig_1g_10gb"),
    Pod(FOREIGN, "Running", "node-2", account="default", gpus=2),
    Pod(OTHERS, "Running", "node-3", namespace="staging"),
)
CLUSTER = (
    *RUNNING,
    Pod(WAITING, "Pending", node=""),
    Pod(STUCK, "Pending", "node-3"),  # bound, and its image cannot be pulled
    Pod(FAILED, "Failed"),
    Pod(DONE, "Succeeded"),
    Pod("web-0", "Running", "node-1", namespace="web", account="default", gpus=0),
)
"""Three pods of the release in `research` hold a GPU or a slice; another release and somebody else hold three more."""

NODES = {"node-1": {"nvidia_com_gpu": 4}, "node-2": {"nvidia_com_gpu": 4, "nvidia_com_mig_1g_10gb": 7}}
NODES["node-3"] = {"nvidia_com_gpu": 4}

DCGM = {  # of BUSY, IDLE, SLICE, FOREIGN and OTHERS; a MIG slice has no utilisation
    "DCGM_FI_DEV_GPU_UTIL": (97, 1, None, 0, 0),
    "DCGM_FI_DEV_FB_USED": (41000, 900, 2000, 500, 500),
    "DCGM_FI_DEV_FB_FREE": (99000, 139100, 8000, 139500, 139500),
    "DCGM_FI_DEV_POWER_USAGE": (610.5, 72.1, 90, 70, 70),
    "DCGM_FI_DEV_GPU_TEMP": (66, 31, 40, 30, 30),
    "DCGM_FI_DEV_SM_CLOCK": (1980, 345, 1980, 345, 345),
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": (5_000_000, 900_000, 900_000, 900_000, 900_000),
    "DCGM_FI_DEV_XID_ERRORS": (0, 31, 0, 79, 0),
    "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL": (3, 0, 0, 9, 0),
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": (1, 0, 0, 9, 0),
    "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": (2, 0, 0, 9, 0),
    "DCGM_FI_DEV_CLOCKS_EVENT_REASONS": (0x4, 0x1, 0x8 | 0x40, 0x4, 0),
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": (0.98, 0.01, 0.5, 0, 0),
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": (0.6, 0.0, 0.2, 0, 0),
    "DCGM_FI_PROF_DRAM_ACTIVE": (0.4, 0.0, 0.1, 0, 0),
}
COUNTERS = ("ENERGY", "ECC", "ROWS")
NVML = {
    "gaintrace_gpu_utilization_ratio{}": (0.97, 0.01),
    "gaintrace_gpu_memory_used_bytes{}": (41e9, 9e8),
    "gaintrace_gpu_memory_total_bytes{}": (143e9, 143e9),
    "gaintrace_gpu_power_watts{}": (610.5, 72.1),
    "gaintrace_gpu_energy_joules_total{}": (5000, 900),
    "gaintrace_gpu_temperature_celsius{}": (66, 31),
    "gaintrace_gpu_sm_clock_hertz{}": (1.98e9, 3.45e8),
    "gaintrace_gpu_throttled{reason=power}": (1, 0),
    "gaintrace_gpu_throttled{reason=thermal}": (0, 1),
    "gaintrace_gpu_throttled{reason=brake}": (0, 0),
    "gaintrace_gpu_throttled{reason=hardware}": (0, 1),
    "gaintrace_gpu_ecc_errors_total{kind=corrected}": (3, 0),
    "gaintrace_gpu_ecc_errors_total{kind=uncorrected}": (1, 0),
}


def line(metric: str, value: float, **labels: str) -> str:
    """A sample in Prometheus' text format."""
    return metric + "{" + ",".join(f'{name}="{text}"' for name, text in labels.items()) + f"}} {value}"


def dcgm(scrape: int) -> str:
    """DCGM's exporter; its energy counter (mJ) grows by a kilojoule with every scrape."""
    lines = []
    for metric, values in DCGM.items():
        lines.append(f"# TYPE {metric} {'counter' if any(word in metric for word in COUNTERS) else 'gauge'}")
        for number, (pod, value) in enumerate(zip(RUNNING, values, strict=True)):
            gpu = {"gpu": str(number), "UUID": f"GPU-{number}", "device": f"nvidia{number}", "modelName": "NVIDIA H200"}
            mig = {"GPU_I_PROFILE": "1g.10gb", "GPU_I_ID": "3"} if "mig" in pod.resource else {}
            of = {"hostname": pod.node, "container": "main", "namespace": pod.namespace, "pod": pod.name}
            if value is not None:
                grown = scrape * 1_000_000 if "ENERGY" in metric else 0
                lines.append(line(metric, value + grown, **gpu, **mig, **of))
    return "\n".join(lines) + "\n"


def nvml(number: int) -> Callable[[int], str]:
    """The series that a trainer with a GPU adds to its own; the machine of the tests has none."""

    def text(scrape: int) -> str:
        lines = []
        for metric, values in NVML.items():
            name, _, more = metric.rstrip("}").partition("{")
            labels = {"gpu": "0"} | dict(pair.split("=") for pair in more.split(",") if pair)
            lines.append(line(name, values[number] + (scrape * 1000 if "energy" in name else 0), **labels))
        return "\n".join(lines) + "\n"

    return text


def state(pods: Iterable[Pod], nodes: dict[str, dict[str, int]]) -> list[str]:
    """kube-state-metrics: what it shows of pods and nodes by default, as far as it is asked here."""
    lines = []
    for pod in pods:
        of = {"namespace": pod.namespace, "pod": pod.name, "uid": f"uid-{pod.name}"}
        for phase in ("Pending", "Succeeded", "Failed", "Unknown", "Running"):
            lines.append(line("kube_pod_status_phase", int(phase == pod.phase), **of, phase=phase))
        lines.append(line("kube_pod_service_account", 1, **of, service_account=pod.account))
        made = {"created_by_kind": "Workflow", "created_by_name": "-".join(pod.name.split("-")[:2])}
        lines.append(line("kube_pod_info", 1, **of, host_ip="10.0.0.1", node=pod.node, **made))
        for what in ("requests", "limits") if pod.gpus else ():
            asked = {"container": "main", "node": pod.node, "resource": pod.resource, "unit": "integer"}
            lines.append(line(f"kube_pod_container_resource_{what}", pod.gpus, **of, **asked))
        cpu = {"container": "main", "node": pod.node, "resource": "cpu", "unit": "core"}
        lines.append(line("kube_pod_container_resource_requests", 4, **of, **cpu))
    for node, resources in nodes.items():
        for resource, number in {**resources, "cpu": 64}.items():
            unit = "core" if resource == "cpu" else "integer"
            lines.append(line("kube_node_status_allocatable", number, node=node, resource=resource, unit=unit))
    return lines


def cluster(scrape: int) -> str:
    """kube-state-metrics and Argo's controller."""
    lines = state(CLUSTER, NODES)
    of = {"namespace": "research", "uid": "u", "container": "main"}
    reason = "ImagePullBackOff" if scrape % 3 else "ErrImagePull"
    lines += [
        line("kube_pod_container_status_waiting_reason", 1, **of, pod=STUCK, reason=reason),
        line("kube_pod_init_container_status_waiting_reason", 1, **of, pod=WAITING, reason=reason),
        line("kube_pod_container_status_terminated_reason", 1, **of, pod=FAILED, reason="OOMKilled"),
        line("kube_pod_container_status_terminated_reason", 1, **of, pod=DONE, reason="Completed"),
        line("kube_pod_container_status_last_terminated_reason", 1, **of, pod=BUSY, reason="OOMKilled"),
    ]
    lines += [line("argo_workflows_gauge", 1, phase=phase) for phase in ("Running", "Succeeded")]
    return "\n".join(lines) + "\n"


class Exporter:
    """Serves on /metrics what a function of the number of scrapes says."""

    def __init__(self, text: Callable[[int], str]) -> None:
        exporter = self
        self.scrapes = 0

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                exporter.scrapes += 1
                data = text(exporter.scrapes).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.target = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
