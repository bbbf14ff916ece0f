"""The alerts: what they ask for is there, and promtool sees each fire and keep silent."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaintrace.monitoring.rules import ALERTS, RUNBOOK
from tests.monitoring.conftest import FORMS, Monitored
from tests.servers import installed

ROOT = Path(__file__).parents[2]
RULES = ROOT / "charts" / "gaintrace" / "rules" / "gaintrace.yaml"
EACH = [pytest.param(alert, id=str(alert["alert"])) for alert in ALERTS]


@pytest.mark.parametrize("alert", EACH)
def test_every_alert_would_fire_here(monitored: Monitored, alert: dict[str, Any]) -> None:
    """Each has its cause in what is monitored; only what it waits for has not passed."""
    holds = {form for form in FORMS if monitored.query(alert["expr"], form)}
    by_alert = {"GaintraceGpuMetricsAbsent": {"none"}, "GaintraceGpuIdle": {"exported", "honored", "own"}}
    assert holds == by_alert.get(alert["alert"], set(FORMS))


@pytest.mark.parametrize("alert", EACH)
def test_every_selector_of_an_alert_finds_series(monitored: Monitored, alert: dict[str, Any]) -> None:
    selectors = re.findall(r"\b(?:gaintrace|DCGM|kube|argo)_\w+(?:\{[^}]*\})?", alert["expr"])
    assert selectors
    missing = [s for s in selectors if not any(monitored.query(s, form) for form in FORMS)]
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
    assert sections == [alert["alert"] for alert in ALERTS]


def test_promtool_takes_the_rules_and_their_tests(tmp_path: Path) -> None:
    installed("promtool")
    checked = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    tests = yaml.safe_load((Path(__file__).parent / "alerts.yaml").read_text())
    tests["rule_files"] = [str(RULES)]
    for group in tests["tests"]:
        for case in group["alert_rule_test"]:
            for expected in case["exp_alerts"]:
                expected["exp_annotations"]["runbook_url"] = f"{RUNBOOK}#{case['alertname'].lower()}"
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(tests))
    ran = subprocess.run(
        ["promtool", "test", "rules", "tests.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_promtool_s_tests_have_every_alert_fire_and_keep_silent() -> None:
    tests = yaml.safe_load((Path(__file__).parent / "alerts.yaml").read_text())["tests"]
    cases = [case for group in tests for case in group["alert_rule_test"]]
    for fires in (True, False):
        assert {c["alertname"] for c in cases if bool(c["exp_alerts"]) is fires} == {a["alert"] for a in ALERTS}
