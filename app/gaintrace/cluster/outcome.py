"""What happened to a workflow, in words: for the log of its last pod."""

import json
import re
from collections import Counter
from typing import Any

from gaintrace.errors import ExitCode

REASONS_SHOWN = 10
SHARDS_NAMED = 20
TEMPLATES = ("plan", "train", "default", "validate", "aggregate")
ATTEMPT = re.compile(r"\(\d+\)$")
SHARD = re.compile(r"\((\d+):")
REPORTS = {"nightly": "validate"}
"""The step that says what came out, by what the workflow entered; of a sweep it is `aggregate`."""

MEMORY = {
    "plan": "; give it more (-p plan-memory=…)",
    "train": "; give the pod more (-p memory=…) or fewer runs (-p runs-per-pod=…)",
    "validate": "; give the pod more (training.memory in the chart's values)",
    "aggregate": "; give it more (-p aggregate-memory=…)",
}
"""What to do about a step that was killed for its memory; the limit of `default` is the template's own."""


def explain(workflow: str, phase: str, failures: str, entry: str = "sweep") -> list[str]:
    """Lines for people. `failures`: Argo's list of failed nodes, JSON within JSON, perhaps cut short.

    The list does not say which attempt belongs to which shard, so equal reasons of a step are told once, with a count.
    `entry`: the template that the workflow began with.
    """
    nodes = sorted(_decoded(failures), key=lambda node: str(node.get("finishedAt", "")))
    reports = REPORTS.get(entry, "aggregate")
    if phase == "Succeeded":
        lines = [f"{workflow} succeeded; the log of its step `{reports}` says what came out and where the report is."]
        if lost := _lost_shards(nodes):
            named = ", ".join(map(str, lost[:SHARDS_NAMED])) + (", …" if len(lost) > SHARDS_NAMED else "")
            which = f"Shards {named} failed" if len(lost) > 1 else f"Shard {named} failed"
            lines.append(f"{which} for good all the same; the runs that finished were enough. Attempt by attempt:")
            lines += _reasons(nodes)
            lines.append("Submitting the same sweep again trains what is missing, if anything is.")
        return lines
    reasons = _reasons(nodes)
    lines = [f"{workflow} ended as {phase}." + (" What failed, attempt by attempt:" if reasons else ""), *reasons]
    again = (
        "The next night starts anew; `argo submit --from cronwf/gaintrace-nightly` does so now"
        if entry == "nightly"
        else "Submitting the same sweep again trains only what is missing"
    )
    lines.append(
        f"Finished runs are kept. {again}; "
        f"`gaintrace watch {workflow}` shows each step, `argo logs {workflow}` what its pods printed."
    )
    return lines


def _lost_shards(nodes: list[dict[str, Any]]) -> list[int]:
    """Numbers of the shards that failed, whatever became of the workflow."""
    shards = (SHARD.search(str(node.get("displayName", ""))) for node in nodes if node.get("templateName") == "shard")
    return sorted({int(found.group(1)) for found in shards if found})


def _reasons(nodes: list[dict[str, Any]]) -> list[str]:
    """A line for each reason why an attempt failed."""
    ours = [node for node in nodes if node.get("templateName") in TEMPLATES]
    # A step that was retried is there once for itself, with no reason of its own, and once for each attempt.
    attempts = [node for node in ours if ATTEMPT.search(str(node.get("displayName", "")))] or ours
    reasons = Counter(
        (str(node["templateName"]), str(node.get("message") or "no message").strip()) for node in attempts
    )
    lines = []
    for (template, message), count in list(reasons.items())[:REASONS_SHOWN]:
        times = f" ({count} times)" if count > 1 else ""
        lines.append(f"- {template}{times}: {message}{_meaning(message, template)}")
    if len(reasons) > REASONS_SHOWN:
        lines.append(f"- and {len(reasons) - REASONS_SHOWN} other reasons")
    return lines


def _decoded(failures: str) -> list[dict[str, Any]]:
    value: Any = failures
    for _ in range(2):
        try:
            value = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            return _whole_objects(value)
    return [node for node in value or [] if isinstance(node, dict)] if isinstance(value, list) else []


def _whole_objects(text: str) -> list[dict[str, Any]]:
    """The objects that are complete in a list that was cut short, still quoted or not."""
    if text.startswith('"'):
        text = text[1:].replace('\\"', '"').replace("\\\\", "\\")
    decoder = json.JSONDecoder()
    found: list[dict[str, Any]] = []
    position = text.find("{")
    while position >= 0:
        try:
            node, end = decoder.raw_decode(text, position)
        except ValueError:
            break
        found.append(node)
        position = text.find("{", end)
    return found


def _meaning(message: str, template: str) -> str:
    code = re.search(r"exit code (\d+)", message)
    if code is None:
        return ""
    number = int(code.group(1))
    known = ExitCode.of(number)
    if known is not None:
        return f": {known.meaning}"
    if number == 137:
        return f": killed, most often for memory{MEMORY.get(template, '')}"
    return ""
