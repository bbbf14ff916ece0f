"""What happened to a workflow, in words: for the log of its last pod."""

import json
import re
from collections import Counter
from typing import Any

from gaintrace.errors import ExitCode

REASONS_SHOWN = 10
TEMPLATES = ("plan", "train", "validate", "aggregate")
ATTEMPT = re.compile(r"\(\d+\)$")


def explain(workflow: str, phase: str, failures: str) -> list[str]:
    """Lines for people. `failures`: Argo's list of failed nodes, JSON within JSON, perhaps cut short.

    The list does not say which attempt belongs to which shard, so equal reasons of a step are told once, with a count.
    """
    if phase == "Succeeded":
        return [f"{workflow} succeeded; the log of its step `aggregate` says what came out and where the report is."]
    nodes = sorted(_decoded(failures), key=lambda node: str(node.get("finishedAt", "")))
    nodes = [node for node in nodes if node.get("templateName") in TEMPLATES]
    # A step that was retried is there once for itself, with no reason of its own, and once for each attempt.
    attempts = [node for node in nodes if ATTEMPT.search(str(node.get("displayName", "")))] or nodes
    reasons = Counter(
        (str(node["templateName"]), str(node.get("message") or "no message").strip()) for node in attempts
    )
    lines = [f"{workflow} ended as {phase}." + (" What failed, attempt by attempt:" if reasons else "")]
    for (template, message), count in list(reasons.items())[:REASONS_SHOWN]:
        times = f" ({count} times)" if count > 1 else ""
        lines.append(f"- {template}{times}: {message}{_meaning(message)}")
    if len(reasons) > REASONS_SHOWN:
        lines.append(f"- and {len(reasons) - REASONS_SHOWN} other reasons")
    lines.append(
        "Finished runs are kept. Submitting the same sweep again trains only what is missing; "
        f"`gaintrace watch {workflow}` shows each shard, `argo logs {workflow}` what its pods printed."
    )
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


def _meaning(message: str) -> str:
    code = re.search(r"exit code (\d+)", message)
    if code is None:
        return ""
    number = int(code.group(1))
    known = ExitCode.of(number)
    if known is not None:
        return f": {known.meaning}"
    if number == 137:
        return ": killed, most often for memory; give the pod more (-p memory=…) or fewer runs (-p runs-per-pod=…)"
    return ""
