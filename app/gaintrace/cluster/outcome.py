"""What happened to a workflow, in words: for the log of its last pod."""

import json
import re
from typing import Any

from gaintrace.errors import ExitCode

SHOWN = 10
TEMPLATES = ("plan", "train", "validate", "aggregate")


def explain(workflow: str, phase: str, failures: str) -> list[str]:
    """Lines for people. `failures`: Argo's list of failed nodes, JSON within JSON, perhaps cut short."""
    if phase == "Succeeded":
        return [f"{workflow} succeeded; the log of its step `aggregate` says what came out and where the report is."]
    pods = [
        node for node in _decoded(failures) if node.get("templateName") in ("plan", "train", "validate", "aggregate")
    ]
    # A step that was retried is listed once for each attempt and once for itself.
    final = [node for node in pods if not re.search(r"\(\d+\)$", str(node.get("displayName", "")))] or pods
    lines = [f"{workflow} ended as {phase}; {len(final)} of its steps failed:" if final else f"{workflow}: {phase}."]
    for node in final[:SHOWN]:
        last = [other for other in pods if str(other.get("displayName", "")).startswith(f"{node.get('displayName')}(")]
        message = str((last[-1] if last else node).get("message") or node.get("message") or "no message").strip()
        lines.append(f"- {node.get('displayName')}: {message}{_meaning(message)}")
    if len(final) > SHOWN:
        lines.append(f"- and {len(final) - SHOWN} more")
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
