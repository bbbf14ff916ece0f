"""Every pod that the workflows make of the chart's values is one that Kubernetes takes, restricted as it is."""

import copy
import shutil
from typing import Any

import kubernetes_validate
import pytest

from tests.argo_pods import pod, violations
from tests.chart.cases import CASES, documents

STEPS: dict[str, dict[str, str]] = {
    "plan": {},
    "train": {"sweep-id": "demo-1", "shard": "0"},
    "aggregate": {"sweep-id": "demo-1"},
    "validate": {"data": "s3://results/datasets/assist2015"},
    "outcome": {},
}

pytestmark = pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not installed")


def installed(text: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The WorkflowTemplate of a rendering, and the parameters beside it."""
    found = {(d["kind"], d["metadata"]["name"]): d for d in documents(text)}
    return found["WorkflowTemplate", "gaintrace-sweep"], found["ConfigMap", "gaintrace-parameters"]["data"]


def main(found: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = next(c for c in found["spec"]["containers"] if c["name"] == "main")
    return container


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("case", CASES)
def test_a_pod_is_valid_and_restricted(rendered: dict[str, str], case: str, step: str) -> None:
    template, site = installed(rendered[case])
    found = pod(template, step, site, STEPS[step])
    kubernetes_validate.validate(found, "1.33", strict=True)
    assert violations(found) == []
    assert "{{" not in str(found)
    volumes = {volume["name"] for volume in found["spec"]["volumes"]}
    for container in found["spec"]["containers"] + found["spec"]["initContainers"]:
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        assert container["image"], "a patch that meets no container of its name would add one without an image"
        assert container["resources"]["requests"].keys() <= container["resources"]["limits"].keys()


@pytest.mark.parametrize("step", ["train", "validate"])
def test_a_training_pod_gets_what_the_values_say(rendered: dict[str, str], step: str) -> None:
    for case, gpus in (("cpu", "0"), ("gpu", "1")):
        template, site = installed(rendered[case])
        found = pod(template, step, site, STEPS[step])
        assert main(found)["resources"]["limits"]["nvidia.com/gpu"] == gpus
        assert f"--gpus={gpus}" in main(found)["args"]
        assert {"name": "shm", "mountPath": "/dev/shm"} in main(found)["volumeMounts"]
        assert found["spec"]["terminationGracePeriodSeconds"] >= 60
        assert bool(found["spec"]["tolerations"]) == (case == "gpu")
        assert bool(found["spec"]["nodeSelector"]) == (case == "gpu")


def test_every_pod_gets_store_credentials_and_extras(rendered: dict[str, str]) -> None:
    for step, inputs in STEPS.items():
        template, site = installed(rendered["everything"])
        container = main(pod(template, step, site, inputs))
        env = {entry["name"]: entry.get("value") for entry in container["env"]}
        assert env["AWS_ENDPOINT_URL"] == "https://minio.storage:9000"
        assert env["NCCL_DEBUG"] == "WARN"
        assert env["HOME"] == "/tmp"
        assert container["envFrom"] == [{"secretRef": {"name": "s3-credentials"}}]
        assert {"name": "scratch", "mountPath": "/scratch"} in container["volumeMounts"]
        template, site = installed(rendered["pvc"])
        found = pod(template, step, site, inputs)
        assert {"name": "store", "mountPath": "/store"} in main(found)["volumeMounts"]
        assert {"name": "store", "persistentVolumeClaim": {"claimName": "results"}} in found["spec"]["volumes"]


def test_a_pod_that_pushes_knows_its_namespace(rendered: dict[str, str]) -> None:
    for step, inputs in STEPS.items():
        template, site = installed(rendered["defaults"])
        container = main(pod(template, step, site, inputs))
        if any(argument.startswith("--pushgateway") for argument in container["args"]):
            source = {"fieldRef": {"fieldPath": "metadata.namespace"}}
            assert {"name": "GAINTRACE_NAMESPACE", "valueFrom": source} in container["env"]


def test_the_network_policy_selects_every_pod(rendered: dict[str, str]) -> None:
    for case in CASES:
        policy = next(d for d in documents(rendered[case]) if d["kind"] == "NetworkPolicy")
        test_pod = next(d for d in documents(rendered[case]) if d["kind"] == "Pod")
        template, site = installed(rendered[case])
        pods = [pod(template, step, site, inputs) for step, inputs in STEPS.items()]
        for found in [*pods, test_pod]:
            assert policy["spec"]["podSelector"]["matchLabels"].items() <= found["metadata"]["labels"].items()
        assert not any("to" in rule for rule in policy["spec"]["egress"]), "names of hosts resolve to any address"


def test_helm_s_test_pod_is_restricted(rendered: dict[str, str]) -> None:
    for case in CASES:
        assert violations(next(d for d in documents(rendered[case]) if d["kind"] == "Pod")) == []


def test_a_pod_without_argo_s_containers_restricted_would_be_refused(rendered: dict[str, str]) -> None:
    template, site = installed(rendered["defaults"])
    damaged = copy.deepcopy(template)
    damaged["spec"]["podSpecPatch"] = "volumes: {{workflow.parameters.volumes}}"
    assert {text.split(":")[0] for text in violations(pod(damaged, "plan", site))} == {"init", "wait"}
