"""Every value of the chart has the effect that its comment promises: all are changed at once, each is looked for."""

import shutil
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml

from gaintrace.cluster.workflow import parameters
from tests.argo_pods import pod, violations
from tests.argo_schema import faults
from tests.chart.cases import CHART, STEPS, documents, render

pytestmark = pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not installed")

TRAINING = ("train", "validate")
AFFINITY = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {}}
PEER = {"ipBlock": {"cidr": "10.0.0.1/32"}}
ENV = {"name": "NCCL_DEBUG", "value": "WARN"}
SCRATCH = {"name": "scratch", "emptyDir": {}}
MOUNT = {"name": "scratch", "mountPath": "/scratch"}
POLICY = ("NetworkPolicy/gaintrace", "spec")
TEMPLATE = ("WorkflowTemplate/gaintrace-sweep", "spec")
CRON = ("CronWorkflow/gaintrace-nightly", "spec")
DIGEST = "sha256:" + "ab" * 32

Place = tuple[Any, ...]
EFFECTS: list[tuple[str, Any, Place, Any]] = [
    ("image.repository", "registry.example/other", ("plan", "main", "image"), f"registry.example/other@{DIGEST}"),
    (
        "image.digest",
        DIGEST,
        ("Pod/gaintrace-test", "spec", "containers", 0, "image"),
        f"registry.example/other@{DIGEST}",
    ),
    ("image.pullPolicy", "Always", ("outcome", "main", "imagePullPolicy"), "Always"),
    ("image.pullSecrets", ["pull"], ("default", "spec", "imagePullSecrets"), [{"name": "pull"}]),
    ("store.uri", "s3://results/gaintrace", ("parameter", "store"), "s3://results/gaintrace"),
    ("s3.existingSecret", "keys", ("aggregate", "main", "envFrom"), [{"secretRef": {"name": "keys"}}]),
    ("s3.endpoint", "https://minio.storage:9000", ("train", "env", "AWS_ENDPOINT_URL"), "https://minio.storage:9000"),
    ("s3.region", "eu-1", ("train", "env", "AWS_DEFAULT_REGION"), "eu-1"),
    ("s3.caConfigMap", "ca", ("train", "volumes", "s3-ca", "configMap"), {"name": "ca"}),
    ("data.uri", "s3://results/data", ("parameter", "data"), "s3://results/data"),
    ("training.gpus", 0, ("train", "limits", "nvidia.com/mig-1g.10gb"), "0"),
    ("training.cpu", "3", ("train", "limits", "cpu"), "3"),
    ("training.memory", "3Gi", ("train", "limits", "memory"), "3Gi"),
    ("training.ephemeralStorage", "33Gi", ("validate", "limits", "ephemeral-storage"), "33Gi"),
    ("training.sharedMemory", "7Gi", ("train", "volumes", "shm", "emptyDir", "sizeLimit"), "7Gi"),
    ("training.deadlineSeconds", 1209600, ("train", "spec", "activeDeadlineSeconds"), 1209600),
    ("training.retries", 33, ("train", "main", "args", -1), "--retries=33"),
    ("training.retries", 33, ("validate", "main", "args", -1), "--retries=33"),
    ("training.attempts", 44, ("step", "train", "retryStrategy", "limit"), 44),
    ("training.retryElsewhere", True, ("step", "train", "retryStrategy", "affinity"), {"nodeAntiAffinity": {}}),
    ("training.maxPods", 64, (*TEMPLATE, "parallelism"), 64),
    ("training.maxPods", 64, ("ConfigMap/gaintrace-semaphore", "data", "training-pods"), "64"),
    ("training.nodeSelector", {"gpu": "h200"}, ("train", "spec", "nodeSelector"), {"gpu": "h200"}),
    ("training.tolerations", [{"key": "t"}], ("validate", "spec", "tolerations"), [{"key": "t"}]),
    ("training.affinity", AFFINITY, ("train", "spec", "affinity"), AFFINITY),
    ("training.topologySpreadConstraints", [SPREAD], ("train", "spec", "topologySpreadConstraints"), [SPREAD]),
    ("training.priorityClassName", "low", ("train", "spec", "priorityClassName"), "low"),
    ("training.runtimeClassName", "nvidia", ("validate", "spec", "runtimeClassName"), "nvidia"),
    ("training.schedulerName", "volcano", ("train", "spec", "schedulerName"), "volcano"),
    ("gpu.resourceName", "nvidia.com/mig-1g.10gb", ("train", "limits", "nvidia.com/gpu"), None),
    ("plan.cpu", "5", ("plan", "limits", "cpu"), "5"),
    ("plan.memory", "5Gi", ("plan", "limits", "memory"), "5Gi"),
    ("plan.deadlineSeconds", 555, ("plan", "spec", "activeDeadlineSeconds"), 555),
    ("plan.deadlineSeconds", 555, ("default", "spec", "activeDeadlineSeconds"), 555),
    ("aggregate.cpu", "6", ("aggregate", "limits", "cpu"), "6"),
    ("aggregate.memory", "6Gi", ("aggregate", "limits", "memory"), "6Gi"),
    ("aggregate.deadlineSeconds", 666, ("aggregate", "spec", "activeDeadlineSeconds"), 666),
    (
        "aggregate.artifacts",
        True,
        ("step", "aggregate", "outputs", "artifacts", 0),
        {"name": "report", "path": "/tmp/report/report.html", "optional": True, "archive": {"none": {}}},
    ),
    ("aggregate.artifacts", True, ("aggregate", "main", "args", -1), "--outputs=/tmp/report"),
    ("workflow.deadlineSeconds", 7777777, (*TEMPLATE, "activeDeadlineSeconds"), 7777777),
    ("workflow.retries", 8, ("step", "outcome", "retryStrategy", "limit"), 8),
    ("workflow.ttlSecondsAfterSuccess", 9, (*TEMPLATE, "ttlStrategy", "secondsAfterSuccess"), 9),
    ("workflow.ttlSecondsAfterFailure", 10, (*TEMPLATE, "ttlStrategy", "secondsAfterFailure"), 10),
    ("kueue.queueName", "team", ("plan", "metadata", "labels", "kueue.x-k8s.io/queue-name"), "team"),
    ("nightly.schedule", "1 2 * * *", (*CRON, "schedules"), ["1 2 * * *"]),
    ("nightly.timezone", "Europe/Berlin", (*CRON, "timezone"), "Europe/Berlin"),
    ("nightly.datasets", ["s3://results/data"], ("parameter", "datasets"), '["s3://results/data"]'),
    ("nightly.priority", 3, (*CRON, "workflowSpec", "priority"), 3),
    ("commonLabels", {"team": "x"}, ("train", "metadata", "labels", "team"), "x"),
    ("commonLabels", {"team": "x"}, ("NetworkPolicy/gaintrace", "metadata", "labels", "team"), "x"),
    ("commonLabels", {"team": "x"}, (*TEMPLATE, "workflowMetadata", "labels"), {"team": "x"}),
    ("podLabels", {"cost": "y"}, ("Pod/gaintrace-test", "metadata", "labels", "cost"), "y"),
    ("podAnnotations", {"mesh": "no"}, ("outcome", "metadata", "annotations"), {"mesh": "no"}),
    ("podSecurity.user", 1234, ("train", "spec", "securityContext", "runAsUser"), 1234),
    ("extraEnv", [ENV], ("train", "env", "NCCL_DEBUG"), "WARN"),
    ("extraVolumes", [SCRATCH], ("plan", "volumes", "scratch"), SCRATCH),
    ("extraVolumeMounts", [MOUNT], ("plan", "main", "volumeMounts", -1), MOUNT),
    ("serviceAccount.name", "mine", ("train", "spec", "serviceAccountName"), "mine"),
    ("serviceAccount.name", "mine", (*TEMPLATE, "executor", "serviceAccountName"), "mine-executor"),
    ("serviceAccount.annotations", {"role": "r"}, ("ServiceAccount/mine", "metadata", "annotations"), {"role": "r"}),
    (
        "rbac.submitters",
        [{"kind": "ServiceAccount", "name": "bot", "namespace": "ci"}],
        ("RoleBinding/gaintrace-submitter", "subjects"),
        [{"kind": "ServiceAccount", "name": "bot", "namespace": "ci"}],
    ),
    ("networkPolicy.dnsPorts", [5353], (*POLICY, "egress", 0, "ports", 0, "port"), 5353),
    ("networkPolicy.apiPorts", [8443], (*POLICY, "egress", 1, "ports"), [{"port": 8443, "protocol": "TCP"}]),
    ("networkPolicy.to.dns", [PEER], (*POLICY, "egress", 0, "to"), [PEER]),
    ("networkPolicy.to.api", [PEER], (*POLICY, "egress", 1, "to"), [PEER]),
    ("networkPolicy.to.store", [PEER], (*POLICY, "egress", 2, "to"), [PEER]),
    ("networkPolicy.to.pushgateway", [PEER], (*POLICY, "egress", 3, "to"), [PEER]),
    ("networkPolicy.extraEgress", [{"ports": [{"port": 8}]}], (*POLICY, "egress", 4), {"ports": [{"port": 8}]}),
    ("networkPolicy.metricsFrom", [PEER], (*POLICY, "ingress", 0, "from"), [PEER]),
    ("metrics.pushgateway", "http://push.monitoring:9091", ("parameter", "pushgateway"), "http://push.monitoring:9091"),
]
"""Value, what it is set to, where that shows, and as what."""

