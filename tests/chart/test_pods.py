"""Every pod that the workflows make of the chart's values is one that Kubernetes takes, restricted as it is."""

import copy
import re
import shutil
import textwrap
from typing import Any

import kubernetes_validate
import pytest
import yaml

from gaintrace.cluster.parameters import NAMES
from tests.argo_pods import pod, violations
from tests.chart.cases import CASES, ROOT, STEPS, documents

pytestmark = pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not installed")


def installed(text: str) -> dict[str, Any]:
    """The WorkflowTemplate of a rendering."""
    return next(d for d in documents(text) if d["kind"] == "WorkflowTemplate")


def main(found: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = next(c for c in found["spec"]["containers"] if c["name"] == "main")
    return container


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("case", CASES)
def test_a_pod_is_valid_and_restricted(rendered: dict[str, str], case: str, step: str) -> None:
    template = installed(rendered[case])
    found = pod(template, step, STEPS[step])
    kubernetes_validate.validate(found, "1.33", strict=True)
    assert violations(found) == []
    assert "{{" not in str(found)
    volumes = {volume["name"] for volume in found["spec"]["volumes"]}
    for container in found["spec"]["containers"] + found["spec"]["initContainers"]:
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        assert container["image"], "a patch that meets no container of its name would add one without an image"
        limits, requests = container["resources"]["limits"], container["resources"]["requests"]
        assert limits.keys() >= {"cpu", "memory", "ephemeral-storage"} and requests.keys() <= limits.keys()


@pytest.mark.parametrize("step", ["train", "validate"])
def test_a_training_pod_gets_what_the_values_say(rendered: dict[str, str], step: str) -> None:
    for case, gpus in (("cpu", "0"), ("gpu", "1")):
        template = installed(rendered[case])
        found = pod(template, step, STEPS[step])
        assert main(found)["resources"]["limits"]["nvidia.com/gpu"] == gpus
        assert f"--gpus={gpus}" in main(found)["args"]
        assert {"name": "shm", "mountPath": "/dev/shm"} in main(found)["volumeMounts"]
        assert found["spec"]["terminationGracePeriodSeconds"] >= 60
        assert bool(found["spec"].get("tolerations")) == (case == "gpu")
        assert bool(found["spec"].get("nodeSelector")) == (case == "gpu")


def test_every_pod_gets_store_credentials_and_extras(rendered: dict[str, str]) -> None:
    for step, inputs in STEPS.items():
        template = installed(rendered["everything"])
        container = main(pod(template, step, inputs))
        env = {entry["name"]: entry.get("value") for entry in container["env"]}
        assert env["AWS_ENDPOINT_URL"] == "https://minio.storage:9000"
        assert env["NCCL_DEBUG"] == "WARN"
        assert env["HOME"] == "/tmp"
        assert container["envFrom"] == [{"secretRef": {"name": "s3-credentials"}}]
        assert {"name": "scratch", "mountPath": "/scratch"} in container["volumeMounts"]
        template = installed(rendered["pvc"])
        found = pod(template, step, inputs)
        assert {"name": "store", "mountPath": "/store"} in main(found)["volumeMounts"]
        assert {"name": "store", "persistentVolumeClaim": {"claimName": "results"}} in found["spec"]["volumes"]


def test_a_pod_that_pushes_knows_its_namespace(rendered: dict[str, str]) -> None:
    for step, inputs in STEPS.items():
        template = installed(rendered["defaults"])
        container = main(pod(template, step, inputs))
        if any(argument.startswith("--pushgateway") for argument in container["args"]):
            source = {"fieldRef": {"fieldPath": "metadata.namespace"}}
            assert {"name": "GAINTRACE_NAMESPACE", "valueFrom": source} in container["env"]


def test_the_network_policy_selects_every_pod(rendered: dict[str, str]) -> None:
    for case in CASES:
        policy = next(d for d in documents(rendered[case]) if d["kind"] == "NetworkPolicy")
        test_pod = next(d for d in documents(rendered[case]) if d["kind"] == "Pod")
        template = installed(rendered[case])
        pods = [pod(template, step, inputs) for step, inputs in STEPS.items()]
        for found in [*pods, test_pod]:
            assert policy["spec"]["podSelector"]["matchLabels"].items() <= found["metadata"]["labels"].items()
        assert not any("to" in rule for rule in policy["spec"]["egress"]), "names of hosts resolve to any address"


def amount(text: str) -> float:
    """A quantity of Kubernetes as a number."""
    number, unit = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", str(text)).groups()
    return float(number) * {"": 1, "m": 1e-3, "Mi": 2**20, "Gi": 2**30}[unit]


def test_the_quota_that_the_docs_give_is_enough_and_not_twice_as_much(rendered: dict[str, str]) -> None:
    text = (ROOT / "docs" / "cluster.md").read_text()
    block = re.search(r"( {4}apiVersion: v1\n {4}kind: ResourceQuota\n.*?)\n\n", text, re.DOTALL)
    quota = yaml.safe_load(textwrap.dedent(block.group(1)))
    kubernetes_validate.validate(quota, "1.33", strict=True)
    template = installed(rendered["defaults"])
    pods = [pod(template, step, STEPS[step]) for step in ["train"] * 6 + ["plan", "aggregate", "outcome"]]
    for name, hard in quota["spec"]["hard"].items():
        if name == "pods":
            assert amount(hard) >= len(pods)
            continue
        kind, resource = name.split(".", 1)
        used = 0.0
        for found in pods:
            for container in found["spec"]["containers"]:
                limits = container["resources"]["limits"]
                asked = limits if kind == "limits" else limits | container["resources"].get("requests", {})
                used += amount(asked.get(resource, "0"))
        assert used <= amount(hard) < 2.5 * used, name


HOSTILE = [
    "[]\nhostNetwork: true\nhostPID: true",
    '1"\nhostNetwork: true\nx: "',
    "1\n",
    "{{workflow.parameters.set}}",
    "{{=workflow.parameters.set}}",
]
"""Values that add fields to a text of YAML, at once or when parameters are put into it for the second time."""


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("parameter", sorted(NAMES | {"tolerations", "volumes", "env-from"}))
def test_no_parameter_changes_more_of_a_pod_than_it_says(rendered: dict[str, str], parameter: str, value: str) -> None:
    template = installed(rendered["everything"])
    given = {parameter: value} | ({} if parameter == "set" else {"set": HOSTILE[1]})
    for step, inputs in STEPS.items():
        try:
            found = pod(template, step, inputs, **given)
        except ValueError:  # no number of seconds: Argo does not make the pod
            assert parameter == "deadline"
            continue
        sound = pod(template, step, inputs)
        assert _without_values(found["spec"]) == _without_values(sound["spec"])


def test_one_that_is_put_in_as_it_comes_would(rendered: dict[str, str]) -> None:
    template = copy.deepcopy(installed(rendered["everything"]))
    train = next(step for step in template["spec"]["templates"] if step["name"] == "train")
    train["podSpecPatch"] = "tolerations: {{workflow.parameters.memory}}\n"
    assert pod(template, "train", STEPS["train"], memory=HOSTILE[0])["spec"]["hostNetwork"] is True
    train["podSpecPatch"] = "schedulerName: \"{{=sprig.regexFind('^(?s).+$', workflow.parameters.memory)}}\"\n"
    twice = pod(template, "train", STEPS["train"], memory=HOSTILE[3], set=HOSTILE[1])
    assert twice["spec"]["hostNetwork"] is True


def _without_values(spec: dict[str, Any]) -> dict[str, Any]:
    """A pod without what parameters are there to choose: image, arguments, and amounts that Kubernetes checks."""
    left = copy.deepcopy(spec)
    del left["activeDeadlineSeconds"]
    for container in left["containers"]:
        if container["name"] == "main":
            container["image"], container["args"] = "", [argument.split("=")[0] for argument in container["args"][2:]]
            container["env"] = [entry for entry in container["env"] if entry["name"] != "GAINTRACE_IMAGE"]
            for amount in ("cpu", "memory", "nvidia.com/gpu"):
                found = container["resources"]["limits"].pop(amount, "")
                assert re.fullmatch("[0-9a-zA-Z.]*", found), found
    return left


def test_helm_s_test_pod_is_restricted(rendered: dict[str, str]) -> None:
    for case in CASES:
        assert violations(next(d for d in documents(rendered[case]) if d["kind"] == "Pod")) == []


def test_a_pod_without_argo_s_containers_restricted_would_be_refused(rendered: dict[str, str]) -> None:
    template = installed(rendered["defaults"])
    damaged = copy.deepcopy(template)
    damaged["spec"]["podSpecPatch"] = ""
    assert {text.split(":")[0] for text in violations(pod(damaged, "plan"))} == {"init", "wait"}
