"""Every question of every dashboard, asked of a real Prometheus."""

import json
import re
from typing import Any

import pytest

from gaintrace.monitoring import dashboards
from gaintrace.monitoring.queries import UTILISATION
from tests.monitoring.conftest import FORMS, Monitored
from tests.monitoring.exporters import BUSY, IDLE

BOARDS: dict[str, dict[str, Any]] = {name: json.loads(dashboards.render(name)) for name in dashboards.DASHBOARDS}
TARGETS = [
    pytest.param(target["expr"], target["legendFormat"], form, id=f"{name}: {panel['title']} {target['refId']} {form}")
    for name, board in BOARDS.items()
    for panel in board["panels"]
    for target in panel["targets"]
    for form in (FORMS[:3] if "DCGM" in target["expr"] else FORMS[:1])
    if form != "own" or "gaintrace_gpu" in target["expr"]
]
VARIABLES = [
    pytest.param(variable["query"]["query"], id=f"{name}: {variable['name']}")
    for name, board in BOARDS.items()
    for variable in board["templating"]["list"]
    if variable["type"] == "query"
]


@pytest.mark.parametrize(("expression", "legend", "form"), TARGETS)
def test_every_panel_shows_something(monitored: Monitored, expression: str, legend: str, form: str) -> None:
    result = monitored.query(expression, form)
    assert result
    assert all(value["value"][1] not in ("NaN", "+Inf", "-Inf") for value in result)
    labels = re.findall(r"\{\{(\w+)\}\}", legend)
    names = [tuple(value["metric"][label] for label in labels) for value in result]
    assert len(set(names)) == len(names), "two lines of one name"


@pytest.mark.parametrize("query", VARIABLES)
def test_every_variable_has_values(monitored: Monitored, query: str) -> None:
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
    assert found
    assert {value["metric"][found[2]] for value in monitored.query(found[1])}


@pytest.mark.parametrize("form", FORMS[:3])
def test_utilisation_is_the_same_whatever_the_labels_are(monitored: Monitored, form: str) -> None:
    found = {value["metric"]["pod"]: float(value["value"][1]) for value in monitored.query(UTILISATION, form)}
    assert found == {BUSY: 0.97, IDLE: 0.01}


def test_energy_goes_to_the_sweep_of_the_pod(monitored: Monitored) -> None:
    (panel,) = [panel for panel in BOARDS["gpu-cluster"]["panels"] if panel["title"] == "Energy by sweep"]
    for form in FORMS[:3]:
        (found,) = monitored.query(panel["targets"][0]["expr"], form)
        assert found["metric"] == {"phase": "under-way"}
        assert float(found["value"][1]) >= 1000  # the exporters add as much with every scrape


def test_panels_have_units_descriptions_and_room() -> None:
    for name, board in BOARDS.items():
        assert board["uid"] == f"gaintrace-{name}"
        cells: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            assert panel["description"].endswith(".")
            assert panel["fieldConfig"]["defaults"]["unit"]
            assert panel["datasource"]["uid"] == "${datasource}"
            at = panel["gridPos"]
            assert at["x"] + at["w"] <= 24
            area = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not cells & area, f"{panel['title']} overlaps"
            cells |= area