ELSEWHERE = (
    "image.tag",  # test_an_image_without_digest
    "store.persistence.",  # cases `defaults` and `pvc`
    "gpu.hourlyPrice",  # with the others of monitoring: test_monitoring
    "metrics.",
    "nightly.enabled",  # test_what_is_off_is_not_there
    "serviceAccount.create",
    "rbac.create",
    "networkPolicy.enabled",
)
"""Values that other tests change."""


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in flat.items():
        *sections, last = name.split(".")
        place = found
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return found


@pytest.fixture(scope="module")
def changed() -> dict[str, dict[str, Any]]:
    """The objects of a release of which every value is another than the default."""
    result = render(nested({name: value for name, value, _, _ in EFFECTS}))
    assert result.returncode == 0, result.stderr
    return {f"{d['kind']}/{d['metadata']['name']}": d for d in documents(result.stdout)}


def look(found: dict[str, dict[str, Any]], place: Place) -> Any:
    """What is at a place: of an object, of a pod that Argo makes of a step, or of the template."""
    template = found["WorkflowTemplate/gaintrace-sweep"]
    first, *keys = place
    here: Any
    if first == "parameter":
        here = parameters(template["spec"])
    elif first == "step":
        here = {step["name"]: step for step in template["spec"]["templates"]}
    elif first in STEPS:
        here = pod(template, first, STEPS[first])
        (main,) = [container for container in here["spec"]["containers"] if container["name"] == "main"]
        here |= {"main": main, "limits": main["resources"]["limits"]}
        here["env"] = {entry["name"]: entry.get("value") for entry in main["env"]}
        here["volumes"] = {volume["name"]: volume for volume in here["spec"]["volumes"]}
    else:
        here = found[first]
    for key in keys:
        here = here[key] if isinstance(here, list) else here.get(key)
    return here


