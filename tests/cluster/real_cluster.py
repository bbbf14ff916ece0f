"""Driving a real cluster with the commands that its users type: kubectl, helm, argo and gaintrace."""

import csv
import io
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.scenarios import DEMO

ROOT = Path(__file__).parents[2]
CHART = str(ROOT / "charts" / "gaintrace")
PHASE2 = str(ROOT / "workflows" / "phase2.yaml")
NAMESPACE = os.environ.get("GAINTRACE_NAMESPACE", "")
TRAINING_PODS = 3
DONE = ("Succeeded", "Failed", "Error")
Object = dict[str, Any]


def run(command: tuple[str, ...], stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """A command, to its end."""
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=2400)


def call(*command: str, codes: tuple[int, ...] = (0,), stdin: str | None = None) -> str:
    """What a command printed on stdout; an exit code that is not expected fails the test with all it said."""
    result = run(command, stdin)
    said = f"$ {' '.join(command)}\nexit code {result.returncode}, expected {codes}\n{result.stdout}\n{result.stderr}"
    assert result.returncode in codes, said
    return result.stdout


def refusal(*command: str, code: int) -> str:
    """What a command that must fail said on stderr."""
    result = run(command)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stderr


def in_namespace(file: Path, folder: Path) -> str:
    """A copy of a manifest with the test's namespace: Argo looks a template up in the manifest's, not in `-n`."""
    manifest = yaml.safe_load(file.read_text())
    manifest["metadata"]["namespace"] = NAMESPACE
    copy = folder / file.name
    copy.write_text(yaml.safe_dump(manifest))
    return str(copy)


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """`kubectl` in the test's namespace."""
    return call("kubectl", "-n", NAMESPACE, *arguments, stdin=stdin)


def get(*arguments: str) -> Object:
    """`kubectl get`, as JSON."""
    found: Object = json.loads(kubectl("get", *arguments, "-o", "json"))
    return found


def wait_for(what: str, condition: Callable[[], Any], seconds: float) -> Any:
    """The first true answer of a condition. Fails with `what` and the namespace's state when the time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(2)
    state = kubectl("get", "workflows,pods,pvc") + kubectl("get", "events", "--sort-by=.lastTimestamp")[-4000:]
    raise AssertionError(f"no {what} within {seconds:.0f} s\n{state}")


def options(*parameters: str) -> list[str]:
    """`-p` for each parameter, after those of the demo."""
    return [word for parameter in (*DEMO, *parameters) for word in ("-p", parameter)]


def submit(*parameters: str) -> str:
    """`argo submit workflows/phase2.yaml` at demo size; the workflow's name."""
    name = call("argo", "submit", "-n", NAMESPACE, "-o", "name", PHASE2, *options(*parameters)).strip()
    return name.rsplit("/", 1)[-1]


def phase(name: str) -> str:
    """A workflow's phase, empty before the controller has seen it."""
    return str(get("workflow", name).get("status", {}).get("phase", ""))


def ended(name: str, seconds: float = 1800) -> str:
    """A workflow's phase once it is done."""
    return str(wait_for(f"end of {name}", lambda: phase(name) in DONE and phase(name), seconds))


def attempts(name: str, template: str) -> list[Object]:
    """The nodes of the pods of a step, lost ones included."""
    nodes = get("workflow", name)["status"]["nodes"].values()
    return [node for node in nodes if node.get("templateName") == template and node["type"] == "Pod"]


def pods_of(name: str) -> list[Object]:
    """The pods of a workflow that are still there, ended ones included."""
    pods: list[Object] = get("pods", "-l", f"workflows.argoproj.io/workflow={name}")["items"]
    return pods


def training_pods(*selectors: str) -> list[Object]:
    """Training pods that hold a place: not finished and not on their way out."""
    selector = ",".join(["app.kubernetes.io/component=train", *selectors])
    pods: list[Object] = get("pods", "-l", selector)["items"]
    return [pod for pod in pods if pod["status"].get("phase") in ("Pending", "Running")]


def log(name: str, template: str) -> str:
    """What the pods of a step printed."""
    selector = f"workflows.argoproj.io/workflow={name},app.kubernetes.io/component={template}"
    return kubectl("logs", "-l", selector, "-c", "main", "--tail=-1")


def sweep_of(name: str) -> str:
    """The id of the sweep that a workflow planned."""
    plan = next(node for node in attempts(name, "plan") if node["phase"] == "Succeeded")
    return str(next(p["value"] for p in plan["outputs"]["parameters"] if p["name"] == "sweep-id"))


def store_of(name: str) -> str:
    """The URI of a workflow's store."""
    spec = get("workflow", name)["status"]["storedWorkflowTemplateSpec"]
    return str(next(p["value"] for p in spec["arguments"]["parameters"] if p["name"] == "store"))


def results(name: str) -> list[dict[str, str]]:
    """The rows of a workflow's results.csv."""
    code = (
        "import sys; from gaintrace.store import open_store; print(open_store(sys.argv[1]).read(sys.argv[2]).decode())"
    )
    path = f"sweeps/{sweep_of(name)}/results.csv"
    return list(csv.DictReader(io.StringIO(in_pod(name, "python3", "-c", code, store_of(name), path))))


def in_pod(name: str, *command: str) -> str:
    """What a command prints in a pod that mounts and knows what a workflow's pods do. It must succeed."""
    spec = get("workflow", name)["status"]["storedWorkflowTemplateSpec"]
    step = next(t["container"] for t in spec["templates"] if t["name"] == "aggregate")
    container = {
        "name": "main",
        "image": next(p["value"] for p in spec["arguments"]["parameters"] if p["name"] == "image"),
        "command": list(command),
        "env": [entry for entry in step["env"] if "{{" not in str(entry)],
        "envFrom": step.get("envFrom", []),
        "volumeMounts": step["volumeMounts"],
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "2Gi"}},
        "securityContext": step["securityContext"],
    }
    pod = f"read-{name}"
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": pod, "labels": {"app.kubernetes.io/part-of": "gaintrace"}},
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": spec["serviceAccountName"],
            "automountServiceAccountToken": False,
            "securityContext": spec["securityContext"],
            "containers": [container],
            "volumes": spec["volumes"],
        },
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    try:
        state = wait_for(f"end of pod {pod}", lambda: _pod_end(pod), 300)
        said = kubectl("logs", pod)
        assert state == "Succeeded", said
    finally:
        kubectl("delete", "pod", pod, "--wait=true")
    return said


def _pod_end(pod: str) -> str:
    found = str(get("pod", pod)["status"].get("phase", ""))
    return found if found in ("Succeeded", "Failed") else ""
