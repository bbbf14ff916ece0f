"""`gaintrace doctor`: true in a whole cluster, and for each thing that can be missing."""

from collections.abc import Callable

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
