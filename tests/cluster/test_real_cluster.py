"""On a real cluster with Argo: what has to hold before anybody trains there.

    make cluster-test GAINTRACE_IMAGE=registry.example/gaintrace:0.1.0 GAINTRACE_NAMESPACE=gaintrace-test

Needs kubectl, helm and argo on PATH, a kubeconfig that may administer the namespace, an image that the nodes can pull,
and a default storage class (or GAINTRACE_VALUES, a values file, as with `store.uri: s3://…`). The namespace is made if
it is not there, and may hold nothing else: it gets the restricted pod security level and a network policy that denies
everything, and at the end the release, its claim and all workflows in it are deleted. With GAINTRACE_KEEP set they
stay, to look at. No GPU is needed; an hour is.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.chart.cases import CASES, MONITORING, site
from tests.cluster.real_cluster import (
    CHART,
    NAMESPACE,
    PHASE2,
    ROOT,
    TRAINING_PODS,
    attempts,
    call,
    ended,
    get,
    in_namespace,
    in_pod,
    kubectl,
    log,
    options,
    phase,
    pods_of,
    refusal,
    results,
    store_of,
    submit,
    sweep_of,
    training_pods,
    wait_for,
)
from tests.cluster.real_cluster import DONE as ENDS
from tests.cluster.scenarios import (
    HOSTILE,
    IMPOSSIBLE,
    LENIENT,
    NO_IMAGE,
    UNKNOWN_FIELD,
    longest,
    reasons,
    seeded,
    statuses,
)

MISSING = [tool for tool in ("kubectl", "helm", "argo", "gaintrace") if shutil.which(tool) is None]
MISSING += [name for name in ("GAINTRACE_IMAGE", "GAINTRACE_NAMESPACE") if not os.environ.get(name)]
pytestmark = [pytest.mark.cluster, pytest.mark.skipif(bool(MISSING), reason=f"missing: {', '.join(MISSING)}")]

RESEARCHER = "researcher"
"""A user whom only `rbac.submitters` lets do anything."""

DENY_ALL = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "deny-all"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
}


def install(*changes: str) -> None:
    """Install or upgrade the release. `changes`: values, `name=value`, besides those that the tests need."""
    image = os.environ["GAINTRACE_IMAGE"]
    if "@" in image:
        repository, digest = image.split("@")
        values = [f"image.repository={repository}", f"image.digest={digest}"]
    else:
        repository, colon, tag = image.rpartition(":")
        assert colon and "/" not in tag, f"GAINTRACE_IMAGE={image}: name a tag or a digest"
        values = [f"image.repository={repository}", f"image.tag={tag}"]
    values += ["training.gpus=0", "training.cpu=1", "training.memory=2Gi", f"training.maxPods={TRAINING_PODS}"]
    values += ["rbac.submitters[0].kind=User", f"rbac.submitters[0].name={RESEARCHER}", *changes]
    words = [word for value in values for word in ("--set-string" if "tag=" in value else "--set", value)]
    if file := os.environ.get("GAINTRACE_VALUES"):
        words += ["-f", file]
    call("helm", "upgrade", "--install", "gaintrace", CHART, "-n", NAMESPACE, *words)


@pytest.fixture(scope="module", autouse=True)
def release() -> Iterator[None]:
    """The chart, in a namespace as strict as a cluster can make it."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    call("kubectl", "apply", "-f", "-", stdin=json.dumps(namespace))
    call("kubectl", "label", "--overwrite", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    kubectl("apply", "-f", "-", stdin=json.dumps(DENY_ALL))
    install()
    secret = "gaintrace-executor.service-account-token"
    wait_for("token for Argo's executor", lambda: "token" in get("secret", secret).get("data", {}), 60)
    yield
    if "GAINTRACE_KEEP" in os.environ:
        return
    kubectl("delete", "workflows", "--all")
    call("helm", "uninstall", "gaintrace", "-n", NAMESPACE)
    kubectl("delete", "--ignore-not-found", "pod/gaintrace-test", "pvc/gaintrace-store", "networkpolicy/deny-all")


@pytest.mark.parametrize("case", CASES)
def test_the_server_takes_everything_rendered(tmp_path: Path, case: str) -> None:
    values, render_options = CASES[case]
    if render_options == MONITORING and "monitoring.coreos.com/v1\n" not in call("kubectl", "api-versions"):
        pytest.skip("the cluster has no Prometheus operator")
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(site(values)))
    rendered = call("helm", "template", "gaintrace", CHART, "-n", NAMESPACE, "-f", str(file), *render_options)
    kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=rendered)


