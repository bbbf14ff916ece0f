"""The alerts: what they ask for is there, and promtool sees each fire and keep silent."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaintrace.monitoring.rules import ALERTS, RUNBOOK
from gaintrace.monitoring.scope import PODS, TRAINING
from tests.monitoring.conftest import FORMS, Monitored
from tests.monitoring.exporters import BUSY, FAILED, IDLE, STUCK, WAITING
from tests.monitoring.filled import filled
from tests.servers import installed

ROOT = Path(__file__).parents[2]
RULES = ROOT / "charts" / "gaintrace" / "rules" / "gaintrace.yaml"
TOLD = yaml.safe_load((Path(__file__).parent / "alerts.yaml").read_text())
EACH = [pytest.param(alert, id="-".join([str(alert["alert"]), *alert["labels"].values()])) for alert in ALERTS]  # type: ignore[attr-defined]


@pytest.mark.parametrize("alert", EACH)
def test_every_alert_would_fire_here(monitored: Monitored, alert: dict[str, Any]) -> None:
    """Each has its cause in what is monitored; only what it waits for has not passed."""
    holds = {form for form in FORMS if monitored.query(alert["expr"], form)}
    by_alert = {
        "GaintraceGpuMetricsAbsent": {"none"},
        "GaintraceGpuIdle": {"exported", "honored", "own"},
        "GaintraceGpuXid": {"exported", "honored"},
    }
    assert holds == by_alert.get(alert["alert"], set(FORMS))


@pytest.mark.parametrize("alert", EACH)
def test_an_alert_is_of_the_release_s_own_namespace_and_says_so(monitored: Monitored, alert: dict[str, Any]) -> None:
    for form in FORMS:
        found = monitored.query(alert["expr"], form)
        assert {value["metric"].get("namespace") for value in found} <= {"research"}


def test_alerts_name_the_pods_that_have_the_fault(monitored: Monitored) -> None:
    expected = {
        "GaintraceGpuIdle": {IDLE},
        "GaintraceGpuXid": {IDLE},
        "GaintraceImagePull": {STUCK, WAITING},
        "GaintraceOutOfMemory": {FAILED, BUSY},
        "GaintracePodsPending": {STUCK, WAITING},
    }
    for alert in ALERTS:
        if alert["alert"] in expected:
            found = {value["metric"]["pod"] for value in monitored.query(str(alert["expr"]))}
            assert found == expected[str(alert["alert"])], alert["alert"]
    (never,) = [alert for alert in ALERTS if alert["labels"] == {"severity": "warning", "verdict": "never"}]
    (found,) = monitored.query(str(never["expr"]))  # five of nine: a failed one ended too
    assert float(found["value"][1]) == 5


@pytest.mark.parametrize("alert", EACH)
def test_every_selector_of_an_alert_finds_series(monitored: Monitored, alert: dict[str, Any]) -> None:
    selectors = set(re.findall(r"\b(?:gaintrace|DCGM|kube|argo)_\w+(?:\{[^}]*\})?", alert["expr"]))
    assert selectors
    missing = [s for s in selectors if not any(monitored.query(f"last_over_time({s}[1m])", form) for form in FORMS)]
    assert missing == []


@pytest.mark.parametrize("alert", EACH)
def test_every_alert_says_what_it_means_and_what_to_do(alert: dict[str, Any]) -> None:
    sections = (ROOT / RUNBOOK).read_text().split("\n## ")[1:]
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    assert alert["labels"]["severity"] in ("warning", "critical")
    anchors = {section.split("\n")[0].lower(): section for section in sections}  # as GitHub and GitLab make them
    path, anchor = alert["annotations"]["runbook_url"].split("#")
    assert path == RUNBOOK
    assert len(anchors[anchor].split()) > 20


def test_the_runbook_has_no_section_without_an_alert() -> None:
    sections = re.findall(r"^## (.+)$", (ROOT / RUNBOOK).read_text(), re.M)
    assert sections == list(dict.fromkeys(alert["alert"] for alert in ALERTS))


def promtool(*arguments: object, cwd: Path) -> None:
    installed("promtool")
    ran = subprocess.run(["promtool", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_promtool_takes_the_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(filled(RULES.read_text()))
    promtool("check", "rules", "rules.yaml", cwd=tmp_path)


@pytest.mark.parametrize("story", [pytest.param(story, id=story["name"]) for story in TOLD["tests"]])
def test_promtool_sees_alerts_fire_and_keep_silent(tmp_path: Path, story: dict[str, Any]) -> None:
    """With the rules of the alerts that a story is about: to evaluate all of them through days takes minutes."""
    about = {case["alertname"] for case in story["alert_rule_test"]}
    rules = yaml.safe_load(filled(RULES.read_text()))
    for group in rules["groups"]:
        group["rules"] = [rule for rule in group["rules"] if rule["alert"] in about]
    for case in story["alert_rule_test"]:
        for expected in case["exp_alerts"]:
            expected["exp_annotations"]["runbook_url"] = f"{RUNBOOK}#{case['alertname'].lower()}"
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(TOLD | {"rule_files": ["rules.yaml"], "tests": [story]}))
    promtool("test", "rules", "tests.yaml", cwd=tmp_path)


def test_promtool_s_tests_have_every_alert_fire_and_keep_silent() -> None:
    cases = [case for story in TOLD["tests"] for case in story["alert_rule_test"]]
    for fires in (True, False):
        assert {c["alertname"] for c in cases if bool(c["exp_alerts"]) is fires} == {a["alert"] for a in ALERTS}


def test_every_pod_of_the_workflows_has_a_name_that_alerts_know() -> None:
    """Argo names a pod by workflow, template and a number."""
    template = yaml.safe_load((ROOT / "workflows" / "sweep.yaml").read_text())
    steps = [step for step in template["spec"]["templates"] if "container" in step]
    assert len(steps) >= 5
    for step in steps:
        assert re.fullmatch(PODS, f"phase2-x7k2p-{step['name']}-1234567890")
        gpu = any(argument.startswith("--gpus=") for argument in step["container"]["args"])
        assert bool(re.fullmatch(TRAINING, f"phase2-x7k2p-{step['name']}-1234567890")) is gpu
