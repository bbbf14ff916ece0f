"""The chart rendered by Helm, for the values that a site may have."""

import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "gaintrace"
MONITORING = ["-a", "monitoring.coreos.com/v1"]
S3 = {
    "store": {"uri": "s3://results/gaintrace"},
    "s3": {"existingSecret": "s3-credentials", "endpoint": "https://minio.storage:9000", "region": "eu-1"},
}
CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "defaults": ({}, []),
    "cpu": ({"training": {"gpus": 0, "cpu": 2, "memory": "4Gi", "tolerations": [], "maxPods": 2}}, []),
    "gpu": ({"training": {"gpus": 1, "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-H200"}}}, []),
    "s3": (S3, []),
    "pvc": ({"store": {"persistence": {"existingClaim": "results", "mountPath": "/store"}}}, []),
    "everything": (
        S3
        | {
            "s3": S3["s3"] | {"caConfigMap": "minio-ca"},
            "image": {"digest": "sha256:" + "ab" * 32, "pullSecrets": ["pull"]},
            "data": {"uri": "s3://results/datasets/assist2015"},
            "nightly": {"schedule": "30 1 * * *", "datasets": ["s3://results/datasets/assist2015"]},
            "extraEnv": [{"name": "NCCL_DEBUG", "value": "WARN"}],
            "extraVolumes": [{"name": "scratch", "emptyDir": {}}],
            "extraVolumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/gaintrace"}},
            "rbac": {"submitters": [{"kind": "Group", "name": "researchers"}]},
            "networkPolicy": {"metricsFrom": [{"namespaceSelector": {}}], "extraEgress": [{"ports": [{"port": 8080}]}]},
            "metrics": {
                "pushgateway": "http://pushgateway.monitoring:9091",
                "podMonitor": {"additionalLabels": {"release": "kube-prometheus-stack"}},
                "prometheusRule": {"additionalLabels": {"release": "kube-prometheus-stack"}},
            },
        },
        MONITORING,
    ),
}


STEPS: dict[str, dict[str, str]] = {
    "plan": {"after": ""},
    "train": {"sweep-id": "demo-1", "shard": "0"},
    "aggregate": {"sweep-id": "demo-1"},
    "default": {},
    "validate": {"data": "s3://results/datasets/assist2015"},
    "outcome": {},
}
"""Steps that run a pod, with inputs."""


def site(values: dict[str, Any]) -> dict[str, Any]:
    """Values with the one that has no default, if they name none."""
    return values | {"image": {"repository": "registry.example/gaintrace"} | values.get("image", {})}


_STARTED: dict[str, "Future[subprocess.CompletedProcess[str]]"] = {}
_POOL = ThreadPoolExecutor(6)


def render(values: dict[str, Any], *options: str) -> "subprocess.CompletedProcess[str]":
    """What Helm makes of the chart with some values; the same is rendered once."""
    return _rendering(values, *options).result()


def render_ahead(*cases: dict[str, Any], options: Sequence[str] = ()) -> None:
    """Begin to render the chart with each of these values, several at once: Helm waits more than it computes."""
    for values in cases:
        _rendering(values, *options)


def _rendering(values: dict[str, Any], *options: str) -> "Future[subprocess.CompletedProcess[str]]":
    given = yaml.safe_dump(site(values))
    key = "\n".join([given, *options])
    if key not in _STARTED:
        _STARTED[key] = _POOL.submit(_render, given, options)
    return _STARTED[key]


def _render(given: str, options: tuple[str, ...]) -> "subprocess.CompletedProcess[str]":
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(given)
        file.flush()
        command = ["helm", "template", "gaintrace", str(CHART), "-n", "research", "-f", file.name, *options]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def documents(text: str) -> list[dict[str, Any]]:
    """Read safely, and ten times as fast where PyYAML has its C library: dashboards are long."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [document for document in yaml.load_all(text, loader) if document]