@pytest.mark.parametrize(("value", "place", "expected"), [(v, p, e) for v, _, p, e in EFFECTS])
def test_a_value_shows(changed: dict[str, dict[str, Any]], value: str, place: Place, expected: Any) -> None:
    assert look(changed, place) == expected, value


def test_they_are_still_what_kubernetes_and_argo_take(changed: dict[str, dict[str, Any]]) -> None:
    for document in changed.values():
        if "argoproj.io" not in document["apiVersion"]:
            kubernetes_validate.validate(document, "1.33", strict=True)
    for step, inputs in STEPS.items():
        found = pod(changed["WorkflowTemplate/gaintrace-sweep"], step, inputs)
        kubernetes_validate.validate(found, "1.33", strict=True)
        assert violations(found) == []
    for name in ("WorkflowTemplate/gaintrace-sweep", "CronWorkflow/gaintrace-nightly"):
        assert faults(changed[name]) == []


def leaves(values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(values, dict) and values:
        for name, value in values.items():
            yield from leaves(value, f"{path}.{name}" if path else name)
    else:
        yield path, values


def test_every_value_is_looked_for_and_changed() -> None:
    defaults = dict(leaves(yaml.safe_load((CHART / "values.yaml").read_text())))
    named = {name: value for name, value, _, _ in EFFECTS}
    assert named.keys() <= defaults.keys()
    assert [name for name in defaults.keys() - named.keys() if not name.startswith(ELSEWHERE)] == []
    assert [name for name, value in named.items() if value == defaults[name]] == []


def test_only_training_pods_are_placed(changed: dict[str, dict[str, Any]]) -> None:
    for step in STEPS:
        for field in ("nodeSelector", "tolerations", "affinity", "priorityClassName", "runtimeClassName"):
            assert bool(look(changed, (step, "spec", field))) == (step in TRAINING), (step, field)


def test_the_platform_may_choose_the_user() -> None:
    found = documents(render({"podSecurity": {"user": None}}).stdout)
    for document in found:
        if document["kind"] in ("WorkflowTemplate", "Pod"):
            context = document["spec"]["securityContext"]
            assert context.keys().isdisjoint({"runAsUser", "runAsGroup", "fsGroup"})
            assert context["runAsNonRoot"] is True


def test_an_image_without_digest_has_the_release_s_tag_or_another() -> None:
    for tag, expected in (("", "0.1.0"), ("nightly", "nightly")):
        text = render({"image": {"tag": tag}}).stdout
        template = next(d for d in documents(text) if d["kind"] == "WorkflowTemplate")
        assert parameters(template["spec"])["image"] == f"registry.example/gaintrace:{expected}"


def test_what_is_off_is_not_there() -> None:
    off = {
        "nightly": {"enabled": False},
        "serviceAccount": {"create": False},
        "rbac": {"create": False, "submitters": [{"kind": "User", "name": "me"}]},
        "networkPolicy": {"enabled": False},
        "image": {"pullSecrets": ["pull"]},
    }
    found = documents(render(off).stdout)
    kinds = {d["kind"] for d in found}
    gone = {"CronWorkflow", "ServiceAccount", "Secret", "Role", "RoleBinding", "NetworkPolicy"}
    assert kinds.isdisjoint(gone)
    assert {"WorkflowTemplate", "ConfigMap", "PersistentVolumeClaim", "Pod"} <= kinds
    pulled = [d["spec"]["imagePullSecrets"] for d in found if d["kind"] in ("WorkflowTemplate", "Pod")]
    assert pulled == [[{"name": "pull"}]] * 2, "whatever the accounts are that somebody else made"


@pytest.mark.parametrize("labels", ["commonLabels", "podLabels"])
def test_labels_that_select_are_not_for_values_to_change(labels: str) -> None:
    refused = render({labels: {"app.kubernetes.io/part-of": "other"}})
    assert refused.returncode != 0
    assert "app.kubernetes.io/part-of" in refused.stderr
