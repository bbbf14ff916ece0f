"""What tests share: small data sets and configurations."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from gaintrace.config import RunConfig
from tests.servers import KEY, SECRET, s3_server

settings.register_profile("any machine", deadline=None, max_examples=50)  # a busy one takes its time
settings.register_profile("thorough", deadline=None, max_examples=200)
settings.register_profile("quick", deadline=None, max_examples=20)
settings.load_profile("any machine")

SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"

SMALL_SWEEP = """
name: small
base:
  data: {synthetic: {students: 120, skills: 5, mean_length: 20, seed: 3}}
  model: {d_model: 16, n_heads: 2, n_blocks: 1, d_ff: 16}
  training: {epochs: 3, batch_size: 16, learning_rate: 0.01}
grid: {training.bce_loss_weight: [0.3, 0.7]}
"""
"""Two runs that train in a second."""


def thorough(*values: Any) -> Any:
    """A case of a parametrized test that `make thorough` alone runs, as others nearly say the same."""
    return pytest.param(*values, marks=pytest.mark.thorough)


DEAR = ("tests/monitoring/", "tests/chart/")
"""Folders whose files share servers or rendered charts."""


class Scheduling(LoadFileScheduling):
    """A worker takes a file of tests at a time, or the whole of a dear folder, so that what they share is made once."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return next((folder for folder in DEAR if file.startswith(folder)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    """For `--dist loadfile`, as in `make test`."""
    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture
def shared_data() -> Path:
    """Real data sets beside the project; the test is skipped without them."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real data at {SHARED_DATA}")
    return SHARED_DATA


def small_run(**sections: dict[str, object]) -> RunConfig:
    """A run that trains in a second: `small_run(training={"seed": 1})`."""
    tree: dict[str, dict[str, object]] = {
        "data": {"synthetic": {"students": 120, "skills": 5, "mean_length": 20, "seed": 3}, "max_sequence_length": 40},
        "model": {"d_model": 16, "n_heads": 2, "n_blocks": 2, "d_ff": 24},
        "training": {"epochs": 3, "batch_size": 16, "learning_rate": 3e-3},
    }
    for section, values in sections.items():
        tree[section] = {**tree.get(section, {}), **values}
    return RunConfig.model_validate(tree)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Small tensors gain nothing from threads, and sums keep one order."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def figures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn, but written as SVG only under the mark `figures`: that takes longer than to train."""
    if request.node.get_closest_marker("figures") is None:
        leave_figures_empty(monkeypatch)


def leave_figures_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of reports; in a process of a test's own too."""
    for module in ("gaintrace.report.figures", "gaintrace.report.mastery"):
        monkeypatch.setattr(f"{module}.svg", lambda figure: f"<svg>{figure.name}</svg>")


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An S3 server of the session's own."""
    with s3_server(tmp_path_factory.mktemp("s3")) as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket on it, with the environment that reaches it. Returns its name."""
    for name in [name for name in os.environ if name.startswith("AWS_") or "proxy" in name.lower()]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    import boto3

    name = f"test-{uuid.uuid4().hex[:12]}"
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=name)
    return name
