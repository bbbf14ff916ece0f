"""A sweep in an MLflow tracking server, where `MLFLOW_TRACKING_URI` names one.

A sweep is a run of the experiment that has its name; its own runs lie under it. Tags hold our ids, so aggregating again
replaces what a sweep says and logs only runs that are not there yet.
"""

import io
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pandas as pd

from gaintrace.analysis.summary import Summary
from gaintrace.runs.files import read_file
from gaintrace.store import MissingObjectError, Store, layout
from gaintrace.sweeps.plan import Plan, PlannedRun

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

SERVER = "MLFLOW_TRACKING_URI"
QUIET = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""Where the environment says nothing else. MLflow's own would wait for minutes, report home and print a line a run."""
PARAMETERS_AT_A_TIME, METRICS_AT_A_TIME, FOUND_AT_A_TIME = 100, 1000, 1000
"""What a request may hold at most."""
LONGEST_PARAMETER, LONGEST_TAG = 6000, 5000
LOGGED_AT_A_TIME = 4
ENDED = {"succeeded": "FINISHED", "failed": "FAILED"}
MEASURES = ("valid_", "test_", "combined", "mastery_", "skill_")
"""Columns of results.csv that measure something begin so."""
UNHARMED = "The results are not affected"
ARTIFACTS = ("report.html", "report.md", "results.csv", "results.json", "best.yaml")
SWEEP_TAG, RUN_TAG = "gaintrace.sweep_id", "gaintrace.run_id"


