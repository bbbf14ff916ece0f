"""What the last step says of how a workflow ended."""

import json
import re
from pathlib import Path

import pytest
import yaml

from gaintrace.cli import cluster
from gaintrace.cluster.outcome import REASONS_SHOWN, explain

ROOT = Path(__file__).parents[2]


def quoted(nodes: list[dict[str, str]]) -> str:
    """Argo's `workflow.failures`: the JSON of the nodes, quoted once more."""
    return json.dumps(json.dumps(nodes or None))


def node(template: str, message: str, attempt: int | None = None, at: str = "2026-11-24T16:00:00Z") -> dict[str, str]:
    name = template if attempt is None else f"{template}({attempt})"
    return {"displayName": name, "message": message, "templateName": template, "phase": "Failed", "finishedAt": at}


def test_success_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    cluster.outcome("phase2-x7k2p", "Succeeded", quoted([]))
    assert capsys.readouterr().out.startswith("phase2-x7k2p succeeded;")


def test_success_names_the_shards_that_it_did_without() -> None:
    nodes = [
        {"displayName": "train(11:11)", "templateName": "shard", "phase": "Failed"},
        {"displayName": "train(2:2)", "templateName": "shard", "phase": "Failed"},
        *[node("train", "main: Error (exit code 9)", attempt) for attempt in range(2)],
        node("train", "retryStrategy.expression evaluated to false"),
    ]
    lines = explain("phase2-x7k2p", "Succeeded", quoted(nodes))
    assert lines[0].startswith("phase2-x7k2p succeeded; the log of its step `aggregate`")
    assert lines[1].startswith("Shards 2, 11 failed for good all the same")
    assert lines[2].startswith("- train (2 times): main: Error (exit code 9): the GPU failed")
    assert lines[3].startswith("Submitting the same sweep again")
    assert len(lines) == 4
    attempts = [node("train", "pod deleted", 0)]
    assert len(explain("phase2-x7k2p", "Succeeded", quoted(attempts))) == 1, "which was tried again, and succeeded"


def test_advice_names_steps_that_the_workflow_has() -> None:
    template = yaml.safe_load((ROOT / "workflows" / "sweep.yaml").read_text())
    by_name = {step["name"]: step for step in template["spec"]["templates"]}
    for entry, word in (("sweep", "same sweep again"), ("nightly", "cronwf/gaintrace-nightly")):
        (step,) = re.findall(r"step `(\w+)`", explain("w", "Succeeded", "", entry)[0])
        assert step in [task["name"] for task in by_name[entry]["dag"]["tasks"]]
        assert word in explain("w", "Failed", "", entry)[-1]


def test_advice_on_memory_is_a_parameter_that_the_step_has() -> None:
    template = yaml.safe_load((ROOT / "workflows" / "sweep.yaml").read_text())
    by_name = {step["name"]: step for step in template["spec"]["templates"]}
    for name, parameter in (("plan", "plan-memory"), ("aggregate", "aggregate-memory"), ("train", "memory")):
        line = explain("w", "Failed", quoted([node(name, "OOMKilled (exit code 137)")]))[1]
        assert re.findall(r"-p ([a-z-]*memory)=", line) == [parameter]
        assert re.search(rf"workflow\.parameters(\.|\['){parameter}\W", by_name[name]["podSpecPatch"])
    night = explain("w", "Failed", quoted([node("validate", "OOMKilled (exit code 137)")]), "nightly")[1]
    assert "training.memory in the chart's values" in night


def test_reasons_come_in_order_with_their_meaning_and_count() -> None:
    nodes = [
        node("aggregate", "Error (exit code 4)", 0, "2026-11-24T16:09:00Z"),
        node("aggregate", "retryStrategy.expression evaluated to false", at="2026-11-24T16:09:00Z"),
        *[node("train", "OOMKilled (exit code 137)", attempt) for attempt in range(5)],
        node("train", "No more retries left"),
        {"displayName": "phase2-x7k2p", "templateName": "sweep", "message": "child failed", "phase": "Failed"},
    ]
    lines = explain("phase2-x7k2p", "Failed", quoted(nodes))
    assert lines[0] == "phase2-x7k2p ended as Failed. What failed, attempt by attempt:"
    assert lines[1].startswith("- train (5 times): OOMKilled (exit code 137): killed, most often for memory")
    assert lines[2].startswith("- aggregate: Error (exit code 4): too few runs succeeded")
    assert "gaintrace watch phase2-x7k2p" in lines[3]
    assert len(lines) == 4


def test_a_list_that_was_cut_short_is_read_as_far_as_it_goes() -> None:
    whole = quoted([node("train", f"pod {number} deleted", 0) for number in range(2 * REASONS_SHOWN)])
    lines = explain("w", "Failed", whole)
    assert len(lines) == REASONS_SHOWN + 3
    assert lines[-2] == f"- and {REASONS_SHOWN} other reasons"
    cut = explain("w", "Failed", whole[: len(whole) // REASONS_SHOWN])
    assert cut[1] == "- train: pod 0 deleted"


@pytest.mark.parametrize("failures", ["", "null", '"null"', '"[]"', "{{workflow.failures}}", '"[{', "[1, 2]"])
def test_no_list_at_all_is_no_reason_to_fail(failures: str) -> None:
    lines = explain("w", "Error", failures)
    assert lines[0] == "w ended as Error."
    assert len(lines) == 2
