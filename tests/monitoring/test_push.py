"""What a sweep and a validation leave behind: pushed once, and as a text file."""

import subprocess
import time
import urllib.request

import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families

from gaintrace.errors import ConfigError
from gaintrace.telemetry.catalogue import OUTCOME
from gaintrace.telemetry.push import check, push
from tests.monitoring.conftest import Monitored
from tests.servers import KEY, SECRET


def test_a_sweep_pushes_what_stands_beside_its_results(monitored: Monitored) -> None:
    keys = [found["Key"] for found in monitored.s3.list_objects_v2(Bucket="results", Prefix="p/sweeps")["Contents"]]
    (key,) = [key for key in keys if key.endswith("/metrics.prom")]
    text = monitored.s3.get_object(Bucket="results", Key=key)["Body"].read().decode()
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert set(families) == {metric.name for metric in OUTCOME}
    runs = {sample.labels["status"]: sample.value for sample in families["gaintrace_sweep_runs"].samples}
    assert runs == {"succeeded": 1, "failed": 1, "missing": 0, "stopped": 0}
    for family in families.values():
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
            (pushed,) = monitored.query(f"{sample.name}{{{labels}}}")
            assert float(pushed["value"][1]) == sample.value


def test_sweeps_of_one_name_in_two_namespaces_do_not_overwrite_each_other(
    monitored: Monitored, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "gaintrace_sweep_findings"
    for namespace, value in (("research", 1), ("staging", 2), ("", 3)):
        monkeypatch.setenv("GAINTRACE_NAMESPACE", namespace)
        registry = CollectorRegistry()
        Gauge(name, "", ["phase", "dataset"], registry=registry).labels("shared", "synthetic").set(value)
        assert push(monitored.gateway, registry, "shared", "synthetic") is None
    text = urllib.request.urlopen(f"{monitored.gateway}/metrics", timeout=5).read().decode()
    families = {family.name: family.samples for family in text_string_to_metric_families(text)}
    found = {s.labels.get("namespace"): s.value for s in families[name] if s.labels["phase"] == "shared"}
    assert found == {"research": 1, "staging": 2, None: 3}


def test_a_failed_sweep_leaves_the_time_of_the_last_success_alone(
    monitored: Monitored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Pushgateway keeps what a push leaves out."""
    monkeypatch.setenv("GAINTRACE_NAMESPACE", "research")
    query = 'gaintrace_sweep_last_success_timestamp_seconds{phase="watched"}'
    before = monitored.query(query)
    registry = CollectorRegistry()
    name = "gaintrace_sweep_duration_seconds"
    Gauge(name, "", ["phase", "dataset"], registry=registry).labels("watched", "synthetic").set(-1)
    assert push(monitored.gateway, registry, "watched", "synthetic") is None
    end = time.monotonic() + 10
    while monitored.query(f'{name}{{phase="watched"}}')[0]["value"][1] != "-1":
        assert time.monotonic() < end
        time.sleep(0.3)
    assert monitored.query(query)[0]["value"][1] == before[0]["value"][1]


def test_what_is_pushed_names_no_credential(monitored: Monitored) -> None:
    text = urllib.request.urlopen(f"{monitored.gateway}/metrics", timeout=5).read().decode()
    assert "gaintrace_sweep_best_combined" in text
    assert KEY not in text
    assert SECRET not in text


def test_a_pushgateway_that_is_not_there_is_a_line_and_no_failure() -> None:
    problem = push("http://127.0.0.1:1", CollectorRegistry(), "p", "d")
    assert problem is not None
    assert problem.startswith("metrics not pushed: http://127.0.0.1:1")
    assert "The results are not affected" in problem


@pytest.mark.parametrize("address", ["h", "h:9091", "http://h:9091/base", "https://user:word@h", "[::1]:9091"])
def test_an_address_of_a_pushgateway_is_taken(address: str) -> None:
    check(address)


@pytest.mark.parametrize("address", ["not a url", "", "/x", "h:99999", "h:0", "h:port", "[x", "h\n", " ", "[x]/"])
def test_what_is_no_address_is_refused_without_its_password(address: str) -> None:
    for gateway in (f"http://{address}", f"ftp://{address}"):
        with pytest.raises(ConfigError, match="not an address; write it as in http"):
            check(gateway)
    with pytest.raises(ConfigError) as error:
        check(f"http://user:secret@{address}")
    assert "secret" not in str(error.value)
