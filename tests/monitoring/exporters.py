"""What DCGM's exporter, NVML in a trainer, kube-state-metrics and Argo's controller serve: their names and labels."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BUSY, IDLE, WAITING = "demo-x7k2p-train-1111", "demo-x7k2p-train-2222", "demo-x7k2p-train-3333"
DCGM = {
    "DCGM_FI_DEV_GPU_UTIL": (97, 1),
    "DCGM_FI_DEV_FB_USED": (41000, 900),
    "DCGM_FI_DEV_POWER_USAGE": (610.5, 72.1),
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": (5_000_000, 900_000),
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": (0.6, 0.0),
}
NVML = {
    "gaintrace_gpu_utilization_ratio": (0.97, 0.01),
    "gaintrace_gpu_memory_used_bytes": (41e9, 9e8),
    "gaintrace_gpu_memory_total_bytes": (143e9, 143e9),
    "gaintrace_gpu_power_watts": (610.5, 72.1),
    "gaintrace_gpu_energy_joules_total": (5000, 900),
}


def dcgm(scrape: int) -> str:
    """DCGM's exporter; its energy counter (mJ) grows by a kilojoule with every scrape."""
    lines = []
    for name, values in DCGM.items():
        lines.append(f"# TYPE {name} {'counter' if 'ENERGY' in name else 'gauge'}")
        for number, (pod, value) in enumerate(zip((BUSY, IDLE), values, strict=True)):
            labels = f'gpu="{number}",UUID="GPU-{number}",device="nvidia{number}",modelName="NVIDIA H200"'
            labels += f',Hostname="node-1",container="main",namespace="research",pod="{pod}"'
            lines.append(f"{name}{{{labels}}} {value + (scrape * 1_000_000 if 'ENERGY' in name else 0)}")
    return "\n".join(lines) + "\n"


def nvml(number: int) -> Callable[[int], str]:
    """The series that a trainer with a GPU adds to its own; the machine of the tests has none."""

    def text(scrape: int) -> str:
        return "".join(
            f'{name}{{gpu="0"}} {values[number] + (scrape * 1000 if "energy" in name else 0)}\n'
            for name, values in NVML.items()
        )

    return text


def cluster(scrape: int) -> str:
    """kube-state-metrics and Argo's controller."""
    lines = []
    for pod, phase in ((BUSY, "Running"), (IDLE, "Running"), (WAITING, "Pending")):
        of = f'namespace="research",pod="{pod}",uid="u"'
        lines += [
            f'kube_pod_status_phase{{{of},phase="{name}"}} {int(name == phase)}'
            for name in ("Pending", "Running", "Succeeded", "Failed", "Unknown")
        ]
        if phase == "Running":
            lines.append(
                f'kube_pod_container_resource_requests{{{of},container="main",node="node-1",'
                'resource="nvidia_com_gpu",unit="integer"} 1'
            )
    lines += [f'argo_workflows_gauge{{phase="{phase}"}} 1' for phase in ("Running", "Succeeded")]
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
