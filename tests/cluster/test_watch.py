"""`gaintrace watch`: what it says of a workflow's status, and how it ends."""

import base64
import gzip
import io
import itertools
import json
from pathlib import Path

import pytest
import typer
from rich.console import Console

from gaintrace.cli import cluster
from gaintrace.cli.sweep import aggregate as run_aggregate
from gaintrace.cli.sweep import plan as run_plan
from gaintrace.cli.sweep import train_shard
from gaintrace.cluster import watch as watching
from gaintrace.cluster.nodes import DEADLINE, progress
from gaintrace.cluster.watch import StoreView, table
from gaintrace.errors import ClusterError, ExitCode
from tests.cluster.fake_api import ARGO, CORE, FakeApi
from tests.cluster.statuses import aggregate, plan, queued, retried, shard, workflow

WORKFLOW = f"{ARGO}/workflows/phase2-x7k2p"
OK = ("Succeeded", 0, "")
DELETED = ("Error", None, "pod deleted")


def test_a_status_that_argo_has_not_filled_yet_is_pending() -> None:
    state = progress({"metadata": {"name": "w"}})
    assert (state.phase, state.steps, state.done) == ("Pending", [], False)


def test_shards_come_in_order_with_attempts_and_the_reason_of_the_last() -> None:
    nodes = shard(10, "Running", [("Running", None, "")]) | shard(
        2, "Running", [DELETED, ("Pending", None, "Unschedulable")]
    )
    state = progress(workflow("Running", plan("Succeeded") | nodes))
    assert [step.name for step in state.steps] == ["plan", "shard 2", "shard 10"]
    assert state.sweep_id == "demo-1"
    assert (state.steps[1].phase, state.steps[1].attempts, state.steps[1].message) == ("Pending", 2, "Unschedulable")


def test_a_shard_that_waits_for_the_semaphore_is_shown() -> None:
    nodes = plan("Succeeded") | shard(0, "Running", [("Running", None, "")]) | queued(1)
    waiting = progress(workflow("Running", nodes)).steps[2]
    assert watching.line(waiting, {}) == "shard 1: waiting, for a place among the training pods"
    assert waiting.attempts == 0


def test_a_nightly_step_is_named_after_its_data_set_and_its_regression_is_the_end() -> None:
    nodes = {}
    for number, (uri, code) in enumerate([("s3://results/datasets/assist2009", 7), ("file:///store/assist2015/", 0)]):
        phase = "Failed" if code else "Succeeded"
        inputs = {"parameters": [{"name": "data", "value": uri}]}
        nodes |= retried(f"validate({number})", "validate", phase, [(phase, code, "")], inputs=inputs)
    state = progress(workflow("Failed", nodes))
    assert [step.name for step in state.steps] == ["validate assist2009", "validate assist2015"]
    assert state.exit_code is ExitCode.REGRESSION


@pytest.mark.parametrize(
    ("nodes", "phase", "code"),
    [
        (plan("Succeeded") | shard(0, "Succeeded", [OK]) | aggregate("Succeeded", 0), "Succeeded", ExitCode.OK),
        # A shard was lost and the aggregator found enough all the same.
        (
            plan("Succeeded") | shard(0, "Failed", [("Failed", 3, "")]) | aggregate("Succeeded"),
            "Succeeded",
            ExitCode.OK,
        ),
        (
            plan("Succeeded") | shard(0, "Failed", [("Failed", 1, "")]) | aggregate("Failed", 4),
            "Failed",
            ExitCode.INCOMPLETE,
        ),
        (retried("plan", "plan", "Failed", [("Failed", 2, "Error (exit code 2)")]), "Failed", ExitCode.CONFIG),
        (plan("Succeeded") | shard(0, "Failed", [("Failed", 137, "OOMKilled")]), "Failed", ExitCode.UNEXPECTED),
        ({}, "Error", ExitCode.UNEXPECTED),
    ],
)
def test_the_exit_code_is_that_of_the_step_that_decided(nodes: dict, phase: str, code: ExitCode) -> None:
    assert progress(workflow(phase, nodes)).exit_code is code