def test_the_server_and_argo_take_the_workflows_as_they_are(tmp_path: Path) -> None:
    for name in ("sweep", "nightly"):
        file = str(ROOT / "workflows" / f"{name}.yaml")
        kubectl("apply", "--dry-run=server", "--validate=strict", "-f", file)
    for name in ("phase1", "phase2"):
        kubectl("create", "--dry-run=server", "--validate=strict", "-f", str(ROOT / "workflows" / f"{name}.yaml"))
    call("argo", "lint", "--offline", str(ROOT / "workflows"))
    for name in ("sweep", "nightly", "phase1", "phase2"):
        call("argo", "lint", "-n", NAMESPACE, in_namespace(ROOT / "workflows" / f"{name}.yaml", tmp_path))


def test_doctor_finds_what_is_missing_and_nothing_else() -> None:
    lines = call("gaintrace", "doctor", "-n", NAMESPACE).splitlines()
    assert [line for line in lines if line.startswith("missing")] == []
    assert any("gaintrace-executor may report results to Argo" in line for line in lines)
    kubectl("delete", "configmap", "gaintrace-semaphore")
    try:
        lines = call("gaintrace", "doctor", "-n", NAMESPACE, codes=(6,)).splitlines()
        assert [line.split()[2] for line in lines if line.startswith("missing")] == ["gaintrace-semaphore"]
    finally:
        install()


def test_helm_test() -> None:
    call("helm", "test", "gaintrace", "-n", NAMESPACE, "--timeout", "20m")


@pytest.mark.parametrize("runs_per_pod", [1, 3, 6])
def test_six_rows_for_each_number_of_runs_a_pod(runs_per_pod: int) -> None:
    name = submit(f"runs-per-pod={runs_per_pod}", seeded(runs_per_pod))
    assert ended(name) == "Succeeded", kubectl("get", "workflow", name, "-o", "yaml")
    assert "succeeded" in log(name, "outcome")
    assert len(attempts(name, "train")) == 6 // runs_per_pod
    assert statuses(results(name)) == ["succeeded"] * 6


def test_epochs_alone_can_be_given() -> None:
    name = submit("runs-per-pod=6", "epochs=2", seeded(7))
    assert ended(name) == "Succeeded"
    assert longest(results(name)) <= 2


@pytest.mark.parametrize("how", [["--grace-period=110"], ["--force", "--grace-period=0"]], ids=["preempted", "lost"])
def test_a_deleted_pod_is_retried_and_continues(how: list[str]) -> None:
    """The first is told and writes a checkpoint; the second vanishes, and goes on from the last checkpoint it wrote."""
    seed = 11 + len(how)
    name = submit("runs-per-pod=6", seeded(seed, "base.training.epochs=40", "base.training.patience=40"))
    selector = f"workflows.argoproj.io/workflow={name}"

    def under_way() -> str:
        for pod in training_pods(selector):
            container = ["logs", pod["metadata"]["name"], "-c", "main"]
            if pod["status"]["phase"] == "Running" and "epoch 10/40" in kubectl(*container):
                return str(pod["metadata"]["name"])
        return ""

    pod = wait_for("pod that trains", under_way, 900)
    kubectl("delete", "pod", pod, *how)
    assert ended(name) == "Succeeded"
    assert "continue after epoch" in log(name, "train")
    assert len(attempts(name, "train")) == 2
    assert statuses(results(name)) == ["succeeded"] * 6


def test_one_impossible_run_of_six_and_the_threshold() -> None:
    for overrides, end in ((IMPOSSIBLE, "Failed"), (LENIENT, "Succeeded")):
        name = submit("runs-per-pod=3", seeded(12, overrides))
        assert ended(name) == end
        if end == "Failed":
            assert "too few runs succeeded" in log(name, "outcome")
        rows = results(name)
        assert statuses(rows) == ["failed"] + ["succeeded"] * 5
        assert all(reasons(rows))
        assert len(attempts(name, "aggregate")) == 1, "too few results are no reason to count again"


def test_a_wrong_configuration_is_not_retried() -> None:
    name = submit(f"set={UNKNOWN_FIELD}")
    assert ended(name) == "Failed"
    assert len(attempts(name, "plan")) == 1
    assert "wrong usage or configuration" in log(name, "outcome")


@pytest.mark.parametrize("parameter", ["tolerations", "memory"])
def test_a_parameter_that_would_add_to_a_pod_is_refused(parameter: str) -> None:
    name = submit(f"{parameter}={HOSTILE}", seeded(51))
    assert ended(name) == "Failed"
    assert f"parameter {parameter}" in log(name, "plan")
    assert len(attempts(name, "plan")) == 1
    assert attempts(name, "train") == []
    for pod in pods_of(name):
        assert not pod["spec"].get("hostNetwork") and not pod["spec"].get("hostPID")


