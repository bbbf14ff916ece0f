"""workflows/: what a cluster would refuse, and the promises that the manifests make."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaintrace.cli import sweep
from gaintrace.cluster.parameters import BYTES, CORES, NAMES, check_given
from gaintrace.cluster.workflow import TEMPLATE, check, effective, parameters
from gaintrace.config import parse_spec
from gaintrace.errors import ConfigError, ExitCode, IncompleteError
from gaintrace.report.aggregate import without_scripts
from gaintrace.sweeps.plan import check_shards
from tests.argo_pods import patched
from tests.argo_schema import REMOVED, faults, keys

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "workflows"
FILES = sorted(FOLDER.glob("*.yaml"))
DATA = "file:///store/datasets/assist2015"


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return document


@pytest.fixture
def template() -> dict[str, Any]:
    return load("sweep.yaml")


def pods(template: dict[str, Any]) -> list[dict[str, Any]]:
    return [t for t in template["spec"]["templates"] if "container" in t]


def test_strict_schema_and_references() -> None:
    checker = ROOT.parent / "shared" / "tools" / "argo_check.py"
    if not checker.is_file():
        pytest.skip("the checker of Argo manifests is not here")
    result = subprocess.run([sys.executable, str(checker), str(FOLDER)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_argo_s_own_schema_finds_nothing(file: Path) -> None:
    assert faults(load(file.name)) == []


def test_argo_s_own_schema_is_strict(template: dict[str, Any]) -> None:
    """It is the schema of 4.1: it knows what that has, and neither what it removed nor what is misspelled."""
    plan = next(t for t in template["spec"]["templates"] if t["name"] == "plan")
    plan["pendingTimeout"] = "1h"
    assert faults(template) == []
    plan["pendingTimeuot"] = "1h"
    plan["synchronization"] = {"semaphore": {"configMapKeyRef": {"name": "x", "key": "y"}}}
    assert len(faults(template)) == 2


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_nothing_is_left_that_argo_4_removed(file: Path) -> None:
    assert set(keys(load(file.name))).isdisjoint(REMOVED)


def test_yamllint_finds_nothing() -> None:
    if shutil.which("yamllint", path=str(Path(sys.executable).parent)) is None:
        pytest.skip("yamllint is not installed")
    command = [sys.executable, "-m", "yamllint", "--strict", "workflows", "charts", ".yamllint.yaml"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_no_key_is_merged_in(file: Path) -> None:
    """Argo reads strictly, where a key that overrides one of a merge (`<<`) counts as given twice and is refused."""
    assert "<<" not in [key.value for key in _keys(yaml.compose(file.read_text()))]


def _keys(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield from _keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            yield from _keys(entry)


def test_argo_lint() -> None:
    if shutil.which("argo") is None:
        pytest.skip("argo is not installed")
    command = ["argo", "lint", "--offline", str(FOLDER)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"KUBECONFIG": ""})
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_parameters_are_those_that_the_steps_check(template: dict[str, Any]) -> None:
    values = parameters(template["spec"])
    assert set(values) == NAMES
    check_given(json.dumps({name: value for name, value in values.items() if name != "sweep"}))


@pytest.mark.parametrize(
    ("parameter", "kind", "step", "value"),
    [
        ("cpu", CORES, "train", "training.cpu"),
        ("memory", BYTES, "train", "training.memory"),
        ("plan-memory", BYTES, "plan", "plan.memory"),
        ("aggregate-memory", BYTES, "aggregate", "aggregate.memory"),
    ],
)
def test_the_template_lets_in_whatever_amount_is_taken_before(
    template: dict[str, Any], parameter: str, kind: re.Pattern[str], step: str, value: str
) -> None:
    """Its expressions make nothing of other amounts, and Kubernetes refuses a pod whose limit is nothing."""
    section, key = value.split(".")
    units = ["", *"mkKMGTPE", "Ki", "Mi", "Gi", "Ti", "Pi"]
    taken = [f"{number}{unit}" for number in ("1", "0.5", "12.25") for unit in units if kind.fullmatch(f"1{unit}")]
    assert len(taken) >= 6
    patch = next(t["podSpecPatch"] for t in template["spec"]["templates"] if t["name"] == step)
    others = {f"workflow.parameters.{name}": text for name, text in parameters(template["spec"]).items()}
    for amount in taken:
        found = patched(patch, others | {f"workflow.parameters.{parameter}": amount})
        assert found["containers"][0]["resources"]["limits"][key] == amount
    schema = json.loads((ROOT / "charts" / "gaintrace" / "values.schema.json").read_text())
    field = schema["properties"][section]["properties"][key]
    assert field.get("anyOf", [field])[0]["pattern"] == f"^{kind.pattern}$"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tolerations": "[]\nhostNetwork: true"}, r"^parameter tolerations: not for a submitter to choose"),
        ({"epoch": "2"}, r"^parameter epoch: .*did you mean epochs\?"),
        ({"memory": "16 GB"}, r"^parameter memory='16 GB': expected a quantity"),
        ({"plan-memory": None}, r"^--parameters has no plan-memory: .*another version"),
    ],
)
def test_what_argo_submit_takes_unseen_is_refused_by_the_first_step(
    tmp_path: Path, template: dict[str, Any], given: dict[str, str | None], words: str
) -> None:
    values: dict[str, str | None] = {**parameters(template["spec"])} | given
    text = json.dumps({name: value for name, value in values.items() if value is not None and name != "sweep"})
    store = str(tmp_path / "store")
    with pytest.raises(ConfigError, match=words):
        sweep.plan("demo", None, store, None, None, "", "", str(tmp_path / "plan"), parameters=text)
    assert not (tmp_path / "store").exists() and not (tmp_path / "plan").exists()


@pytest.mark.parametrize("file", [f for f in FILES if f.stem.startswith("phase")], ids=lambda f: f.stem)
def test_a_thin_workflow_sets_only_parameters_that_there_are(file: Path, template: dict[str, Any]) -> None:
    manifest = load(file.name)
    assert manifest["spec"]["workflowTemplateRef"] == {"name": TEMPLATE}
    check(effective(manifest, template) | {"data": DATA})


def test_the_cron_workflow_can_miss_its_hour_and_never_overlaps() -> None:
    spec = load("nightly.yaml")["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["startingDeadlineSeconds"] > 0
    assert spec["workflowSpec"]["workflowTemplateRef"] == {"name": TEMPLATE}


def test_every_pod_is_restricted_bounded_and_retried(template: dict[str, Any]) -> None:
    assert template["spec"]["securityContext"]["runAsNonRoot"] is True
    assert template["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for pod in pods(template):
        context = pod["container"]["securityContext"]
        assert context == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"name": "tmp", "mountPath": "/tmp"} in pod["container"]["volumeMounts"]
        assert pod["container"]["command"] == ["gaintrace"], (
            "Argo would look the image's entry point up in its registry"
        )
        assert pod["activeDeadlineSeconds"]
        assert {"cpu", "memory", "ephemeral-storage"} <= _limits(pod)
        assert pod["retryStrategy"]["limit"] >= 4


def _limits(pod: dict[str, Any]) -> set[str]:
    """What a step's main container is limited in, by itself or by its patch."""
    patch = yaml.safe_load(pod.get("podSpecPatch", "")) or {"containers": [{"resources": {"limits": {}}}]}
    (main,) = patch["containers"]
    return set(pod["container"]["resources"]["limits"]) | set(main["resources"]["limits"])