def track(store: Store, plan: Plan, summary: Summary) -> str | None:
    """Log a sweep, its runs with their metrics by epoch, and its report, to the server that the environment names.

    Returns what went wrong, in a line: results matter more than their announcement. None without a server.
    """
    server = os.environ.get(SERVER)
    if not server:
        return None
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError:
        return f"{SERVER} is set, and mlflow is not installed; `pip install 'gaintrace[mlflow]'` does it. {UNHARMED}"
    try:
        _log(MlflowClient(tracking_uri=server), store, plan, summary)
    except (MlflowException, OSError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        return _without_password(f"not logged to MLflow: {server} does not take it ({reason}). {UNHARMED}")
    return None


def _log(client: "MlflowClient", store: Store, plan: Plan, summary: Summary) -> None:
    experiment = _experiment(client, plan.spec.name)
    rows = {row["run_id"]: row for row in summary.runs if row["status"] != "missing"}
    there = {}
    for logged in _logged(client, experiment, plan.sweep_id):
        name = logged.data.tags.get(RUN_TAG, "")
        if not name or logged.info.status == ENDED[rows[name]["status"]]:
            there[name] = str(logged.info.run_id)
        else:  # left by an aggregator that was killed, or failed then and is trained now
            client.delete_run(logged.info.run_id)
    parent = there.get("") or _start(client, experiment, plan.sweep_id, {SWEEP_TAG: plan.sweep_id}, summary.seconds)

    def log(run: PlannedRun) -> None:
        _log_run(client, experiment, parent, store, plan, run, rows[run.run_id])

    with ThreadPoolExecutor(LOGGED_AT_A_TIME) as pool:
        list(pool.map(log, (run for run in plan.runs if run.run_id in rows and run.run_id not in there)))
    _log_sweep(client, parent, store, plan, summary)


def _experiment(client: "MlflowClient", name: str) -> str:
    """Id of the experiment of a name; of two that make it at once, one does."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    try:
        return str(found.experiment_id if found else client.create_experiment(name))
    except MlflowException:
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)


def _logged(client: "MlflowClient", experiment: str, sweep_id: str) -> "Iterator[Run]":
    """What the server has of a sweep: itself, and its runs."""
    wanted, token = f"tags.`{SWEEP_TAG}` = '{sweep_id}'", None
    while token != "":
        page = client.search_runs([experiment], wanted, max_results=FOUND_AT_A_TIME, page_token=token)
        yield from list(page)
        token = page.token or ""


def _start(client: "MlflowClient", experiment: str, name: str, tags: Mapping[str, str], seconds: float) -> str:
    """A run that ends now and took so long."""
    start = round((time.time() - seconds) * 1000)
    return str(client.create_run(experiment, start_time=start, tags=dict(tags), run_name=name).info.run_id)


def _log_run(
    client: "MlflowClient",
    experiment: str,
    parent: str,
    store: Store,
    plan: Plan,
    run: PlannedRun,
    row: Mapping[str, Any],
) -> None:
    from mlflow.entities import Param

    tags = {SWEEP_TAG: plan.sweep_id, RUN_TAG: run.run_id, "mlflow.parentRunId": parent}
    if row["error"]:
        tags["gaintrace.error"] = row["error"][:LONGEST_TAG]
    run_id = _start(client, experiment, run.run_id, tags, row["seconds"] or 0)
    parameters = [Param(*pair) for pair in _flat(run.config.model_dump(mode="json"))]
    for at in range(0, len(parameters), PARAMETERS_AT_A_TIME):
        client.log_batch(run_id, params=parameters[at : at + PARAMETERS_AT_A_TIME])
    metrics = _epochs(store, run.run_id) + _numbers(row)
    for at in range(0, len(metrics), METRICS_AT_A_TIME):
        client.log_batch(run_id, metrics=metrics[at : at + METRICS_AT_A_TIME])
    client.set_terminated(run_id, ENDED[row["status"]])


def _log_sweep(client: "MlflowClient", parent: str, store: Store, plan: Plan, summary: Summary) -> None:
    folder = store.child(layout.sweep(plan.sweep_id))
    for name in ARTIFACTS:
        try:
            client.log_text(parent, folder.read(name).decode(), name)
        except MissingObjectError:  # no best run
            continue
    tags = {"dataset": plan.data.name, "data_hash": plan.data.hash, "code_version": plan.code_version}
    for tag, text in tags.items():
        client.set_tag(parent, f"gaintrace.{tag}", text)
    coverage = summary.coverage
    counts = {name: getattr(coverage, name) for name in ("planned", "succeeded", "failed", "missing")}
    best = {f"best_{metric.key}": metric.value for metric in _numbers(summary.best)} if summary.best else {}
    logged = client.get_run(parent).data.metrics
    for name, value in ({f"runs_{name}": float(count) for name, count in counts.items()} | best).items():
        if logged.get(name) != value:  # a metric keeps all that it ever was
            client.log_metric(parent, name, value)
    client.set_tag(parent, "mlflow.note.content", "\n".join(f"- {finding.text}" for finding in summary.findings))
    client.set_terminated(parent, "FINISHED" if coverage.enough else "FAILED")


def _epochs(store: Store, run_id: str) -> list["Metric"]:
    """epochs.csv; nothing of a run that failed in its first."""
    from mlflow.entities import Metric

    try:
        table = pd.read_csv(io.BytesIO(read_file(store.child(layout.run(run_id)), "epochs.csv")))
    except (MissingObjectError, ValueError):
        return []
    now = round(time.time() * 1000)
    columns = [column for column in table.columns if column not in ("epoch", "seconds")]
    return [
        Metric(column, float(value), now, int(epoch))
        for column in columns
        for epoch, value in zip(table["epoch"], table[column], strict=True)
        if pd.notna(value)
    ]


def _numbers(row: Mapping[str, Any]) -> list["Metric"]:
    """What is measured of a run at its selected epoch; `valid_e1_auc` by itself is that of every epoch."""
    from mlflow.entities import Metric

    now = round(time.time() * 1000)
    return [
        Metric(f"selected_{name}" if name.startswith("valid_") else name, value, now, 0)
        for name, value in row.items()
        if isinstance(value, float) and name.startswith(MEASURES)
    ]


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """A configuration's values under their dotted paths; no value is longer than a server takes."""
    for name, value in config.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{path}.")
        else:
            yield path, (value if isinstance(value, str) else json.dumps(value))[:LONGEST_PARAMETER]


def _without_password(text: str) -> str:
    return re.sub(r"://[^/@\s]*@", "://", text)