def test_an_upgrade_changes_nothing_of_a_sweep_that_runs() -> None:
    name = submit("runs-per-pod=1", seeded(52))
    wait_for("pod that trains", lambda: training_pods(f"workflows.argoproj.io/workflow={name}"), 900)
    install("image.tag=no-such-tag", "image.digest=", "training.memory=3Gi", "training.retries=0")
    try:
        assert ended(name) == "Succeeded"
        assert statuses(results(name)) == ["succeeded"] * 6
        containers = [c for pod in pods_of(name) for c in pod["spec"]["containers"] if c["name"] == "main"]
        assert {c["image"] for c in containers} == {os.environ["GAINTRACE_IMAGE"]}
        assert len(attempts(name, "train")) == 6
    finally:
        install()


def test_an_image_that_cannot_be_pulled_ends_within_a_quarter_of_an_hour_with_its_reason() -> None:
    name = submit(f"image={NO_IMAGE}", seeded(53))
    assert ended(name, 15 * 60) == "Failed"
    assert attempts(name, "train") == []
    said = call("gaintrace", "watch", name, "-n", NAMESPACE, codes=(1,))
    assert NO_IMAGE in said


def test_a_submitter_may_do_what_the_runbook_says() -> None:
    name = submit("runs-per-pod=6", seeded(54, "base.training.epochs=40", "base.training.patience=40"))
    selector = f"workflows.argoproj.io/workflow={name}"
    pod = wait_for("pod that trains", lambda: training_pods(selector), 900)[0]["metadata"]["name"]
    as_researcher = ("--as", RESEARCHER, "-n", NAMESPACE)
    call("kubectl", "logs", pod, "-c", "main", *as_researcher)
    call("kubectl", "delete", "pod", pod, *as_researcher)
    call("argo", "suspend", name, *as_researcher)
    call("argo", "resume", name, *as_researcher)
    call("argo", "stop", name, *as_researcher)
    assert ended(name) == "Failed"
    call("argo", "retry", name, *as_researcher)
    wait_for("second try", lambda: phase(name) == "Running", 120)
    assert ended(name) == "Succeeded"
    call("kubectl", "delete", "secret", "--all", *as_researcher, codes=(1,))


def test_a_finished_shard_asks_for_no_device() -> None:
    name = submit("runs-per-pod=6", seeded(55))
    assert ended(name) == "Succeeded"
    where = ("--sweep", sweep_of(name), "--shard", "0", "--out", store_of(name))
    in_pod(name, "gaintrace", "train-shard", *where, "--gpus", "1")


def test_two_sweeps_share_the_places() -> None:
    """Two shards each, of which three find a place."""
    names = [submit("runs-per-pod=3", seeded(seed)) for seed in (21, 22)]
    most, together = 0, False

    def watched() -> bool:
        nonlocal most, together
        pods = training_pods()
        owners = {pod["metadata"]["labels"]["workflows.argoproj.io/workflow"] for pod in pods}
        most, together = max(most, len(pods)), together or len(owners) == 2
        return all(phase(name) in ENDS for name in names)

    wait_for("end of both sweeps", watched, 2400)
    assert [phase(name) for name in names] == ["Succeeded", "Succeeded"]
    assert together, "the sweeps ran one after the other, so this has shown nothing"
    assert most == TRAINING_PODS


def watched_submit(*parameters: str, code: int) -> str:
    return call("gaintrace", "submit", PHASE2, *options(*parameters), "--watch", "-n", NAMESPACE, codes=(code,))


def test_submit_watches_to_the_end_and_tells_it() -> None:
    said = watched_submit("runs-per-pod=3", seeded(31), code=0)
    assert "shard 1: succeeded" in said
    assert "ranks first of 6 configurations" in said
    said = watched_submit("runs-per-pod=3", seeded(32, IMPOSSIBLE), code=4)
    assert "aggregate: failed" in said
    name = said.split()[0]
    call("gaintrace", "watch", name, "-n", NAMESPACE, codes=(4,))


def test_submit_refuses_before_it_sends() -> None:
    before = len(get("workflows")["items"])
    said = refusal("gaintrace", "submit", PHASE2, *options(f"set={UNKNOWN_FIELD}"), "-n", NAMESPACE, code=2)
    assert "no_such_field" in said
    assert len(get("workflows")["items"]) == before