def test_argo_s_own_containers_are_restricted_too(template: dict[str, Any]) -> None:
    patch = yaml.safe_load(template["spec"]["podSpecPatch"])
    for container in (patch["initContainers"][0], patch["containers"][0]):
        assert container["name"] in ("init", "wait")
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_the_semaphore_is_outside_the_template_that_retries(template: dict[str, Any]) -> None:
    """Argo counts the wait for a lock against a template's pendingTimeout, and releases it between attempts."""
    by_name = {t["name"]: t for t in template["spec"]["templates"]}
    for outer, inner in (("shard", "train"), ("validation", "validate")):
        assert "semaphores" in by_name[outer]["synchronization"]
        assert "synchronization" not in by_name[inner]
        assert by_name[outer]["dag"]["tasks"][0]["template"] == inner


def again(pod: dict[str, Any], status: str, code: int, message: str) -> bool:
    """Whether a step's `retryStrategy.expression` asks for another attempt."""
    text = pod["retryStrategy"]["expression"].replace("||", "or").replace("&&", "and")
    text = text.replace("!(", "not (")
    text = re.sub(r"lastRetry\.message matches ('[^']*')", r"bool(re.search(\1, message))", text)
    text = text.replace("asInt(lastRetry.exitCode)", "code").replace("lastRetry.status", "status")
    found = eval(text, {"re": re}, {"status": status, "code": code, "message": message})
    assert isinstance(found, bool)
    return found


