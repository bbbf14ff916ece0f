"""A cluster that takes connections and does not answer, or stops in mid-answer, ends in bounded time."""

import socket
import time
from pathlib import Path

import pytest
import urllib3
import yaml

from gaintrace.cli import cluster as commands
from gaintrace.cluster.api import Cluster
from gaintrace.errors import ClusterError
from tests.cluster.fake_api import ARGO, CORE, FakeApi, kubeconfig

TIMEOUT = (0.4, 0.4)
LONGEST = 10.0
"""Three attempts with their pauses, on a busy machine."""


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_cluster_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel takes the connections; nobody reads
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, f"{scheme}://127.0.0.1:{silent.getsockname()[1]}")))
        cluster = Cluster(timeout=TIMEOUT)
        began = time.monotonic()
        with pytest.raises(ClusterError, match=r"^cannot read the version: .* does not answer \(.*timed"):
            cluster.version()
        with pytest.raises(ClusterError, match=r"^cannot submit the workflow: .* does not answer \(.*timed"):
            cluster.create_workflow({"metadata": {"generateName": "phase2-"}})
        assert time.monotonic() - began < LONGEST


def test_a_cluster_that_stops_in_mid_answer(api: FakeApi) -> None:
    pod = {"metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"}}
    api.objects[f"{CORE}/pods"] = {"items": [pod]}
    api.stalls = {f"{CORE}/pods/p/log", f"{ARGO}/workflows/w"}
    cluster = Cluster(timeout=TIMEOUT)
    began = time.monotonic()
    with pytest.raises(ClusterError, match=r"^cannot read workflows w: .* does not answer \(.*timed"):
        cluster.workflow("w")
    with pytest.raises(ClusterError, match=r"^cannot read a pod's log: .* does not answer \(.*timed"):
        cluster.last_log("w", "aggregate")
    assert time.monotonic() - began < LONGEST


def test_a_certificate_that_is_not_checked_is_said_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        path = kubeconfig(tmp_path, f"https://127.0.0.1:{silent.getsockname()[1]}")
        settings = yaml.safe_load(path.read_text())
        settings["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
        path.write_text(yaml.safe_dump(settings))
        monkeypatch.setenv("KUBECONFIG", str(path))
        monkeypatch.setattr("gaintrace.cluster.api.Cluster.kinds", lambda _: set())
        monkeypatch.setattr("gaintrace.cluster.api.Cluster.version", lambda _: "v1.36.3")
        with pytest.raises(ClusterError, match="missing"):
            commands.doctor()
        said = "the kubeconfig says insecure-skip-tls-verify: the cluster's certificate is not checked"
        assert " ".join(capsys.readouterr().err.split()) == said
    urllib3.connectionpool.warnings.warn("x", urllib3.exceptions.InsecureRequestWarning)
    assert [w for w in recwarn if w.category is urllib3.exceptions.InsecureRequestWarning] == []
