"""Every test that waits for a real cluster, run line by line with one that is simulated.

What it shows is that they can run: names, columns, exit codes and conditions are there and hold for real results.
"""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import real_cluster, test_real_cluster
from tests.cluster.simulated import SimulatedCluster, Workflow

IMAGE = "registry.example/gaintrace:0.1.0"
DEAR = (
    "test_one_impossible_run_of_six_and_the_threshold",
    "test_six_rows_for_each_number_of_runs_a_pod-1",
    "test_epochs_alone_can_be_given",
)
"""What trains for longest."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Workflow]]:
    """The folder and the sweeps of all tests, each trained once."""
    return tmp_path_factory.mktemp("cluster"), {}


def cases() -> Iterator[Any]:
    """Each test of the module with each of its parameters."""
    for name, test in vars(test_real_cluster).items():
        if not name.startswith("test_"):
            continue
        lists = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
        for values in itertools.product(*(mark.args[1] for mark in lists)):
            given = {mark.args[0]: value for mark, value in zip(lists, values, strict=True)}
            case = "-".join([name, *map(str, values)])[:60]
            yield pytest.param(test, given, id=case, marks=[pytest.mark.thorough] if case in DEAR else [])


@pytest.mark.parametrize(("test", "given"), list(cases()))
def test_it_can_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trained: tuple[Path, dict[str, Workflow]],
    test: Callable[..., None],
    given: dict[str, Any],
) -> None:
    cluster = SimulatedCluster(trained[0], IMAGE, real_cluster.TRAINING_PODS, trained[1])
    monkeypatch.setenv("GAINTRACE_IMAGE", IMAGE)
    for module in (real_cluster, test_real_cluster):
        monkeypatch.setattr(module, "NAMESPACE", "research")
    monkeypatch.setattr(real_cluster, "run", cluster.run)
    monkeypatch.setattr(real_cluster.time, "sleep", lambda _: None)
    release = test_real_cluster.release.__wrapped__()
    next(release)
    if "tmp_path" in test.__code__.co_varnames[: test.__code__.co_argcount]:
        given = given | {"tmp_path": tmp_path}
    test(**given)
    next(release, None)
