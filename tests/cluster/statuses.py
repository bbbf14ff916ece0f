"""Statuses of a Workflow as Argo 4.1 writes them: a sweep of three shards, moment by moment."""

from typing import Any

Nodes = dict[str, dict[str, Any]]


def workflow(phase: str, nodes: Nodes, message: str = "") -> dict[str, Any]:
    """A Workflow object."""
    return {
        "metadata": {"name": "phase2-x7k2p"},
        "spec": {"workflowTemplateRef": {"name": "gaintrace-sweep"}, "arguments": {"parameters": []}},
        "status": {"phase": phase, "message": message, "nodes": nodes},
    }


def plan(phase: str, sweep_id: str = "demo-1") -> Nodes:
    """The step that plans: a Retry node over one pod."""
    outputs = {"parameters": [{"name": "sweep-id", "value": sweep_id}, {"name": "shards", "value": "[0, 1, 2]"}]}
    return retried("plan", "plan", phase, [(phase, 0 if phase == "Succeeded" else None, "")], outputs=outputs)


def shard(number: int, phase: str, attempts: list[tuple[str, int | None, str]]) -> Nodes:
    """A shard: (phase, exit code, message) of each attempt."""
    inputs = {"parameters": [{"name": "sweep-id", "value": "demo-1"}, {"name": "shard", "value": str(number)}]}
    name = f"train({number}:{number})"
    around = {
        f"id-{name}": {
            "name": name,
            "displayName": name,
            "type": "DAG",
            "templateName": "shard",
            "phase": phase,
            "children": [f"id-{name}.train"],
        },
    }
    return around | retried(f"{name}.train", "train", phase, attempts, inputs=inputs)


def queued(number: int) -> Nodes:
    """A shard that waits for the semaphore."""
    inputs = {"parameters": [{"name": "sweep-id", "value": "demo-1"}, {"name": "shard", "value": str(number)}]}
    name = f"train({number}:{number})"
    lock = "research/ConfigMap/gaintrace-semaphore/training-pods"
    node = {
        "name": name,
        "displayName": name,
        "type": "DAG",
        "templateName": "shard",
        "phase": "Pending",
        "message": f"Waiting for {lock} lock. Lock status: 0/3",
        "synchronizationStatus": {"waiting": lock},
        "startedAt": "2026-11-24T16:00:00Z",
        "inputs": inputs,
    }
    return {f"id-{name}": node}


def aggregate(phase: str, code: int | None = None) -> Nodes:
    """The last step."""
    message = f"Error (exit code {code})" if code else ""
    return retried("aggregate", "aggregate", phase, [(phase, code, message)])


def retried(
    name: str,
    template: str,
    phase: str,
    attempts: list[tuple[str, int | None, str]],
    inputs: dict[str, Any] | None = None,
    outputs: dict[str, Any] | None = None,
) -> Nodes:
    """A Retry node and its pods."""
    pods: Nodes = {}
    for number, (state, code, message) in enumerate(attempts):
        exit_code = {} if code is None else {"exitCode": str(code)}
        pods[f"id-{name}-{number}"] = {
            "name": f"{name}({number})",
            "displayName": f"{name}({number})",
            "type": "Pod",
            "templateName": template,
            "phase": state,
            "message": message,
            "nodeFlag": {"retried": True},
            "outputs": exit_code | ((outputs or {}) if state == "Succeeded" else {}),
        }
    last = attempts[-1] if attempts else ("", None, "")
    parent = {
        "name": name,
        "displayName": name,
        "type": "Retry",
        "templateName": template,
        "phase": phase if phase in ("Succeeded", "Failed", "Error") else "Running",
        "startedAt": "2026-11-24T16:00:00Z",
        "finishedAt": "2026-11-24T17:02:03Z" if phase in ("Succeeded", "Failed", "Error") else None,
        "message": last[2] if phase in ("Failed", "Error") else "",
        "children": list(pods),
        "inputs": inputs or {},
        "outputs": (outputs or {}) if phase == "Succeeded" else {},
    }
    return {f"id-{name}": parent} | pods
