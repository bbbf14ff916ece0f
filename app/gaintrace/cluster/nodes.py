"""What a Workflow's status says about a sweep: its steps, and for each shard how far it is."""

import base64
import gzip
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gaintrace.cluster.workflow import Object
from gaintrace.errors import ExitCode

WORKFLOW_DONE = ("Succeeded", "Failed", "Error")
NO_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
"""Reasons of Kubernetes why a container waits for its image; the first two come in turn."""

DEADLINE = "longer than the specified deadline"
"""Of what the kubelet says of a pod that it ends for its time: of one that never had its image, too."""

UNTOLD = ("retryStrategy.expression evaluated to false", "No more retries left")
"""What Argo says of a step of which the last attempt has the reason."""

OFFLOADED = "Argo keeps the steps of this workflow in its database; `argo get` shows them"


@dataclass(frozen=True)
class Step:
    """A step that runs one pod, over all its attempts."""

    name: str
    phase: str
    attempts: int
    """Pods started so far."""

    message: str
    exit_code: int | None
    shard: int | None = None
    started: datetime | None = None
    finished: datetime | None = None

    @property
    def seconds(self) -> float | None:
        """Since the step began, waiting and lost attempts included, until it ended or now."""
        if self.started is None:
            return None
        return max(0.0, ((self.finished or datetime.now(UTC)) - self.started).total_seconds())

    @property
    def image_problem(self) -> str | None:
        """Why the image of its pod cannot be had, if that is what it waits for."""
        return self.message if self.waiting and self.message.startswith(NO_IMAGE) else None

    @property
    def waiting(self) -> bool:
        """Whether no attempt has started to run yet."""
        return self.phase == "Pending"


@dataclass(frozen=True)
class Progress:
    """A sweep's workflow at one moment."""

    name: str
    phase: str
    message: str
    sweep_id: str | None
    steps: list[Step]
    """plan, the shards in order, aggregate; of a night default, validate: those that there are by now."""

    @property
    def done(self) -> bool:
        """Whether nothing more will happen."""
        return self.phase in WORKFLOW_DONE

    @property
    def exit_code(self) -> ExitCode:
        """What the workflow's end means, in the contract of our own commands."""
        if self.phase == "Succeeded":
            return ExitCode.OK
        for step in reversed(self.steps):  # the last step decided
            code = ExitCode.of(step.exit_code)
            if step.phase in ("Failed", "Error") and code:
                return code
        return ExitCode.UNEXPECTED


def progress(workflow: Object) -> Progress:
    """Read a Workflow's status. Fields that Argo has not filled yet are taken as not begun."""
    status = workflow.get("status") or {}
    nodes = _nodes(status)
    steps = []
    for template in ("plan", "train", "default", "validate", "aggregate"):
        found = [_step(node, nodes) for node in nodes.values() if _is_step(node, template) or _queues(node, template)]
        steps += sorted(found, key=lambda step: (step.shard or 0, step.name))
    plan = next((node for node in nodes.values() if _is_step(node, "plan")), {})
    return Progress(
        name=workflow["metadata"]["name"],
        phase=status.get("phase") or "Pending",
        message=status.get("message") or (OFFLOADED if status.get("offloadNodeStatusVersion") and not nodes else ""),
        sweep_id=_parameter(plan.get("outputs"), "sweep-id"),
        steps=steps,
    )


def _nodes(status: Object) -> dict[str, Object]:
    """The nodes of a workflow, which Argo packs (gzip, base64) where they would not fit an object of Kubernetes."""
    packed = status.get("compressedNodes")
    if packed and not status.get("nodes"):
        unpacked: dict[str, Object] = json.loads(gzip.decompress(base64.b64decode(packed)))
        return unpacked
    return status.get("nodes") or {}


def _is_step(node: Object, template: str) -> bool:
    """A retried pod shows as a Retry node over its attempts; one without retries as a Pod."""
    if node.get("templateName") != template:
        return False
    return node["type"] == "Retry" or (node["type"] == "Pod" and not (node.get("nodeFlag") or {}).get("retried"))


def _queues(node: Object, template: str) -> bool:
    """What trains is wrapped in a DAG that takes a place first, and until it has one has no step inside."""
    wraps = {"train": "shard", "validate": "validation"}.get(template)
    return node["type"] == "DAG" and node.get("templateName") == wraps and not node.get("children")


def _step(node: Object, nodes: dict[str, Object]) -> Step:
    attempts = [nodes[child] for child in node.get("children") or [] if child in nodes]
    attempts = [attempt for attempt in attempts if attempt["type"] == "Pod"] if node["type"] != "Pod" else [node]
    last = attempts[-1] if attempts else node
    phase = node.get("phase") or "Pending"
    if phase == "Running" and last.get("phase") == "Pending":
        phase = "Pending"  # a Retry node is running as soon as its pod is asked for
    shard = _parameter(node.get("inputs"), "shard")
    code = (last.get("outputs") or {}).get("exitCode")
    return Step(
        name=_name(node, shard),
        phase=phase,
        attempts=len(attempts),
        message=_message(node, last),
        exit_code=int(code) if code not in (None, "") else None,
        shard=int(shard) if shard is not None else None,
        started=_time(node.get("startedAt")),
        finished=_time(node.get("finishedAt")),
    )


def _message(node: Object, last: Object) -> str:
    if (node.get("synchronizationStatus") or {}).get("waiting"):
        return "for a place among the training pods"
    own = str(node.get("message") or "").strip()
    return own if own and own not in UNTOLD else str(last.get("message") or own).strip()


def _name(node: Object, shard: str | None) -> str:
    if shard is not None:
        return f"shard {shard}"
    data = _parameter(node.get("inputs"), "data")
    template = str(node.get("templateName", "")).replace("validation", "validate")
    return f"{template} {data.rstrip('/').rsplit('/', 1)[-1]}" if data else template


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _parameter(holder: Any, name: str) -> str | None:
    parameters = (holder or {}).get("parameters") or []
    return next((str(p["value"]) for p in parameters if p["name"] == name and "value" in p), None)
