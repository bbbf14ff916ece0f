from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.fake_api import ARGO, CORE, NAMESPACE, FakeApi

ROOT = Path(__file__).parents[2]


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    """A cluster that has everything a sweep needs."""
    fake = FakeApi()
    template = yaml.safe_load((ROOT / "workflows" / "sweep.yaml").read_text())
    claim = {"name": "store", "persistentVolumeClaim": {"claimName": "gaintrace-store"}}
    template["spec"]["volumes"].append(claim)
    for step in template["spec"]["templates"]:
        if "container" in step:
            step["container"]["envFrom"] = [{"secretRef": {"name": "s3"}}]
    fake.objects = {
        f"{ARGO}/workflowtemplates/gaintrace-sweep": template,
        f"{CORE}/configmaps/gaintrace-semaphore": {"data": {"training-pods": "6"}},
        f"{CORE}/serviceaccounts/gaintrace": {"metadata": {"name": "gaintrace"}},
        f"{CORE}/serviceaccounts/gaintrace-executor": {"metadata": {"name": "gaintrace-executor"}},
        f"{CORE}/secrets/gaintrace-executor.service-account-token": {"data": {"token": "eA=="}},
        f"{CORE}/secrets/s3": {"data": {"AWS_ACCESS_KEY_ID": "eA==", "AWS_SECRET_ACCESS_KEY": "eA=="}},
        f"{CORE}/persistentvolumeclaims/gaintrace-store": {"status": {"phase": "Bound"}},
        "/api/v1/nodes": {
            "items": [
                {"metadata": {"name": "gpu-1"}, "spec": {}, "status": {"allocatable": {"nvidia.com/gpu": "8"}}},
                {"metadata": {"name": "cpu-1"}, "spec": {}, "status": {"allocatable": {"cpu": "16"}}},
            ]
        },
    }
    executor = f"system:serviceaccount:{NAMESPACE}:gaintrace-executor"
    fake.allowed = {("", f"{verb} workflows") for verb in ("create", "update", "patch", "delete")} | {
        (executor, f"{verb} workflowtaskresults") for verb in ("create", "patch")
    }
    fake.set_parameter("store", str(tmp_path / "store"))
    monkeypatch.setenv("KUBECONFIG", str(fake.kubeconfig(tmp_path)))
    yield fake
    fake.stop()