@pytest.mark.parametrize("code", [code for code in ExitCode if code is not ExitCode.OK])
def test_retries_follow_the_contract_of_exit_codes(template: dict[str, Any], code: ExitCode) -> None:
    hopeless = code in (ExitCode.CONFIG, ExitCode.DATA, ExitCode.INCOMPLETE, ExitCode.REGRESSION, ExitCode.GIVEN_UP)
    for pod in pods(template):
        if code is ExitCode.GIVEN_UP and pod["name"] not in ("train", "validate"):
            continue  # only these are told of their attempts
        assert again(pod, "Failed", code, f"main: Error (exit code {int(code)})") is not hopeless


DEADLINE = "Pod was active on the node longer than the specified deadline"
"""What the kubelet says of a pod that it ends, also of one that never had its image. The exit code is then any."""


@pytest.mark.parametrize(
    ("status", "code", "message", "steps", "training"),
    [
        ("Error", -1, "pod deleted", True, True),
        ("Failed", -1, "The node was low on resource: memory", True, True),
        ("Failed", 143, "main: Error (exit code 143)", True, True),
        ("Failed", 137, "main: Error (exit code 137)", True, True),
        ("Failed", 137, "main: OOMKilled (exit code 137)", False, False),
        ("Error", -1, "Error applying PodSpecPatch: quantities must match the regular expression", False, False),
        ("Failed", -1, DEADLINE, False, True),
        ("Failed", 137, DEADLINE, False, True),
    ],
)
def test_what_no_attempt_can_mend_is_not_tried_again(
    template: dict[str, Any], status: str, code: int, message: str, steps: bool, training: bool
) -> None:
    for pod in pods(template):
        expected = training if pod["name"] in ("train", "validate") else steps
        assert again(pod, status, code, message) is expected, pod["name"]


def test_an_image_that_cannot_be_pulled_ends_a_workflow_within_a_quarter_of_an_hour(template: dict[str, Any]) -> None:
    """The first step's deadline and the last's, which runs however the workflow ended; neither is tried again there."""
    by_name = {t["name"]: t for t in template["spec"]["templates"]}
    for entry in ("sweep", "nightly"):
        first = by_name[by_name[entry]["dag"]["tasks"][0]["template"]]
        assert first["activeDeadlineSeconds"] + by_name["outcome"]["activeDeadlineSeconds"] < 14 * 60


def test_no_sweep_waits_behind_one_that_may_not_start_a_pod(template: dict[str, Any]) -> None:
    """Argo's semaphore serves its queue in order; a sweep at its head must be held back by nothing else."""
    values = yaml.safe_load((ROOT / "charts" / "gaintrace" / "values.yaml").read_text())
    assert template["spec"]["parallelism"] >= values["training"]["maxPods"]
    assert all("parallelism" not in t for t in template["spec"]["templates"])
    assert load("nightly.yaml")["spec"]["workflowSpec"]["priority"] > template["spec"].get("priority", 0)


