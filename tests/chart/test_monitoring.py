"""The chart's monitoring objects: found by the operator and by Grafana, and holding what the files hold."""

import json
import re
import shutil
from typing import Any

import pytest
import yaml

from tests.chart.cases import CHART, MONITORING, documents, render, render_ahead
from tests.monitoring.filled import filled

pytestmark = pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not installed")

RELEASE = {"release": "kube-prometheus-stack"}
RULES = (CHART / "rules" / "gaintrace.yaml").read_text()


def rendered(values: dict[str, Any], *options: str) -> list[dict[str, Any]]:
    result = render(values, *options)
    assert result.returncode == 0, result.stderr
    return documents(result.stdout)


def test_objects_carry_the_labels_that_select_them() -> None:
    kinds = ("podMonitor", "prometheusRule", "dashboards")
    values = {"metrics": {kind: {"additionalLabels": RELEASE} for kind in kinds}}
    found = [d for d in rendered(values, *MONITORING) if "release" in d["metadata"].get("labels", {})]
    assert sorted(d["kind"] for d in found) == ["ConfigMap"] * 3 + ["PodMonitor", "PrometheusRule"]
    boards = [d for d in found if d["kind"] == "ConfigMap"]
    assert all(d["metadata"]["labels"]["grafana_dashboard"] == "1" for d in boards)
    names = {path.stem for path in (CHART / "dashboards").glob("*.json")}
    assert {name for d in boards for name in d["data"]} == {f"research-gaintrace-{name}.json" for name in names}


def test_training_pods_are_those_that_are_scraped() -> None:
    objects = rendered({}, *MONITORING)
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
    options: list[str], enabled: object, there: bool
) -> None:
    values = {"metrics": {kind: {"enabled": enabled} for kind in ("podMonitor", "prometheusRule")}}
    kinds = {d["kind"] for d in rendered(values, *options)}
    assert ({"PodMonitor", "PrometheusRule"} <= kinds) is there
    assert bool({"PodMonitor", "PrometheusRule"} & kinds) is there


@pytest.mark.parametrize("base", ["", "https://git.example.com/gaintrace/blob/main/"])
def test_alerts_are_the_file_s_and_link_to_the_runbook(base: str) -> None:
    values = {"metrics": {"prometheusRule": {"runbookBaseUrl": base}}}
    (rule,) = [d for d in rendered(values, *MONITORING) if d["kind"] == "PrometheusRule"]
    alerts = [alert for group in rule["spec"]["groups"] for alert in group["rules"]]
    for alert in alerts:
        url = alert["annotations"]["runbook_url"]
        assert url == f"{base}docs/runbook.md#{alert['alert'].lower()}"
        alert["annotations"]["runbook_url"] = url.removeprefix(base)
    assert rule["spec"] == yaml.safe_load(filled(RULES, nightlyDataSets="0"))