def test_a_sweep_is_followed_to_its_ranking(
    api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Real results appear in the store while Argo's status goes on; a lost answer and a lost pod are survived."""
    monkeypatch.setattr("gaintrace.cluster.watch.time.sleep", lambda _: None)
    store, outputs = str(tmp_path / "store"), tmp_path / "outputs"
    grid = 'grid={"training.bce_loss_weight": [0.3, 0.8]}'
    small = ["base.data.synthetic.students=60", "base.training.epochs=1", grid, "seeds=[]"]
    run_plan("demo", None, store, small, 1, "", "", outputs)
    sweep_id = (outputs / "sweep-id").read_text()
    for number in (0, 1):
        train_shard(sweep_id, number, store, None, "cpu", 1, None)
    run_aggregate(sweep_id, store)
    capsys.readouterr()
    api.history[WORKFLOW] = [
        workflow("Running", {}),
        workflow("Running", plan("Running")),
        workflow("Running", plan("Succeeded", sweep_id) | shard(0, "Running", [DELETED, ("Running", None, "")])),
        workflow("Running", plan("Succeeded", sweep_id) | shard(0, "Succeeded", [DELETED, OK])),
        workflow(
            "Succeeded", plan("Succeeded", sweep_id) | shard(0, "Succeeded", [DELETED, OK]) | aggregate("Succeeded")
        ),
    ]
    api.faults[WORKFLOW] = [503, 0]
    with pytest.raises(typer.Exit) as end:
        cluster.watch("phase2-x7k2p")
    said = capsys.readouterr().out
    assert end.value.exit_code == ExitCode.OK
    assert "shard 0: running, 1 of 1 runs, attempt 2" in said
    assert "shard 0: succeeded, 1 of 1 runs, attempt 2" in said
    assert "ranks first of 2 configurations" in said
    assert f"{store}/sweeps/{sweep_id}/report.html" in said


def test_the_store_is_the_workflow_s_own_whatever_became_of_the_template(
    api: FakeApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = workflow("Failed", plan("Failed"))
    stored = {"arguments": {"parameters": [{"name": "store", "value": "s3://of/the/template"}]}}
    found["status"]["storedWorkflowTemplateSpec"] = stored
    found["spec"]["arguments"]["parameters"] = [{"name": "store", "value": str(tmp_path / "own")}]
    api.history[WORKFLOW] = [found]
    del api.objects[f"{ARGO}/workflowtemplates/gaintrace-sweep"]
    with pytest.raises(typer.Exit):
        cluster.watch("phase2-x7k2p")
    assert "phase2-x7k2p: failed" in capsys.readouterr().out


def ended_on_a_volume(api: FakeApi) -> None:
    api.set_parameter("store", "file:///not/mounted/here")
    nodes = plan("Succeeded") | shard(0, "Failed", [("Failed", 1, "")]) | aggregate("Failed", 4)
    api.history[WORKFLOW] = [workflow("Failed", nodes, "child 'aggregate' failed")]


def test_a_store_on_the_cluster_s_volume_is_read_from_the_last_step_s_log(
    api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    ended_on_a_volume(api)
    api.objects[f"{CORE}/pods"] = {
        "items": [
            {"metadata": {"name": "first", "creationTimestamp": "2026-11-24T16:00:00Z"}},
            {"metadata": {"name": "second", "creationTimestamp": "2026-11-24T16:05:00Z"}},
        ]
    }
    api.objects[f"{CORE}/pods/second/log"] = "rank  bce_loss_weight\n   1              0.3\n"
    with pytest.raises(typer.Exit) as end:
        cluster.watch("phase2-x7k2p")
    said = capsys.readouterr().out
    assert end.value.exit_code == ExitCode.INCOMPLETE
    assert "phase2-x7k2p: failed\nchild 'aggregate' failed\nrank  bce_loss_weight\n   1              0.3\n" in said
    assert "results: file:///not/mounted/here/sweeps/demo-1 (on the cluster's volume)" in said


def test_a_last_step_s_log_that_is_gone_or_forbidden_hides_no_end(
    api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    for pods, words in (({"items": []}, "results: file:///"), (None, "you may not list pods in namespace research")):
        ended_on_a_volume(api)
        api.objects[f"{CORE}/pods"] = pods
        if pods is None:
            api.faults[f"{CORE}/pods"] = [403, -1]
        with pytest.raises(typer.Exit) as end:
            cluster.watch("phase2-x7k2p")
        assert end.value.exit_code == ExitCode.INCOMPLETE
        assert words in capsys.readouterr().out


def test_a_cluster_that_is_silent_for_a_moment_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [ClusterError("no answer"), ClusterError("no answer"), workflow("Succeeded", {})]

    def read() -> dict:
        answer = answers.pop(0)
        if isinstance(answer, ClusterError):
            raise answer
        return answer

    monkeypatch.setattr("gaintrace.cluster.watch.time.sleep", lambda _: None)
    out = io.StringIO()
    assert watching.watch(read, StoreView(None), Console(file=out)).phase == "Succeeded"
    assert out.getvalue() == "no answer\nphase2-x7k2p: succeeded\n"


PULL = 'ErrImagePull: failed to pull and unpack image "r/x:1": not found'
BACK_OFF = 'ImagePullBackOff: Back-off pulling image "r/x:1": ErrImagePull: not found'


def no_image(message: str, step: str = "plan") -> dict:
    return retried(step, step, "Running", [("Pending", None, message)])


def followed(monkeypatch: pytest.MonkeyPatch, states: list[dict], seconds: float) -> tuple[str, BaseException | str]:
    """What `watch` says of states that come so many seconds apart, and how it ends."""
    clock = itertools.count(step=seconds)
    monkeypatch.setattr("gaintrace.cluster.watch.time.monotonic", lambda: next(clock) / 2)  # asked twice a state
    monkeypatch.setattr("gaintrace.cluster.watch.time.sleep", lambda _: None)
    out = io.StringIO()
    try:
        end: BaseException | str = watching.watch(
            lambda: states.pop(0), StoreView(None), Console(file=out, width=500)
        ).phase
    except ClusterError as error:
        end = error
    return out.getvalue(), end


def test_an_image_that_cannot_be_pulled_is_told_once_and_not_waited_for_forever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    states = [workflow("Running", no_image(message)) for message in [PULL, BACK_OFF] * 60]
    said, end = followed(monkeypatch, states, 20)
    assert said == f"plan: waiting, cannot pull its image: {PULL}\n"
    assert isinstance(end, ClusterError)
    assert str(end).startswith(
        f"phase2-x7k2p: plan has waited for its image for 10 minutes: {PULL}. End it with `argo stop"
    )
    assert 25 < 120 - len(states) < 35


def test_one_shard_without_an_image_ends_nothing_while_others_run(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = (
        plan("Succeeded")
        | shard(0, "Running", [("Running", None, "")])
        | shard(1, "Running", [("Pending", None, PULL)])
    )
    done = plan("Succeeded") | shard(0, "Succeeded", [OK]) | shard(1, "Succeeded", [OK]) | aggregate("Succeeded")
    said, end = followed(monkeypatch, [workflow("Running", nodes)] * 100 + [workflow("Succeeded", done)], 60)
    assert end == "Succeeded"
    assert said.count("cannot pull its image") == 1


def test_the_end_says_what_image_it_was_that_took_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = retried("plan", "plan", "Failed", [("Failed", 137, f"Pod was active on the node {DEADLINE}")])
    ended["id-plan"]["message"] = "retryStrategy.expression evaluated to false"
    states = [workflow("Running", no_image(PULL)), workflow("Running", no_image(BACK_OFF)), workflow("Failed", ended)]
    said, end = followed(monkeypatch, states, 2)
    assert end == "Failed"
    assert said.splitlines()[-2:] == [f"plan: failed, its image could not be pulled: {PULL}", "phase2-x7k2p: failed"]


def test_a_watch_that_comes_late_finds_the_reason_in_the_events(
    api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = retried("plan", "plan", "Failed", [("Failed", None, f"Pod was active on the node {DEADLINE}")])
    api.objects[WORKFLOW] = workflow("Failed", ended)

    def event(pod: str, message: str) -> dict:
        pulled = {"kind": "Pod", "name": pod}
        return {"metadata": {"name": pod}, "involvedObject": pulled, "message": message, "reason": "Failed"}

    mine = "phase2-x7k2p-plan-123"
    why = 'Failed to pull image "r/x:1": not found'
    events = [
        event("other-plan-1", "Failed to pull image, a long story of another pod"),
        event(mine, "Error: ErrImagePull"),
    ]
    api.objects[f"{CORE}/events"] = {"items": [*events, event(mine, why)]}
    with pytest.raises(typer.Exit) as end:
        cluster.watch("phase2-x7k2p")
    assert end.value.exit_code == ExitCode.UNEXPECTED
    assert f"a pod could not pull its image: {why}\n" in capsys.readouterr().out
    api.faults[f"{CORE}/events"] = [403, -1]
    with pytest.raises(typer.Exit):
        cluster.watch("phase2-x7k2p")
    assert "plan: failed" in capsys.readouterr().out


def test_a_status_that_argo_has_packed_is_unpacked() -> None:
    nodes = plan("Succeeded") | shard(0, "Running", [("Running", None, "")])
    packed = workflow("Running", {})
    packed["status"]["compressedNodes"] = base64.b64encode(gzip.compress(json.dumps(nodes).encode())).decode()
    assert progress(packed) == progress(workflow("Running", nodes))
    assert [step.name for step in progress(packed).steps] == ["plan", "shard 0"]


def test_a_status_that_is_in_argo_s_database_is_said_to_be() -> None:
    away = workflow("Running", {})
    away["status"]["offloadNodeStatusVersion"] = "fnv:1"
    assert progress(away).message == "Argo keeps the steps of this workflow in its database; `argo get` shows them"


def test_a_step_that_argo_tries_no_more_has_the_reason_of_its_last_attempt() -> None:
    nodes = retried("plan", "plan", "Failed", [("Failed", 2, "main: Error (exit code 2)")])
    nodes["id-plan"]["message"] = "retryStrategy.expression evaluated to false"
    assert progress(workflow("Failed", nodes)).steps[0].message == "main: Error (exit code 2)"


def test_a_workflow_that_is_gone_ends_the_watch(api: FakeApi) -> None:
    with pytest.raises(ClusterError, match=r"read workflows gone.*not found"):
        cluster.watch("gone")


def test_many_shards_fit_a_terminal_of_80_columns() -> None:
    nodes = plan("Succeeded")
    for number in range(81):
        nodes |= shard(number, "Succeeded", [OK]) if number < 60 else shard(number, "Running", [("Running", None, "")])
    nodes |= shard(70, "Failed", [("Failed", 1, "Error (exit code 1)")] * 5)
    out = io.StringIO()
    Console(file=out, width=80).print(table(progress(workflow("Running", nodes)), {}))
    lines = out.getvalue().splitlines()
    assert len(lines) < 30
    assert max(map(len, lines)) <= 80
    assert "shard 70" in out.getvalue()
    assert "more shards" in out.getvalue()
