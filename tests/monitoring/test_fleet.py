"""A thousand pods over two hours, which a real Prometheus has read from a file: sums over time, and the few."""

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.monitoring.exporters import Pod, line, state
from tests.monitoring.test_dashboards import PANELS
from tests.servers import installed, prometheus

PODS = 1000
STEP = 300
SAMPLES = 24
BUSY, HALF, ENDED = "a-train-1", "a-train-2", "a-train-3"
"""Busy; idle in the second hour; failed after the first, with its request and its GPU's last figure still shown."""


@dataclass
class Fleet:
    """A Prometheus, and the time of its last sample."""

    url: str
    end: int

    def ask(self, title: str, over: bool = False, **variables: str) -> dict[str, list[float]]:
        """What a panel of the GPUs shows at the end, or over the two hours: values by pod, node or legend."""
        (panel,) = [panel for name, panel in PANELS if name == "gpu-cluster" and panel["title"] == title]
        found = {}
        values = {"cluster": ".*", "namespace": "research", "top": "10", "price": "2.5"} | variables
        values |= {"__interval_ms": str(1000 * STEP), "__interval": f"{STEP}s", "__range": f"{SAMPLES * STEP}s"}
        for target in panel["targets"]:
            expression = target["expr"]
            for name, value in values.items():
                expression = expression.replace(f"${name}", value)
            when = (
                {"start": self.end - (SAMPLES - 1) * STEP, "end": self.end, "step": STEP}
                if over
                else {"time": self.end}
            )
            data = urllib.parse.urlencode({"query": expression} | when).encode()
            try:
                answer = urllib.request.urlopen(f"{self.url}/api/v1/query{'_range' * over}", data, timeout=120)
            except urllib.error.HTTPError as error:
                raise AssertionError(f"{expression}: {error.read().decode()}") from None
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            for series in result:
                metric = series["metric"]
                legend = metric.get("pod") or metric.get("node") or target["legendFormat"]
                found[legend] = [float(value) for _, value in series.get("values", [series.get("value")])]
        return found


def samples(number: int) -> Iterator[str]:
    """What is scraped: the three pods above, and many others of which every one is busier than the one before."""
    second = number >= SAMPLES // 2
    three = [
        (BUSY, "Running", 95),
        (HALF, "Running", 1 if second else 90),
        (ENDED, "Failed" if second else "Running", 0),
    ]
    others = [(f"b-train-{10 + at}", "Running", 40 + 50 * at / PODS) for at in range(PODS - 3)]
    pods = [Pod(name, phase, node=f"node-{at // 8}") for at, (name, phase, _) in enumerate(three + others)]
    used = {name: value for name, _, value in three + others}
    yield from (text for text in state(pods, {"node-0": {"nvidia_com_gpu": 8}}) if "limits" not in text)
    for pod in pods:
        if pod.phase == "Running":
            of = {
                "exported_namespace": "research",
                "exported_pod": pod.name,
                "namespace": "gpu-operator",
                "pod": "dcgm",
            }
            yield line("DCGM_FI_DEV_GPU_UTIL", used[pod.name], **of)
            yield line("DCGM_FI_DEV_POWER_USAGE", 100 + used[pod.name], **of)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Prometheus with two hours of a thousand pods behind it."""
    installed("prometheus", "promtool")
    folder = tmp_path_factory.mktemp("fleet")
    end = int(time.time()) // STEP * STEP
    by_metric: dict[str, list[str]] = {}
    for number in range(SAMPLES):
        at = end - (SAMPLES - 1 - number) * STEP
        for text in samples(number):
            by_metric.setdefault(text.split("{")[0], []).append(f"{text} {at}")
    lines = [text for metric, found in by_metric.items() for text in (f"# TYPE {metric} gauge", *found)]
    (folder / "history.txt").write_text("\n".join([*lines, "# EOF"]) + "\n")
    command = [
        "promtool",
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        str(folder / "history.txt"),
        str(folder / "data"),
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    with prometheus(folder, []) as url:
        yield Fleet(url, end)


def test_hours_and_their_price_are_of_running_pods(fleet: Fleet) -> None:
    """The failed pod counts for its hour. Idle: that hour, and the second of the pod that began well."""
    assert fleet.ask("GPUs held by training") == {"GPUs": [PODS - 1]}
    assert fleet.ask("Held but idle") == {"GPUs": [1]}
    hours = SAMPLES * STEP / 3600
    found = fleet.ask("GPU-hours")
    assert found["held"] == pytest.approx([(PODS - 1) * hours + hours / 2])
    assert found["idle"] == pytest.approx([hours / 2 + hours / 2])
    assert fleet.ask("Price of the idle hours") == {"price": pytest.approx([2.5 * hours])}
    assert fleet.ask("Price of the idle hours", price="0") == {}
    assert fleet.ask("Idle GPU-hours by pod") == {HALF: [hours / 2], ENDED: [hours / 2]}


@pytest.mark.parametrize("title", ["Utilisation by pod", "Power by pod", "Utilisation by node", "Power by node"])
@pytest.mark.parametrize("top", [5, 20])
def test_a_thousand_pods_are_as_many_lines_as_asked_for_at_every_time(fleet: Fleet, title: str, top: int) -> None:
    found = fleet.ask(title, over=True, top=str(top))
    assert len(found) == top
    assert sum(len(values) == SAMPLES for values in found.values()) >= top - 1  # one pod ended


def test_the_few_shown_are_the_least_used_and_the_hungriest(fleet: Fleet) -> None:
    assert set(fleet.ask("Utilisation by pod", over=True, top="2")) == {ENDED, "b-train-10"}
    assert set(fleet.ask("Power by pod", top="1")) == {BUSY}
    assert set(fleet.ask("Power by node", top="1")) == {f"node-{(PODS - 1) // 8}"}


@pytest.mark.thorough
def test_a_thousand_pods_are_answered_in_seconds(fleet: Fleet) -> None:
    """Each panel of the dashboard, over two hours, on a busy machine."""
    for name, panel in PANELS:
        if name == "gpu-cluster":
            began = time.monotonic()
            fleet.ask(panel["title"], over=panel["type"] == "timeseries")
            assert time.monotonic() - began < 30, panel["title"]