def boards(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [d for d in objects if "grafana_dashboard" in d["metadata"].get("labels", {})]
    return [json.loads(text) for d in found for text in d["data"].values()]


def test_nothing_is_left_to_fill_in() -> None:
    objects = rendered({}, *MONITORING)
    texts = [str(d) for d in objects if d["kind"] == "PrometheusRule"] + [str(board) for board in boards(objects)]
    assert len(texts) == 4
    assert not [found for text in texts for found in re.findall(r"@\w+@", text)]


def test_dashboards_of_two_releases_live_together() -> None:
    """Their uids, titles and files, which Grafana's sidecar writes into one folder whatever namespace they are from."""
    found = []
    for namespace in ("research", "staging"):
        objects = rendered({}, *MONITORING, "-n", namespace)
        found += [(board["uid"], board["title"]) for board in boards(objects)]
        files = [name for d in objects if "grafana_dashboard" in d["metadata"].get("labels", {}) for name in d["data"]]
        assert all(name.startswith(f"{namespace}-gaintrace-") for name in files)
        variables = {v["name"]: v for board in boards(objects) for v in board["templating"]["list"]}
        assert variables["namespace"]["current"]["value"] == [namespace]
    assert len({uid for uid, _ in found}) == len({title for _, title in found}) == 6
    assert all(len(uid) <= 40 for uid, _ in found)


def test_pods_are_ours_by_the_account_that_they_run_as() -> None:
    objects = rendered({"serviceAccount": {"name": "trainer"}}, *MONITORING)
    (template,) = [d for d in objects if d["kind"] == "WorkflowTemplate"]
    assert template["spec"]["serviceAccountName"] == "trainer"
    (rule,) = [d for d in objects if d["kind"] == "PrometheusRule"]
    for text in [str(rule), *(str(board) for board in boards(objects) if "GPU cluster" in board["title"])]:
        assert set(re.findall(r'service_account="(.*?)"', text)) == {"trainer"}


def test_gpus_are_counted_by_the_name_that_pods_ask_for_them() -> None:
    """As kube-state-metrics writes it."""
    (rule,) = [
        d
        for d in rendered({"gpu": {"resourceName": "nvidia.com/gpu-h100.80g"}}, *MONITORING)
        if d["kind"] == "PrometheusRule"
    ]
    assert set(re.findall(r'resource=~"(.*?)"', str(rule))) == {
        "nvidia_com_(gpu|gpu_shared|mig_.+)|nvidia_com_gpu_h100_80g"
    }


def test_a_gpu_hour_has_the_price_of_the_values() -> None:
    for price in (0, 2.5, 3):
        found = boards(rendered({"gpu": {"hourlyPrice": price}}))
        (variable,) = [v for board in found for v in board["templating"]["list"] if v["name"] == "price"]
        assert variable["query"] == variable["current"]["value"] == str(price)


PERIODS = [
    ("0 2 * * *", 86400),
    ("@daily", 86400),
    ("@hourly", 3600),
    ("*/30 * * * *", 1800),
    ("5/20 * * * *", 1200),
    ("0 */6 * * *", 6 * 3600),
    ("30 1,13 * * *", 12 * 3600),
    ("0 22-23,2 * * *", 20 * 3600),
    ("0 2 * * 1-5", 3 * 86400),
    ("0 2 * * MON,THU", 4 * 86400),
    ("0 2 * * 7", 7 * 86400),
    ("@weekly", 7 * 86400),
    ("0 2 */2 * *", 2 * 86400),
    ("0 2 1,15 * *", 17 * 86400),
    ("0 2 1 * *", 31 * 86400),
    ("0 2 1 * MON", 7 * 86400),
    ("0 2 1 1,7 *", 6 * 31 * 86400),
]


def nightly(schedule: str) -> dict[str, Any]:
    return {
        "nightly": {"schedule": schedule, "datasets": ["s3://a/b", "s3://a/c"]},
        "metrics": {"pushgateway": "http://pushgateway:9091"},
    }


@pytest.fixture(scope="module")
def nights() -> None:
    render_ahead(*(nightly(schedule) for schedule, _ in PERIODS), options=MONITORING)


@pytest.mark.usefixtures("nights")
@pytest.mark.parametrize(("schedule", "seconds"), PERIODS)
def test_a_night_is_missed_after_two_periods_of_its_schedule(schedule: str, seconds: int) -> None:
    objects = rendered(nightly(schedule), *MONITORING)
    (rule,) = [d for d in objects if d["kind"] == "PrometheusRule"]
    given = {"nightlyPeriod": str(seconds), "nightlyTwice": str(2 * seconds)}
    assert rule["spec"] == yaml.safe_load(filled(RULES, **given))


def test_a_schedule_that_argo_does_not_know_is_refused() -> None:
    result = render({"nightly": {"schedule": "@reboot"}})
    assert result.returncode != 0
    assert "nightly.schedule: @reboot is none of Argo's names" in result.stderr


@pytest.mark.parametrize(
    ("values", "number"),
    [
        ({"nightly": {"datasets": ["s3://a/b"]}, "metrics": {"pushgateway": "http://p:9091"}}, 1),
        ({"nightly": {"datasets": []}, "metrics": {"pushgateway": "http://p:9091"}}, 0),
        ({"nightly": {"datasets": ["s3://a/b"], "enabled": False}, "metrics": {"pushgateway": "http://p:9091"}}, 0),
        ({"nightly": {"datasets": ["s3://a/b"]}}, 0),  # nobody would hear of its verdict
    ],
)
def test_nights_are_awaited_where_there_are_any_and_they_can_tell(values: dict[str, Any], number: int) -> None:
    (rule,) = [d for d in rendered(values, *MONITORING) if d["kind"] == "PrometheusRule"]
    assert f"label_replace(vector({number}) - " in str(rule)
