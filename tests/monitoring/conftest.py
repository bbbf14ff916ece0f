"""A real Prometheus that scrapes real sweeps on S3, and a real Pushgateway.

A sweep runs to its end and pushes; a second one is under way while questions are asked. GPUs, kube-state-metrics and
Argo are exporters of the tests' own. There is a Prometheus for each form in which a cluster may show its GPUs.
"""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from gaintrace.defaults.metrics import validation_metrics
from gaintrace.defaults.validation import Difference, Pair, Validation
from gaintrace.store.base import observe
from gaintrace.telemetry.live import LiveMetrics
from gaintrace.telemetry.push import push
from tests.monitoring.exporters import BUSY, IDLE, Exporter, cluster, dcgm, nvml
from tests.monitoring.filled import filled
from tests.servers import KEY, SECRET, clean_environment, free_port, installed, prometheus, pushgateway, s3_server

SWEEP = """
name: watched
base:
  data: {synthetic: {students: 200, skills: 4, mean_length: 15, seed: 3}}
  model: {d_model: 16, n_heads: 2, n_blocks: 1, d_ff: 16}
  training: {epochs: 2, patience: 2000, batch_size: 16}
grid: {training.learning_rate: [1.0e-3, 1.0e+38]}
min_coverage: 0.5
"""
FORMS = ("exported", "honored", "own", "none")
"""GPUs by DCGM with honorLabels off (exported_pod) and on (pod), by the trainers' NVML alone, and not at all."""

VARIABLES = {
    **{f"${name}": ".*" for name in ("cluster", "namespace", "phase", "dataset")},
    "$top": "10",
    "$price": "2.5",
    "$__interval_ms": "2000",  # the longer name first
    "$__interval": "2s",
    "$__range": "5m",
    "$__rate_interval": "1m",
}
SEEN = (
    "gaintrace_auc_ratio",
    "gaintrace_sweep_runs",
    "gaintrace_validation_regression",
    "gaintrace_step_seconds_bucket",
    "argo_workflows_gauge",
    "count_over_time(kube_pod_service_account[1m:2s]) > 2",
    "increase(gaintrace_store_errors_total[1m]) > 0",
    "deriv(gaintrace_progress_ratio[5m]) > 0",
)


@dataclass
class Monitored:
    """The servers, and how to ask them."""

    urls: dict[str, str]
    gateway: str
    s3: Any

    def query(self, expression: str, form: str = "exported", **variables: str) -> list[dict[str, Any]]:
        """What an expression of a dashboard or an alert gives now; `variables`: other values of a dashboard's."""
        for variable, value in (VARIABLES | {f"${name}": value for name, value in variables.items()}).items():
            expression = expression.replace(variable, value)
        expression = filled(expression, nightlyDataSets="9")
        data = urllib.parse.urlencode({"query": expression}).encode()
        try:
            answer = urllib.request.urlopen(f"{self.urls[form]}/api/v1/query", data, timeout=10)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from None
        result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result

    def waits(self, form: str) -> list[str]:
        """What a Prometheus has not seen yet."""
        gpu = {
            "own": ["increase(gaintrace_gpu_energy_joules_total[1m:2s]) > 0"],
            "none": [],
        }.get(form, ["increase(DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION[1m:2s]) > 0"])
        return [expression for expression in (*SEEN, *gpu) if not self.query(expression, form)]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from gaintrace.cli import run; run()", *arguments]


def scraped(job: str, target: str, honor: bool = False, **labels: str) -> dict[str, Any]:
    """A scrape_config."""
    return {"job_name": job, "honor_labels": honor, "static_configs": [{"targets": [target], "labels": labels}]}


def _labelled(scrape: dict[str, Any], labels: dict[str, str]) -> dict[str, Any]:
    targets = [{**config, "labels": config["labels"] | labels} for config in scrape["static_configs"]]
    return scrape | {"static_configs": targets}


