"""A sweep in a tracking server: what a researcher finds there, once, and what happens without one.

The server is MLflow's own, in an environment of its own: it and gaintrace need different releases of what both need.
"""

import os
import sys
from pathlib import Path

import pytest

from gaintrace.pipeline.sweep import conclude
from gaintrace.report.tracking import SERVER
from gaintrace.store import layout, open_store
from tests.made_results import fail, planned, succeed
from tests.servers import free_port, process

MLFLOW = Path(os.environ.get("GAINTRACE_MLFLOW", Path(__file__).parents[2] / ".mlflow/bin/mlflow"))
EPOCHS = "epoch,train_e1_loss,valid_e1_auc,valid_e2_auc,seconds\n1,0.7,0.61,0.51,1.5\n2,0.6,0.64,0.52,1.4\n"


@pytest.fixture
def server(tmp_path, monkeypatch):
    if not MLFLOW.exists():
        pytest.skip(f"no MLflow server: {MLFLOW} does not exist")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")  # a dozen processes that nothing here needs
    uri = f"http://127.0.0.1:{free_port()}"
    command = [str(MLFLOW), "server", "--host", "127.0.0.1", "--port", uri.rpartition(":")[2], "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db", "--artifacts-destination", f"{tmp_path}/art"]
    with process(command, f"{uri}/health", tmp_path / "mlflow.log", seconds=120):
        monkeypatch.setenv(SERVER, uri)
        yield uri


def one_of_each(store):
    """A sweep of which one run succeeded, one failed, and the others are not there yet."""
    plan = planned(store)
    succeed(store, plan, 0, 0.69, 0.55)
    store.write(layout.run(plan.runs[0].run_id, "epochs.csv"), EPOCHS.encode())
    fail(store, plan, 1)
    return plan


def test_a_server_gets_runs_epochs_and_report_and_gets_them_once(server, tmp_path, capfd):
    mlflow = pytest.importorskip("mlflow")
    store = open_store(tmp_path / "store")
    plan = one_of_each(store)
    assert conclude(store, plan).problems == ()
    client = mlflow.MlflowClient(tracking_uri=server)
    experiment = client.get_experiment_by_name(plan.spec.name).experiment_id

    def runs():
        return {run.info.run_name: run for run in client.search_runs([experiment])}

    assert capfd.readouterr().out == ""
    first = runs()
    best, failed, swept = (first[name] for name in (plan.runs[0].run_id, plan.runs[1].run_id, plan.sweep_id))
    assert len(first) == len(client.search_runs([experiment])) == 3
    assert {run.data.tags["mlflow.parentRunId"] for run in (best, failed)} == {swept.info.run_id}
    assert best.data.params["training.bce_loss_weight"] == "0.3"
    assert best.data.params["model.d_model"] == str(plan.spec.base.model.d_model)
    assert (best.data.metrics["test_e1_auc"], best.data.metrics["combined"]) == (0.69, pytest.approx(0.69 + 0.55 / 2))
    by_epoch = [(m.step, m.value) for m in client.get_metric_history(best.info.run_id, "valid_e1_auc")]
    assert by_epoch == [(1, 0.61), (2, 0.64)]
    assert client.get_metric_history(best.info.run_id, "seconds") == []
    assert best.info.end_time - best.info.start_time == pytest.approx(2500, abs=1000)
    assert (best.info.status, failed.info.status, swept.info.status) == ("FINISHED", "FAILED", "FAILED")
    assert failed.data.tags["gaintrace.error"] == "NonFiniteLossError: epoch 2: loss is not finite"
    assert swept.data.metrics["best_test_e1_auc"] == 0.69
    assert (swept.data.metrics["runs_planned"], swept.data.metrics["runs_missing"]) == (6, 4)
    report = Path(client.download_artifacts(swept.info.run_id, "report.html", str(tmp_path)))
    assert report.read_bytes() == store.read(layout.sweep(plan.sweep_id, "report.html"))

    for index in range(1, 6):
        succeed(store, plan, index, 0.68, 0.54)
    assert conclude(store, plan).problems == ()
    assert conclude(store, plan).problems == ()
    again = runs()
    history = client.get_metric_history(again[plan.sweep_id].info.run_id, "runs_planned")
    assert [metric.value for metric in history] == [6]
    assert len(again) == len(client.search_runs([experiment])) == 7
    assert again[plan.runs[0].run_id].info.run_id == best.info.run_id
    assert {run.info.status for run in again.values()} == {"FINISHED"}
    assert again[plan.sweep_id].data.metrics["runs_missing"] == 0


def test_no_server_no_word_and_one_that_is_gone_a_line(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    plan = one_of_each(store)
    monkeypatch.delenv(SERVER, raising=False)
    assert conclude(store, plan).problems == ()
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv(SERVER, f"http://someone:s3cret@127.0.0.1:{free_port()}")
    (problem,) = conclude(store, plan).problems
    assert problem.startswith("not logged to MLflow: http://127.0.0.1:")
    assert problem.endswith("The results are not affected")
    assert "s3cret" not in problem
    assert "\n" not in problem


def test_without_mlflow_the_line_says_how_to_install_it(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setenv(SERVER, "http://127.0.0.1:1")
    (problem,) = conclude(store, one_of_each(store)).problems
    assert "pip install 'gaintrace[mlflow]'" in problem
