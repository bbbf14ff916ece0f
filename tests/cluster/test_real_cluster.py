"""On a real cluster: chart, sweep, a pod killed on the way.

Needs kubectl, helm and argo on PATH, a kubeconfig, and GAINTRACE_IMAGE (repository:tag that the nodes can pull) and
GAINTRACE_NAMESPACE (an existing namespace that may hold nothing else). Run with `make cluster-test`.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = [tool for tool in ("kubectl", "helm", "argo") if shutil.which(tool) is None] + [
    name for name in ("GAINTRACE_IMAGE", "GAINTRACE_NAMESPACE") if name not in os.environ
]
pytestmark = [pytest.mark.cluster, pytest.mark.skipif(bool(NEEDED), reason=f"missing: {', '.join(NEEDED)}")]

NAMESPACE = os.environ.get("GAINTRACE_NAMESPACE", "")
DEMO = ["sweep=demo", "data=", "gpus=0", "cpu=1", "memory=2Gi"]
PHASE2 = str(ROOT / "workflows" / "phase2.yaml")


def call(*command: str, ok: tuple[int, ...] = (0,)) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800)
    assert result.returncode in ok, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def kubectl(*arguments: str) -> str:
    return call("kubectl", "-n", NAMESPACE, *arguments)


def submit(*parameters: str) -> str:
    options = [word for parameter in (*DEMO, *parameters) for word in ("-p", parameter)]
    return call("argo", "submit", "-n", NAMESPACE, "-o", "name", PHASE2, *options).strip()


def ended(name: str) -> str:
    """The workflow's phase, once it is done."""
    for _ in range(360):
        phase = json.loads(kubectl("get", "workflow", name, "-o", "json")).get("status", {}).get("phase")
        if phase in ("Succeeded", "Failed", "Error"):
            return str(phase)
        time.sleep(5)
    raise AssertionError(kubectl("describe", "workflow", name))


def nodes(name: str, template: str) -> list[dict[str, object]]:
    found = json.loads(kubectl("get", "workflow", name, "-o", "json"))["status"]["nodes"].values()
    return [node for node in found if node.get("templateName") == template and node["type"] == "Pod"]


@pytest.fixture(scope="module", autouse=True)
def release() -> Iterator[None]:
    repository, _, tag = os.environ["GAINTRACE_IMAGE"].rpartition(":")
    options = [f"image.repository={repository}", f"image.tag={tag}", "training.gpus=0", "training.maxPods=3"]
    settings = [word for option in options for word in ("--set", option)]
    call("helm", "upgrade", "--install", "gaintrace", str(ROOT / "charts" / "gaintrace"), "-n", NAMESPACE, *settings)
    yield
    call("helm", "uninstall", "gaintrace", "-n", NAMESPACE)


def test_every_manifest_is_taken_by_the_server(tmp_path: Path) -> None:
    rendered = call("helm", "template", "gaintrace", str(ROOT / "charts" / "gaintrace"), "-n", NAMESPACE)
    (tmp_path / "all.yaml").write_text(rendered)
    kubectl("apply", "--dry-run=server", "-f", str(tmp_path / "all.yaml"))
    call("argo", "lint", "--offline", str(ROOT / "workflows"))


def test_doctor_finds_nothing_missing() -> None:
    assert "missing" not in call("gaintrace", "doctor", "-n", NAMESPACE)


def test_helm_test() -> None:
    call("helm", "test", "gaintrace", "-n", NAMESPACE, "--timeout", "15m")


@pytest.mark.parametrize("runs_per_pod", [1, 3, 6])
def test_six_rows_for_each_number_of_runs_a_pod(runs_per_pod: int) -> None:
    name = submit(f"runs-per-pod={runs_per_pod}", f"set=base.training.seed={runs_per_pod}")
    assert ended(name) == "Succeeded"
    assert len(nodes(name, "train")) == 6 // runs_per_pod
    assert "ranks first of 6 configurations" in call("argo", "logs", "-n", NAMESPACE, name)


def test_a_killed_pod_is_retried_and_the_sweep_finishes() -> None:
    name = submit("runs-per-pod=6", "set=base.training.seed=11; base.training.epochs=60; base.training.patience=60")
    selector = f"workflows.argoproj.io/workflow={name},app.kubernetes.io/component=train"
    for _ in range(120):
        pods = json.loads(kubectl("get", "pods", "-l", selector, "-o", "json"))["items"]
        if any(pod["status"]["phase"] == "Running" for pod in pods):
            break
        time.sleep(2)
    time.sleep(10)
    kubectl("delete", "pod", "-l", selector, "--force", "--grace-period=0")
    assert ended(name) == "Succeeded"
    assert len(nodes(name, "train")) == 2


def test_an_impossible_run_is_recorded_and_the_threshold_decides() -> None:
    impossible = (
        "grid.training.learning_rate=[1.0e-3, 1.0e+30]; base.training.seed=12; grid.training.bce_loss_weight=[0.3]"
    )
    assert ended(submit(f"set={impossible}")) == "Failed"
    assert ended(submit(f"set={impossible}; min_coverage=0.5")) == "Succeeded"


def test_a_wrong_configuration_is_not_retried() -> None:
    name = submit("set=base.training.no_such_field=1")
    assert ended(name) == "Failed"
    assert len(nodes(name, "plan")) == 1


def test_two_sweeps_share_the_places() -> None:
    names = [submit(f"set=base.training.seed={seed}") for seed in (21, 22)]
    most = 0
    for _ in range(240):
        running = kubectl(
            "get",
            "pods",
            "-l",
            "app.kubernetes.io/component=train",
            "--field-selector=status.phase=Running",
            "-o",
            "name",
        )
        most = max(most, len(running.split()))
        phases = [json.loads(kubectl("get", "workflow", n, "-o", "json")).get("status", {}).get("phase") for n in names]
        if all(phase in ("Succeeded", "Failed", "Error") for phase in phases):
            break
        time.sleep(2)
    assert most <= 3
    assert [ended(name) for name in names] == ["Succeeded", "Succeeded"]


def test_submit_watches_to_the_end() -> None:
    options = [word for parameter in (*DEMO, "set=base.training.seed=31") for word in ("-p", parameter)]
    assert "succeeded" in call("gaintrace", "submit", PHASE2, *options, "--watch", "-n", NAMESPACE)
