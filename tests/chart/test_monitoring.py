"""The chart's monitoring objects: found by the operator and by Grafana, and holding what the files hold."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.cases import CHART, MONITORING, documents, render

pytestmark = pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not installed")

RELEASE = {"release": "kube-prometheus-stack"}
RULES = yaml.safe_load((CHART / "rules" / "gaintrace.yaml").read_text())


def rendered(tmp_path: Path, values: dict[str, Any], *options: str) -> list[dict[str, Any]]:
    result = render(tmp_path, values, *options)
    assert result.returncode == 0, result.stderr
    return documents(result.stdout)


def test_objects_carry_the_labels_that_select_them(tmp_path: Path) -> None:
    kinds = ("podMonitor", "prometheusRule", "dashboards")
    values = {"metrics": {kind: {"additionalLabels": RELEASE} for kind in kinds}}
    found = [d for d in rendered(tmp_path, values, *MONITORING) if "release" in d["metadata"].get("labels", {})]
    assert sorted(d["kind"] for d in found) == ["ConfigMap"] * 3 + ["PodMonitor", "PrometheusRule"]
    boards = [d for d in found if d["kind"] == "ConfigMap"]
    assert all(d["metadata"]["labels"]["grafana_dashboard"] == "1" for d in boards)
    assert {name: text for d in boards for name, text in d["data"].items()} == {
        path.name: path.read_text() for path in (CHART / "dashboards").glob("*.json")
    }


def test_training_pods_are_those_that_are_scraped(tmp_path: Path) -> None:
    objects = rendered(tmp_path, {}, *MONITORING)
    (monitor,) = [d for d in objects if d["kind"] == "PodMonitor"]
    (template,) = [d for d in objects if d["kind"] == "WorkflowTemplate"]
    trainers = [t for t in template["spec"]["templates"] if "--metrics" in str(t.get("container", {}).get("args"))]
    assert {t["name"] for t in trainers} == {"train", "validate"}
    pod = template["spec"]["podMetadata"]["labels"]
    for trainer in trainers:
        labels = pod | trainer["metadata"]["labels"]
        wanted = monitor["spec"]["selector"]["matchLabels"]
        assert {name: labels.get(name) for name in wanted} == wanted
        ports = [port["name"] for port in trainer["container"]["ports"]]
        assert ports == [endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]]


@pytest.mark.parametrize(
    ("options", "enabled", "there"), [([], "auto", False), (MONITORING, "auto", True), (MONITORING, False, False)]
)
def test_objects_of_the_operator_are_there_where_it_is_and_wanted(
    tmp_path: Path, options: list[str], enabled: object, there: bool
) -> None:
    values = {"metrics": {kind: {"enabled": enabled} for kind in ("podMonitor", "prometheusRule")}}
    kinds = {d["kind"] for d in rendered(tmp_path, values, *options)}
    assert ({"PodMonitor", "PrometheusRule"} <= kinds) is there
    assert bool({"PodMonitor", "PrometheusRule"} & kinds) is there


@pytest.mark.parametrize("base", ["", "https://git.example.com/gaintrace/blob/main/"])
def test_alerts_are_the_file_s_and_link_to_the_runbook(tmp_path: Path, base: str) -> None:
    values = {"metrics": {"prometheusRule": {"runbookBaseUrl": base}}}
    (rule,) = [d for d in rendered(tmp_path, values, *MONITORING) if d["kind"] == "PrometheusRule"]
    alerts = [alert for group in rule["spec"]["groups"] for alert in group["rules"]]
    for alert in alerts:
        url = alert["annotations"]["runbook_url"]
        assert url == f"{base}docs/runbook.md#{alert['alert'].lower()}"
        alert["annotations"]["runbook_url"] = url.removeprefix(base)
    assert rule["spec"] == RULES