def push_validations(gateway: str, namespace: str) -> None:
    """Worse today on one data set, a last verdict of three days ago on another, none ever on a third; one undecided."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAINTRACE_NAMESPACE", namespace)
        _push_validations(gateway)


def _push_validations(gateway: str) -> None:
    runs = [Pair(fold=0, seed=1, e1=0.70, e2=0.60)]
    worse = {side: Difference(new=0.6, recorded=0.7, mean=-0.1, low=-0.11, high=-0.09) for side in ("e1", "e2")}
    for name, ago, verdict in (
        ("assist2015", 0, "worse"),
        ("assist2009", 3 * 86400, "worse"),
        ("assist2017", 0, "cannot tell"),
    ):
        validation = Validation(dataset=name, label="l", verdict=verdict, text="", differences=worse, runs=runs)
        registry = validation_metrics(validation, time.time() - ago)
        assert push(gateway, registry, "nightly", name) is None
    failed = Validation(dataset="algebra2005", label="l", verdict="failed", text="")
    assert push(gateway, validation_metrics(failed), "nightly", "algebra2005") is None


@pytest.fixture(scope="package")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    """Everything above, running."""
    installed("prometheus", "prometheus-pushgateway", "promtool")
    folder = tmp_path_factory.mktemp("monitored")
    (folder / "small.yaml").write_text(SWEEP)
    with ExitStack() as stack:
        endpoint = stack.enter_context(s3_server(folder))
        gateway = stack.enter_context(pushgateway(folder))
        environment = clean_environment() | {
            "OMP_NUM_THREADS": "1",
            "GAINTRACE_NAMESPACE": "research",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }
        keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
        s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
        s3.create_bucket(Bucket="results")
        port = free_port()
        sweep = command("sweep", str(folder / "small.yaml"), "--out", "s3://results/p")
        more = ["--metrics", str(port), "--set", "base.training.epochs=2000", "--set", "name=under-way"]
        with (folder / "under-way.log").open("wb") as log:
            running = subprocess.Popen([*sweep, *more, "--set", "grid={}"], env=environment, stdout=log, stderr=log)
        stack.callback(lambda: (running.send_signal(signal.SIGTERM), running.wait(60)))
        # A trainer that stands still, and whose store fails.
        stuck = LiveMetrics("stuck", "synthetic", {"a": 1}, 1)
        stuck.started(["a"], 1, 0)
        own = stack.enter_context(stuck.served("0"))
        exporters = [Exporter(text) for text in (dcgm, dcgm, nvml(0), nvml(1), cluster)]
        for exporter in exporters:
            stack.callback(exporter.stop)
        exported, honored, busy, idle, state = (exporter.target for exporter in exporters)
        here = {"namespace": "gpu-operator", "pod": "dcgm-exporter-abc"}
        gpus = {
            "exported": [scraped("dcgm", exported, **here)],
            "honored": [scraped("dcgm", honored, honor=True, **here)],
            "own": [
                scraped("busy", busy, namespace="research", pod=BUSY),
                scraped("idle", idle, namespace="research", pod=IDLE),
            ],
            "none": [],
        }
        common = [
            scraped("train", f"127.0.0.1:{port}", namespace="research", pod=BUSY),
            scraped("stuck", f"127.0.0.1:{own}", namespace="research", pod="stuck-train-1"),
            scraped("push", gateway.removeprefix("http://"), honor=True),
            scraped("kube-state-metrics", state, honor=True),
        ]
        urls = {}
        for form in FORMS:
            (folder / form).mkdir()
            # One of them is of several clusters.
            named = {"cluster": "c1"} if form == "honored" else {}
            scrapes = [_labelled(scrape, named) for scrape in common + gpus[form]]
            urls[form] = stack.enter_context(prometheus(folder / form, scrapes))
        found = Monitored(urls, gateway, s3)
        ended = subprocess.run(
            [*sweep, "--pushgateway", gateway], env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
        assert "metrics not pushed" not in ended.stdout
        for namespace in ("research", "staging"):
            push_validations(gateway, namespace)
        for _ in range(20):
            observe("failed")
        end = time.monotonic() + 120
        while missing := {form: waits for form in FORMS if (waits := found.waits(form))}:
            assert running.poll() is None, (folder / "under-way.log").read_text()
            assert time.monotonic() < end, missing
            time.sleep(0.5)
        yield found
