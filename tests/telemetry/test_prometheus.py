"""Dashboards and alerts against a real Prometheus that scrapes real sweeps, on S3, and a real Pushgateway.

A sweep runs to its end and pushes; a second one is under way while every expression is asked for. DCGM,
kube-state-metrics and Argo are exporters of the tests' own with the real names and labels.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaintrace.sweep.validation import Difference, Pair, Validation
from gaintrace.telemetry import dashboards, outcome
from gaintrace.telemetry.live import LiveMetrics
from gaintrace.telemetry.rules import ALERTS
from tests.servers import KEY, SECRET, clean_environment, free_port, installed, prometheus, pushgateway, s3_server
from tests.telemetry.exporters import BUSY, Exporter, cluster, dcgm

SWEEP = """
name: watched
base:
  data: {synthetic: {students: 200, skills: 4, mean_length: 15, seed: 3}}
  model: {d_model: 16, n_heads: 2, n_blocks: 1, d_ff: 16}
  training: {epochs: 2, patience: 500, batch_size: 16}
grid: {training.learning_rate: [1.0e-3, 1.0e+38]}
min_coverage: 0.5
"""
VARIABLES = {"$namespace": ".+", "$phase": ".+", "$dataset": ".+", "$__range": "5m", "$__rate_interval": "1m"}
NEED_TIME = {"GaintraceTrainingStalled", "GaintraceGpuMetricsAbsent"}
"""Alerts that no fixture can make true here at once; promtool's tests make them fire."""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from gaintrace.cli import main; main()", *arguments]


@dataclass
class Monitored:
    """A Prometheus that has seen everything."""

    url: str
    gateway: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        for variable, value in VARIABLES.items():
            expression = expression.replace(variable, value)
        data = urllib.parse.urlencode({"query": expression}).encode()
        try:
            answer = urllib.request.urlopen(f"{self.url}/api/v1/query", data, timeout=10)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from None
        result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result


