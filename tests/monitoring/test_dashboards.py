"""Every question of every dashboard, asked of a real Prometheus."""

import json
import re
from typing import Any

import pytest

from gaintrace.monitoring import dashboards, rules
from gaintrace.monitoring.scope import CHOSEN
from gaintrace.monitoring.sources import SOURCES
from gaintrace.telemetry.catalogue import ALL, THROTTLE
from tests.monitoring.conftest import FORMS, Monitored
from tests.monitoring.exporters import BUSY, IDLE, OTHERS, SLICE
from tests.monitoring.filled import filled

BOARDS: dict[str, dict[str, Any]] = {
    name: json.loads(filled(re.sub(r'"@(nightly\w+)@"', r"@\1@", dashboards.render(name))))
    for name in dashboards.DASHBOARDS
}
PANELS = [(name, panel) for name, board in BOARDS.items() for panel in board["panels"] if panel["type"] != "row"]
TARGETS = [
    pytest.param(target["expr"], target["legendFormat"], form, id=f"{name}: {panel['title']} {target['refId']} {form}")
    for name, panel in PANELS
    for target in panel["targets"]
    for form in (FORMS[:3] if "DCGM" in target["expr"] else FORMS[:1])
    if form != "own" or "gaintrace_gpu" in target["expr"]
]
QUERIES = [
    pytest.param(variable["query"]["query"], variable["name"], id=f"{name}: {variable['name']}")
    for name, board in BOARDS.items()
    for variable in board["templating"]["list"]
    if variable["type"] == "query"
]


def shown(monitored: Monitored, title: str, form: str = "exported", **variables: str) -> dict[str, float]:
    """What a panel shows: value by legend."""
    (panel,) = [panel for _, panel in PANELS if panel["title"] == title]
    found = {}
    for target in panel["targets"]:
        for value in monitored.query(target["expr"], form, **variables):
            legend = target["legendFormat"]
            for name in re.findall(r"\{\{(\w+)\}\}", legend):
                legend = legend.replace(f"{{{{{name}}}}}", value["metric"].get(name, ""))
            found[legend] = float(value["value"][1])
    return found


@pytest.mark.parametrize(("expression", "legend", "form"), TARGETS)
def test_every_panel_shows_something(monitored: Monitored, expression: str, legend: str, form: str) -> None:
    result = monitored.query(expression, form)
    assert result
    assert all(value["value"][1] not in ("NaN", "+Inf", "-Inf") for value in result)
    labels = re.findall(r"\{\{(\w+)\}\}", legend)
    names = [tuple(value["metric"].get(label) for label in labels) for value in result]
    assert len(set(names)) == len(names), "two lines of one name"


@pytest.mark.parametrize(("query", "name"), QUERIES)
def test_every_variable_has_values(monitored: Monitored, query: str, name: str) -> None:
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
    assert found
    form = "honored" if name == "cluster" else "exported"
    values = {value["metric"].get(found[2]) for value in monitored.query(found[1], form)}
    assert values - {None}
    if name == "namespace" and "service_account" in query:
        assert values == {"research", "staging"}


@pytest.mark.parametrize("form", FORMS[:3])
def test_utilisation_is_the_same_whatever_the_labels_are(monitored: Monitored, form: str) -> None:
    found = {
        value["metric"]["pod"]: float(value["value"][1])
        for value in monitored.query(CHOSEN.utilisation, form, namespace="research")
    }
    assert found == {BUSY: 0.97, IDLE: 0.01} | ({} if form == "own" else {SLICE: 0.5})


@pytest.mark.parametrize("form", FORMS[:3])
def test_only_running_pods_of_ours_hold_gpus(monitored: Monitored, form: str) -> None:
    """Not the failed, the succeeded, the pending, a stranger in the namespace, or another release."""
    assert shown(monitored, "GPUs held by training", form, namespace="research") == {"GPUs": 3}
    assert shown(monitored, "GPUs held by training", form) == {"GPUs": 4}
    assert shown(monitored, "GPUs held by training", form, namespace="web") == {"GPUs": 0}
    assert shown(monitored, "Held but idle", form, namespace="research") == {"GPUs": 1}
    assert shown(monitored, "Pods that wait", form, namespace="research") == {"pods": 2}


def test_every_gpu_is_counted_once_in_what_is_allocated(monitored: Monitored) -> None:
    """Of 12 GPUs and 7 slices: 3 ours, 2 a stranger's, 1 another release's, 1 of a pod that is bound and waits."""
    found = shown(monitored, "Allocated against allocatable", namespace="research")
    assert found == {"held by training": 3, "taken by others": 4, "free": 12}
    by_node = shown(monitored, "GPUs by node", namespace="research")
    assert by_node == {"node-1 held": 2, "node-2 held": 1, "node-1 allocatable": 4, "node-2 allocatable": 11}