@pytest.mark.parametrize("name", ["plan", "train", "aggregate", "default", "validate", "outcome"])
def test_arguments_are_ones_that_the_command_takes(template: dict[str, Any], name: str) -> None:
    """Every step's command line is run through the command's own parser."""
    pod = next(t for t in pods(template) if t["name"] == name)
    words = itertools.takewhile(lambda word: re.fullmatch("[a-z-]+", word) and word[0] != "-", pod["container"]["args"])
    command = list(words)
    arguments = pod["container"]["args"][len(command) :]
    result = subprocess.run(
        [sys.executable, "-c", "from gaintrace.cli import run; run()", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": "200"},
    )
    for argument in arguments:
        if argument.startswith("--"):
            assert re.search(rf"{re.escape(argument.split('=')[0])}\b", result.stdout), argument


def test_a_plan_hands_over_what_the_workflow_reads(tmp_path: Path, template: dict[str, Any]) -> None:
    sweep.plan("demo", "", str(tmp_path / "store"), None, 4, "1", "base.training.patience=2;", tmp_path / "plan")
    outputs = next(t for t in pods(template) if t["name"] == "plan")["outputs"]["parameters"]
    names = {Path(o["valueFrom"]["path"]).name for o in outputs}
    assert names == {path.name for path in (tmp_path / "plan").iterdir()}
    assert (tmp_path / "plan" / "shards.json").read_text() == "[0, 1]"


def test_a_plan_refuses_more_shards_than_a_workflow_holds(tmp_path: Path) -> None:
    many = f"grid={{}}; seeds={list(range(2001))}"
    with pytest.raises(
        ConfigError, match=r"2,001 runs, and at 1 a pod 2,001 pods; a workflow holds 2,000.*pod 2 or more"
    ):
        sweep.plan("demo", "", str(tmp_path / "store"), None, 1, "", many, str(tmp_path / "plan"))
    assert not (tmp_path / "store").exists()


def test_of_a_search_a_workflow_holds_the_shards_of_its_rounds() -> None:
    """Those of the rounds that one workflow gets to; a shard is of one round."""
    space = "space: {model.dropout: {low: 0, high: 0.5}}"
    many = parse_spec(f"name: s\nsearch: {{rounds: 1000, runs_per_round: 64, {space}}}", "here")
    check_shards(many, None)
    check_shards(many, 4)  # 95 rounds of 16
    with pytest.raises(ConfigError, match=r"64 runs a round, and at 2 a pod 3,040 pods.*Give a pod 4 or more"):
        check_shards(many, 2)


def test_the_last_step_hands_over_what_argo_s_ui_can_show(tmp_path: Path) -> None:
    """The copies are those that the chart names, and there even where too few runs succeeded."""
    store, outputs = str(tmp_path / "store"), tmp_path / "report"
    changes = "base.data.synthetic.students=60; grid={}; seeds=[]; base.training.epochs=1"
    sweep.plan("demo", None, store, None, None, "", changes, str(tmp_path / "plan"))
    sweep_id = (tmp_path / "plan" / "sweep-id").read_text()
    with pytest.raises(IncompleteError):
        sweep.aggregate(sweep_id, store, outputs=str(outputs))
    sweep.train_shard(sweep_id, 0, store, None, "cpu", 1, None)
    sweep.aggregate(sweep_id, store, outputs=str(outputs))
    helpers = (ROOT / "charts" / "gaintrace" / "templates" / "_helpers.tpl").read_text()
    assert {path.name for path in outputs.iterdir()} == set(re.findall(r"path: /tmp/report/([\w.]+)", helpers))
    assert "<script" not in (outputs / "report.html").read_text()
    assert (outputs / "results.csv").read_text() == (
        tmp_path / "store" / "sweeps" / sweep_id / "results.csv"
    ).read_text()


def test_a_page_without_scripts_has_all_else() -> None:
    page = '<p>one</p>\n<script type="module">\nlet a = "<p>";\n</script>\n<p>two</p><script>1</script>'
    assert without_scripts(page) == "<p>one</p>\n<p>two</p>"


SEARCH = """
name: found
base:
  data: {synthetic: {students: 40, skills: 4, mean_length: 10, seed: 3}}
  model: {d_model: 8, n_heads: 2, n_blocks: 1, d_ff: 8}
  training: {epochs: 2, batch_size: 16}
search:
  rounds: 3
  runs_per_round: 2
  space: {training.bce_loss_weight: {low: 0.1, high: 0.9}}
"""


def test_a_search_goes_round_by_round_until_a_plan_has_no_new_shards(tmp_path: Path, template: dict[str, Any]) -> None:
    """The steps of the template `search`, as Argo takes them."""
    by_name = {t["name"]: t for t in template["spec"]["templates"]}
    tasks = {task["name"]: task for name in ("search", "round") for task in by_name[name]["dag"]["tasks"]}
    assert (tasks["rounds"]["template"], tasks["next"]["template"]) == ("round", "round")
    assert tasks["aggregate"]["depends"] == "rounds.Succeeded || rounds.Failed || rounds.Errored"
    file = tmp_path / "search.yaml"
    file.write_text(SEARCH)

    def planned() -> str:
        sweep.plan(str(file), None, str(tmp_path / "store"), None, 1, "", "", str(tmp_path / "plan"))
        return (tmp_path / "plan" / "shards.json").read_text()

    trained: list[list[int]] = []
    shards, again = planned(), True
    while again:
        sweep_id = (tmp_path / "plan" / "sweep-id").read_text()
        trained.append(json.loads(shards))
        for shard in trained[-1]:
            sweep.train_shard(sweep_id, shard, str(tmp_path / "store"), device="cpu", threads=1)
        following = planned()
        condition = tasks["next"]["when"].replace("{{tasks.plan.outputs.parameters.shards}}", following)
        again = eval(condition.replace("{{inputs.parameters.shards}}", shards).replace("&&", "and"))
        shards = following
    assert trained == [[0, 1], [2, 3], [4, 5]]
    assert shards == "[]"


def test_a_grid_that_is_done_as_a_search_ends(template: dict[str, Any]) -> None:
    """Its plan has the same shards however often it is asked for."""
    task = next(t for t in template["spec"]["templates"] if t["name"] == "round")["dag"]["tasks"][-1]
    condition = task["when"].replace("{{tasks.plan.outputs.parameters.shards}}", "[0, 1]")
    assert not eval(condition.replace("{{inputs.parameters.shards}}", "[0, 1]").replace("&&", "and"))
