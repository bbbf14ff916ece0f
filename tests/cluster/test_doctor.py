"""`gaintrace doctor`: true in a whole cluster, and for each thing that can be missing."""

from collections.abc import Callable
from typing import Any

import pytest

from gaintrace.cluster.api import Cluster
from gaintrace.cluster.doctor import examine
from tests.cluster.fake_api import ARGO, CORE, FakeApi


def found(verdict: str) -> list[str]:
    return [check.text for check in examine(Cluster()) if check.verdict == verdict]


def test_a_whole_cluster(api: FakeApi) -> None:
    assert found("missing") == []
    assert found("unknown") == []
    assert any("8 GPUs allocatable on 1 node" in text for text in found("ok"))


def remove(path: str) -> Callable[[FakeApi], None]:
    return lambda api: api.objects.pop(path) and None


def put(path: str, value: object) -> Callable[[FakeApi], None]:
    return lambda api: api.objects.update({path: value})


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda api: api.kinds.clear(), "Install Argo Workflows 4.1"),
        (lambda api: api.kinds.remove("workflowtaskresults"), "no workflowtaskresults"),
        (remove(f"{ARGO}/workflowtemplates/gaintrace-sweep"), "helm upgrade --install"),
        (
            lambda api: api.objects[f"{ARGO}/workflowtemplates/gaintrace-sweep"]["metadata"]["labels"].update(
                {"app.kubernetes.io/version": "0.0.9"}
            ),
            "is 0.0.9, this command",
        ),
        (lambda api: api.allowed.remove(("", "create workflows")), "rbac.submitters"),
        (lambda api: api.allowed.remove(("", "update workflows")), "you may not update workflows"),
        (lambda api: api.allowed.clear(), "every pod would hang"),
        (remove(f"{CORE}/serviceaccounts/gaintrace"), "serviceAccount.create"),
        (remove(f"{CORE}/secrets/gaintrace-executor.service-account-token"), "every pod would hang"),
        (remove(f"{CORE}/configmaps/gaintrace-semaphore"), "gaintrace-semaphore is not there"),
        (put(f"{CORE}/configmaps/gaintrace-semaphore", {"data": {"training-pods": "0"}}), "nothing trains"),
        (put("/api/v1/nodes", {"items": []}), "device plugin"),
        (remove(f"{CORE}/secrets/s3"), "Secret s3 is not there"),
        (put(f"{CORE}/secrets/s3", {"data": {"AWS_ACCESS_KEY_ID": ""}}), "no key AWS_SECRET_ACCESS_KEY"),
        (remove(f"{CORE}/persistentvolumeclaims/gaintrace-store"), "gaintrace-store is not there"),
        (put(f"{CORE}/persistentvolumeclaims/gaintrace-store", {"status": {"phase": "Lost"}}), "lost its volume"),
        (lambda api: api.set_parameter("store", "/dev/null/x"), "store /dev/null/x, from here"),
        (lambda api: api.set_parameter("data", "/nowhere"), "/nowhere"),
    ],
)
def test_each_thing_that_is_missing_is_named_with_its_mend(
    api: FakeApi, damage: Callable[[FakeApi], object], words: str
) -> None:
    damage(api)
    assert any(words in text for text in found("missing")), found("missing")


def step(api: FakeApi, name: str) -> dict[str, Any]:
    template = api.objects[f"{ARGO}/workflowtemplates/gaintrace-sweep"]
    found: dict[str, Any] = next(t for t in template["spec"]["templates"] if t["name"] == name)
    return found


def placed(api: FakeApi) -> None:
    """A template as the chart makes it of every value that places pods."""
    train = step(api, "train")
    train["priorityClassName"] = "low"
    train["podSpecPatch"] = train["podSpecPatch"].replace("nvidia.com/gpu", "nvidia.com/mig-1g.10gb")
    train["podSpecPatch"] += "runtimeClassName: nvidia\n"
    train["nodeSelector"] = {"pool": "a"}
    spec = api.objects[f"{ARGO}/workflowtemplates/gaintrace-sweep"]["spec"]
    spec["podMetadata"]["labels"]["kueue.x-k8s.io/queue-name"] = "team"
    spec["imagePullSecrets"] = [{"name": "pull"}]
    node = api.objects["/api/v1/nodes"]["items"][0]
    node["status"]["allocatable"]["nvidia.com/mig-1g.10gb"] = "7"
    node["metadata"]["labels"] = {"pool": "a"}
    api.objects |= {QUEUE: {}, PULL: {}}
    api.objects[PRIORITY] = {"metadata": {"name": "low"}, "value": 1}
    api.objects[RUNTIME] = {"metadata": {"name": "nvidia"}, "handler": "nvidia"}


PRIORITY = "/apis/scheduling.k8s.io/v1/priorityclasses/low"
RUNTIME = "/apis/node.k8s.io/v1/runtimeclasses/nvidia"
QUEUE = "/apis/kueue.x-k8s.io/v1beta1/namespaces/research/localqueues/team"
PULL = f"{CORE}/secrets/pull"


def test_what_places_pods_is_looked_for(api: FakeApi) -> None:
    placed(api)
    assert found("missing") == []
    ok = found("ok")
    for words in (
        "7 nvidia.com/mig-1g.10gb allocatable",
        "PriorityClass low",
        "RuntimeClass nvidia",
        "LocalQueue team",
    ):
        assert any(words in text for text in ok), words


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            remove(PRIORITY),
            "PriorityClass low is not there, so pods would wait for ever: create it, or correct training.pr",
        ),
        (remove(RUNTIME), "RuntimeClass nvidia is not there"),
        (remove(QUEUE), "LocalQueue team is not there"),
        (
            remove(PULL),
            "Secret pull is not there, so pods would wait for ever: create it, or correct image.pullSecrets",
        ),
        (put("/api/v1/nodes", {"items": []}), "no node offers nvidia.com/mig-1g.10gb"),
        (lambda api: step(api, "train").update(nodeSelector={"pool": "b"}), "has the labels pool=b: correct training."),
    ],
)
def test_what_places_pods_and_is_not_there_is_named_with_its_value(
    api: FakeApi, damage: Callable[[FakeApi], object], words: str
) -> None:
    placed(api)
    damage(api)
    (said,) = found("missing")
    assert words in said


def test_an_image_that_no_registry_holds(api: FakeApi) -> None:
    api.set_parameter("image", "gaintrace:0.1.0")
    assert found("missing") == []
    assert found("unknown") == [
        "image gaintrace:0.1.0 names no registry: set image.repository, unless nodes hold it already"
    ]


def test_what_we_may_not_see_is_unknown_and_not_missing(api: FakeApi) -> None:
    for path in ("/api/v1/nodes", f"{CORE}/secrets/s3", f"{CORE}/persistentvolumeclaims/gaintrace-store"):
        api.faults[path] = [403, -1]
    assert found("missing") == []
    assert [text.split(";")[0] for text in found("unknown")] == [
        "you may not list nodes",
        "you may not read Secret s3",
        "you may not read PersistentVolumeClaim gaintrace-store",
    ]