def test_a_cluster_that_is_not_chosen_counts_for_nothing(monitored: Monitored) -> None:
    assert shown(monitored, "GPUs held by training", "honored", cluster="c1") == {"GPUs": 4}
    assert shown(monitored, "GPUs held by training", "honored", cluster="c2") == {"GPUs": 0}
    free = shown(monitored, "Allocated against allocatable", "honored", cluster="c2")
    assert set(free.values()) == {0}


@pytest.mark.parametrize("form", FORMS[:3])
def test_units_are_base_units_whoever_tells(monitored: Monitored, form: str) -> None:
    found = {
        title: shown(monitored, f"{title} by pod", form, namespace="research")[BUSY]
        for title in ("Memory", "Power", "Temperature", "SM clock")
    }
    memory = 41000 * 2**20 if form != "own" else 41e9
    assert found == {"Memory": memory, "Power": 610.5, "Temperature": 66, "SM clock": 1.98e9}
    there = shown(monitored, "Memory by pod", form, namespace="research")["there is"]
    assert there == (140000 * 2**20 if form != "own" else 143e9)


@pytest.mark.parametrize("form", FORMS[:3])
def test_health_is_of_the_gpus_that_we_hold(monitored: Monitored, form: str) -> None:
    held = shown(monitored, "Clocks held down", form, namespace="research")
    assert held == {"power": 1, "thermal": 1, "brake": 0, "hardware": 1}
    assert set(held) == set(THROTTLE)
    errors = shown(monitored, "Errors of memory", form, namespace="research")
    rows = {} if form == "own" else {f"{BUSY} rows remapped": 2}
    assert errors == {f"{BUSY} uncorrected": 1, f"{BUSY} corrected": 3} | rows
    assert shown(monitored, "XID", form, namespace="research") == ({} if form == "own" else {f"{IDLE} GPU 1": 31})


def test_a_slice_is_shown_by_its_profile(monitored: Monitored) -> None:
    assert shown(monitored, "MIG slices", namespace="research") == {f"{SLICE} 1g.10gb 3": 0.5}


def test_the_few_are_those_that_matter(monitored: Monitored) -> None:
    assert shown(monitored, "Utilisation by pod", top="1") == {OTHERS: 0}
    assert set(shown(monitored, "Power by pod", top="1")) == {BUSY}
    assert set(shown(monitored, "Power by node", top="1")) == {"node-1"}
    assert shown(monitored, "Power by node", namespace="research")["node-1"] == 610.5 + 72.1


def test_energy_goes_to_the_sweep_of_the_pod(monitored: Monitored) -> None:
    for form in FORMS[:3]:
        found = shown(monitored, "Energy by sweep", form)
        assert set(found) == {"under-way"}
        assert found["under-way"] >= 1000  # the exporters add as much with every scrape


def test_panels_have_units_descriptions_and_room() -> None:
    for name, board in BOARDS.items():
        assert board["uid"] == f"gaintrace-{name}-0a1b2c3d"
        assert len(board["uid"]) <= 40
        cells: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            at = panel["gridPos"]
            assert at["x"] + at["w"] <= 24
            area = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not cells & area, f"{panel['title']} overlaps"
            cells |= area
            if panel["type"] == "row":
                continue
            assert panel["description"].endswith(".")
            assert panel["fieldConfig"]["defaults"]["unit"]
            assert panel["datasource"]["uid"] == "${datasource}"
        rows = max(y for _, y in cells) + 1
        assert len(cells) >= 0.95 * 24 * rows, f"{name} has holes"


def test_thresholds_of_the_nights_follow_the_schedule() -> None:
    (panel,) = [panel for _, panel in PANELS if panel["title"] == "Since the last verdict"]
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [step["value"] for step in steps] == [None, 129600, 172800]


def test_every_variable_that_is_asked_for_is_there() -> None:
    own = {"__range", "__interval", "__interval_ms", "__rate_interval", "datasource", "1"}
    for board in BOARDS.values():
        text = json.dumps(board["panels"])
        asked = set(re.findall(r"\$\{?(\w+)\}?", text)) - own
        assert asked == {variable["name"] for variable in board["templating"]["list"]} - {"datasource"}


def test_what_is_asked_of_others_is_what_the_docs_say() -> None:
    text = "".join(dashboards.render(name) for name in BOARDS) + rules.render()
    asked = set(re.findall(r"\b(?:kube|DCGM|argo)_\w+", text))
    assert asked == {name for needed in SOURCES.values() for name in needed}


def test_what_is_asked_of_ours_is_in_the_catalogue() -> None:
    """Kubernetes' objects of that name have hyphens."""
    text = "".join(dashboards.render(name) for name in BOARDS) + rules.render()
    asked = {name.removesuffix("_bucket") for name in re.findall(r"\bgaintrace_[a-z_]+", text)}
    assert asked <= {metric.name for metric in ALL}
