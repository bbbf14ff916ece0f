"""`gaintrace submit` against an API server: what is sent, and what is refused before it is."""

from pathlib import Path

import pytest

from gaintrace.cli import cluster
from gaintrace.errors import ClusterError, ConfigError
from tests.cluster.fake_api import ARGO, FakeApi

ROOT = Path(__file__).parents[2]
PHASE2 = str(ROOT / "workflows" / "phase2.yaml")
DEMO = ["sweep=demo", "data=", "gpus=0"]


def submitted(api: FakeApi) -> list[dict[str, str]]:
    """The arguments of each workflow that arrived."""
    return [
        {p["name"]: p["value"] for p in body["spec"]["arguments"]["parameters"]}
        for path, body in api.objects.items()
        if path.startswith(f"{ARGO}/workflows/")
    ]


def test_the_shipped_workflow_is_sent_with_its_parameters(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.submit(PHASE2, [*DEMO, "runs-per-pod=3"])
    assert capsys.readouterr().out.strip() == "phase2-x7k2p"
    assert submitted(api) == [{"sweep": "demo", "data": "", "gpus": "0", "runs-per-pod": "3"}]


def test_a_preset_and_a_sweep_of_ones_own_become_workflows(api: FakeApi, tmp_path: Path) -> None:
    cluster.submit("demo", [])
    own = tmp_path / "mine.yaml"
    own.write_text("name: mine\nbase:\n  data: {synthetic: {students: 50}}\ngrid:\n  training.seed: [1, 2]\n")
    cluster.submit(str(own), ["epochs=1"])
    assert submitted(api) == [{"sweep": "demo"}, {"sweep": own.read_text(), "epochs": "1"}]


def test_a_search_is_submitted_as_one(api: FakeApi, tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    search = "{rounds: 2, runs_per_round: 2, space: {model.dropout: [0.1, 0.2]}}"
    own.write_text(f"name: mine\nbase:\n  data: {{synthetic: {{students: 50}}}}\nsearch: {search}\n")
    cluster.submit(str(own), [])
    (workflow,) = [body for path, body in api.objects.items() if path.startswith(f"{ARGO}/workflows/")]
    assert workflow["spec"]["entrypoint"] == "search"


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        (["sweeps=demo"], "the template has none of that name"),
        (["gpus=2"], "0, or 1"),
        (["memory=16 gigs"], "as in 16Gi"),
        (["cpu=-1"], "a number of cores"),
        (["cpu=4Gi"], "a number of cores"),
        (["cpu=٤"], "a number of cores"),
        (["memory=500m"], "as in 16Gi"),
        (["plan-memory=8388608Ki"], "as in 16Gi"),
        (["deadline=٤"], "a whole number above zero"),
        (["runs-per-pod=0"], "a whole number above zero"),
        (["epochs=two"], "a whole number above zero"),
        (["tolerations=[]\nhostNetwork: true"], "training.tolerations in the chart's values"),
        (["env-from=[]"], "not for a submitter to choose"),
        (["memory=16Gi\n"], "as in 16Gi"),
        (['datasets=["s3://a/b", 3]'], "a list of URIs"),
        (["sweep=phase3"], "no preset of that name"),
        (["set=base.training.lr=1"], "unknown key 'lr'"),
        (["sweep=phase2", "data="], "names no data set"),
        ([f"set=seeds={list(range(2001))}"], r"pods; a workflow holds 2,000. Give a pod \d or more"),
    ],
)
def test_what_would_fail_in_a_pod_is_refused_here(api: FakeApi, parameters: list[str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        cluster.submit(PHASE2, [*DEMO, *parameters])
    assert submitted(api) == []


def test_a_missing_template_names_the_command_that_installs_it(api: FakeApi) -> None:
    del api.objects[f"{ARGO}/workflowtemplates/gaintrace-sweep"]
    with pytest.raises(ClusterError, match="helm upgrade --install gaintrace charts/gaintrace -n research"):
        cluster.submit(PHASE2, DEMO)


def test_fields_that_belong_to_the_template_are_refused(api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(Path(PHASE2).read_text() + "  parallelism: 2\n")
    with pytest.raises(ConfigError, match="parallelism cannot be set"):
        cluster.submit(str(file), DEMO)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("spec:\n", "spec:\n  ttlStrateg: {}\n", "spec.ttlStrateg is not a field there; is ttlStrategy meant"),
        ("value: phase2", "vale: phase2", r"parameters\[0\].vale is not a field there; is value meant"),
        ("    parameters:", "    parameters: {}\n    artifacts:", "spec.arguments.parameters must be a list"),
    ],
)
def test_fields_that_the_cluster_would_drop_are_refused(
    api: FakeApi, tmp_path: Path, old: str, new: str, words: str
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(Path(PHASE2).read_text().replace(old, new))
    with pytest.raises(ConfigError, match=words):
        cluster.submit(str(file), DEMO)
    assert submitted(api) == []


def test_a_template_of_somebody_else_s_is_not_checked_as_ours(api: FakeApi, tmp_path: Path) -> None:
    api.objects[f"{ARGO}/workflowtemplates/other"] = {"metadata": {"name": "other"}, "spec": {"arguments": {}}}
    file = tmp_path / "own.yaml"
    file.write_text("kind: Workflow\nmetadata: {generateName: x-}\nspec: {workflowTemplateRef: {name: other}}\n")
    with pytest.raises(ConfigError, match="it is not gaintrace-sweep of this version"):
        cluster.submit(str(file), [])


def test_other_files_are_refused_with_what_they_are(api: FakeApi, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a CronWorkflow; only a Workflow"):
        cluster.submit(str(ROOT / "workflows" / "nightly.yaml"), [])
    binary = tmp_path / "picture.png"
    binary.write_bytes(b"\x89PNG\r\n\x1a\n\0")
    with pytest.raises(ConfigError, match="cannot be read as YAML"):
        cluster.submit(str(binary), [])


def test_a_name_that_is_taken(api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "named.yaml"
    file.write_text(Path(PHASE2).read_text().replace("generateName: phase2-", "name: taken"))
    cluster.submit(str(file), DEMO)
    with pytest.raises(ClusterError, match=r'"taken" already exists.*generateName'):
        cluster.submit(str(file), DEMO)


@pytest.mark.parametrize(
    ("status", "words"), [(401, "Log in again"), (403, "rbac.submitters"), (422, "the cluster refuses it")]
)
def test_what_the_cluster_answers_is_passed_on_with_a_mend(api: FakeApi, status: int, words: str) -> None:
    api.faults[f"{ARGO}/workflows"] = [status, -1]
    with pytest.raises(ClusterError, match=words):
        cluster.submit(PHASE2, DEMO)


def test_a_cluster_that_is_gone(api: FakeApi, caplog: pytest.LogCaptureFixture) -> None:
    api.stop()
    with pytest.raises(ClusterError, match=r"does not answer \(Failed to establish a new connection: .*refused\)"):
        cluster.submit(PHASE2, DEMO)
    assert caplog.text == "", "one line is enough"


@pytest.mark.parametrize(
    "text", ["a: [b", "hello", "[]", "clusters: 3\nkind: Config\n", "contexts: [{}]\nkind: Config\n"]
)
def test_a_kubeconfig_of_another_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(file))
    with pytest.raises(ConfigError, match=r"^no access to a Kubernetes cluster: .*Set KUBECONFIG"):
        cluster.doctor()


def test_no_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="Set KUBECONFIG"):
        cluster.doctor()