def push_validations(gateway: str) -> None:
    """A regression today on one data set, and a last verdict of three days ago on another."""
    runs = [Pair(fold=0, seed=1, e1=0.70, e2=0.60)]
    worse = {side: Difference(new=0.6, recorded=0.7, mean=-0.1, low=-0.11, high=-0.09) for side in ("e1", "e2")}
    for name, ago in (("assist2015", 0), ("assist2009", 3 * 86400)):
        validation = Validation(dataset=name, label="l", verdict="regression", text="", differences=worse, runs=runs)
        registry = outcome.validation_metrics(validation, time.time() - ago)
        assert outcome.push(gateway, registry, "nightly", name) is None


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    installed("prometheus", "prometheus-pushgateway", "promtool")
    folder = tmp_path_factory.mktemp("monitored")
    (folder / "small.yaml").write_text(SWEEP)
    with ExitStack() as stack:
        endpoint = stack.enter_context(s3_server(folder))
        gateway = stack.enter_context(pushgateway(folder))
        environment = clean_environment() | {
            "OMP_NUM_THREADS": "1",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }
        bucket = "import boto3; boto3.client('s3', region_name='us-east-1').create_bucket(Bucket='b')"
        subprocess.run([sys.executable, "-c", bucket], env=environment, check=True)
        port = free_port()
        sweep = command("sweep", str(folder / "small.yaml"), "--out", "s3://b/p", "--metrics", str(port))
        running = subprocess.Popen(
            [*sweep, "--set", "base.training.epochs=400", "--set", "name=under-way", "--set", "grid={}"],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        stack.callback(lambda: (running.send_signal(signal.SIGTERM), running.wait(60)))
        failing = LiveMetrics("failing", "synthetic", {"a": 1}, 1)
        own = stack.enter_context(failing.served("0"))
        exporters = [Exporter(dcgm), Exporter(dcgm), Exporter(cluster)]
        for exporter in exporters:
            stack.callback(exporter.stop)
        pod = {"namespace": "research", "pod": BUSY}
        here = {"namespace": "gpu-operator", "pod": "dcgm-exporter-abc"}
        scrapes: list[dict[str, object]] = [
            {"job_name": "train", "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": pod}]},
            {
                "job_name": "failing",
                "static_configs": [{"targets": [f"127.0.0.1:{own}"], "labels": pod | {"pod": "x"}}],
            },
            {
                "job_name": "push",
                "honor_labels": True,
                "static_configs": [{"targets": [gateway.removeprefix("http://")]}],
            },
            {"job_name": "dcgm", "static_configs": [{"targets": [exporters[0].target], "labels": here}]},
            {
                "job_name": "kube-state-metrics",
                "honor_labels": True,
                "static_configs": [{"targets": [exporters[2].target]}],
            },
        ]
        found = Monitored(stack.enter_context(prometheus(folder, scrapes)), gateway)
        ended = subprocess.run(
            command("sweep", str(folder / "small.yaml"), "--out", "s3://b/p", "--pushgateway", gateway),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        assert "metrics not pushed" not in ended.stdout
        push_validations(gateway)
        failing._store_failed("failed")
        wanted = [
            "gaintrace_auc_ratio",
            "gaintrace_sweep_runs",
            "gaintrace_step_seconds_bucket",
            "argo_workflows_gauge",
        ]
        wanted += ["increase(gaintrace_store_errors_total[1m]) > 0", "deriv(gaintrace_progress_ratio[5m]) > 0"]
        end = time.monotonic() + 40
        while not all(found.query(expression) for expression in wanted):
            assert time.monotonic() < end, [e for e in wanted if not found.query(e)]
            assert running.poll() is None
            time.sleep(0.5)
        time.sleep(2)
        yield found


PANELS = [
    pytest.param(target["expr"], id=f"{name}: {panel['title']} {target['refId']}")
    for name in dashboards.DASHBOARDS
    for panel in json.loads(dashboards.render(name))["panels"]
    for target in panel["targets"]
]


@pytest.mark.parametrize("expression", PANELS)
def test_every_panel_shows_something(monitored: Monitored, expression: str) -> None:
    result = monitored.query(expression)
    assert result
    assert all(value["value"][1] not in ("NaN", "+Inf") for value in result)


@pytest.mark.parametrize("alert", [pytest.param(a, id=str(a["alert"])) for a in ALERTS])
def test_every_alert_asks_for_series_that_there_are(monitored: Monitored, alert: dict[str, str]) -> None:
    selectors = re.findall(r"\b((?:gaintrace|DCGM|kube|argo)_\w+(?:\{[^}]*\})?)", alert["expr"])
    assert selectors
    # One form of DCGM's labels, and one source of GPU metrics, is enough in a cluster.
    missing = [s for s in selectors if not monitored.query(s) and not s.startswith(("DCGM", "gaintrace_gpu"))]
    assert missing == []
    if alert["alert"] not in NEED_TIME:
        assert monitored.query(alert["expr"])


def test_both_forms_of_dcgm_labels_give_the_same_pods(monitored: Monitored) -> None:
    """The other exporter is scraped as with honorLabels: only its series are there, with plain labels."""
    by_pod = {
        value["metric"]["pod"]: float(value["value"][1]) for value in monitored.query(dashboards.queries.UTILISATION)
    }
    assert by_pod == {"demo-x7k2p-train-1111": 0.97, "demo-x7k2p-train-2222": 0.01}
    plain = dashboards.queries.dcgm("DCGM_FI_DEV_GPU_UTIL")
    assert 'exported_pod="",pod=~' in plain


def test_a_failed_sweep_leaves_the_time_of_the_last_success_alone(monitored: Monitored) -> None:
    """The Pushgateway keeps what a push leaves out."""
    from prometheus_client import CollectorRegistry, Gauge

    query = 'gaintrace_sweep_last_success_timestamp_seconds{phase="watched"}'
    before = monitored.query(query)
    registry = CollectorRegistry()
    name = "gaintrace_sweep_last_timestamp_seconds"
    Gauge(name, "", ["phase", "dataset"], registry=registry).labels("watched", "synthetic").set(1)
    assert outcome.push(monitored.gateway, registry, "watched", "synthetic") is None
    end = time.monotonic() + 10
    while monitored.query(f'{name}{{phase="watched"}}')[0]["value"][1] != "1":
        assert time.monotonic() < end
        time.sleep(0.3)
    assert monitored.query(query)[0]["value"][1] == before[0]["value"][1]


def test_a_pushgateway_that_is_not_there_is_a_line_and_no_failure() -> None:
    problem = outcome.push("http://127.0.0.1:1", outcome.CollectorRegistry(), "p", "d")
    assert problem is not None
    assert problem.startswith("metrics not pushed: http://127.0.0.1:1")
    assert "The results are not affected" in problem


def test_promtool_takes_the_rules_and_their_tests(tmp_path: Path) -> None:
    installed("promtool")
    chart = Path(__file__).parents[2] / "charts" / "gaintrace" / "rules" / "gaintrace.yaml"
    checked = subprocess.run(["promtool", "check", "rules", str(chart)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    tests = yaml.safe_load((Path(__file__).parent / "alerts.yaml").read_text())
    tests["rule_files"] = [str(chart)]
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(tests))
    ran = subprocess.run(
        ["promtool", "test", "rules", "tests.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    asked = [case for group in tests["tests"] for case in group["alert_rule_test"]]
    for alert in ALERTS:
        cases = [case for case in asked if case["alertname"] == alert["alert"]]
        assert any(case["exp_alerts"] for case in cases), f"{alert['alert']} never fires in the tests"
        assert any(not case["exp_alerts"] for case in cases), f"{alert['alert']} is never silent in the tests"


def test_every_alert_says_what_it_means_and_what_to_do() -> None:
    runbook = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text().lower()
    for alert in ALERTS:
        assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}  # type: ignore[call-overload]
        assert alert["labels"]["severity"] in ("warning", "critical")  # type: ignore[index]
        assert f"## {str(alert['alert']).lower()}\n" in runbook


def test_panels_have_units_descriptions_and_room() -> None:
    for name in dashboards.DASHBOARDS:
        board = json.loads(dashboards.render(name))
        assert board["uid"] == f"gaintrace-{name}"
        cells = set()
        for panel in board["panels"]:
            assert panel["description"]
            assert panel["fieldConfig"]["defaults"]["unit"]
            at = panel["gridPos"]
            assert at["x"] + at["w"] <= 24
            area = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not cells & area, f"{panel['title']} overlaps"
            cells |= area


def test_the_text_file_is_taken_by_promtool(tmp_path: Path) -> None:
    installed("promtool")
    (tmp_path / "small.yaml").write_text(SWEEP)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(command("sweep", "small.yaml"), cwd=tmp_path, env=environment, check=True, capture_output=True)
    (path,) = tmp_path.glob("store/sweeps/*/metrics.prom")
    with path.open() as text:
        checked = subprocess.run(
            ["promtool", "check", "metrics"], stdin=text, capture_output=True, text=True, check=False
        )
    assert checked.returncode == 0, checked.stderr
    assert 'gaintrace_sweep_runs{dataset="synthetic",phase="watched",status="failed"} 1.0' in path.read_text()
