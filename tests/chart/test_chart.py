"""The chart, rendered by Helm: golden files, refusals, and what every pod must have whatever the values are.

`GAINTRACE_UPDATE_GOLDEN=1 pytest tests/chart` writes the golden files anew; read their diff.
"""

import copy
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from gaintrace import __version__
from tests.argo_schema import REMOVED, faults, keys
from tests.chart.cases import CASES, CHART, ROOT, documents, render, render_ahead

GOLDEN = Path(__file__).parent / "golden"

pytestmark = pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not installed")


@pytest.mark.parametrize("case", CASES)
def test_rendering_is_as_recorded(rendered: dict[str, str], case: str) -> None:
    file = GOLDEN / f"{case}.yaml"
    # The objects' order is Helm's affair. Those made of other files are compared with these elsewhere.
    found = {_key(d): d for d in documents(rendered[case]) if not _copied(d)}
    text = yaml.safe_dump([found[key] for key in sorted(found)], sort_keys=True, width=110)
    if os.environ.get("GAINTRACE_UPDATE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


def _copied(document: dict[str, Any]) -> bool:
    kinds = ("WorkflowTemplate", "PrometheusRule")
    return document["kind"] in kinds or "grafana_dashboard" in document["metadata"]["labels"]


def _key(document: dict[str, Any]) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


@pytest.mark.parametrize("case", CASES)
def test_every_object_is_valid_kubernetes(rendered: dict[str, str], case: str) -> None:
    checked = 0
    for document in documents(rendered[case]):
        if "argoproj.io" in document["apiVersion"] or "monitoring.coreos.com" in document["apiVersion"]:
            continue
        kubernetes_validate.validate(document, "1.33", strict=True)
        checked += 1
    assert checked >= 8


ARGO = ("WorkflowTemplate", "CronWorkflow")


@pytest.mark.parametrize("case", CASES)
def test_every_workflow_is_valid_by_argo_s_own_schema(rendered: dict[str, str], case: str) -> None:
    for document in documents(rendered[case]):
        if document["kind"] in ARGO:
            assert faults(document) == []


@pytest.mark.parametrize("case", CASES)
def test_no_workflow_has_what_argo_4_removed(rendered: dict[str, str], case: str) -> None:
    workflows = [d for d in documents(rendered[case]) if d["kind"] in ARGO]
    assert len(workflows) == 2
    assert set(keys(workflows)).isdisjoint(REMOVED)


@pytest.mark.parametrize("case", CASES)
def test_nothing_of_a_workflow_is_read_again_while_it_runs(rendered: dict[str, str], case: str) -> None:
    """Argo copies the template into each workflow, but reads a ConfigMap that it refers to at every step."""
    for document in documents(rendered[case]):
        if document["kind"] in ARGO:
            spec = copy.deepcopy(document["spec"])
            semaphores = [t.pop("synchronization", None) for t in spec.get("templates", [])]
            assert "configMapKeyRef" not in json.dumps(spec)
            assert len([s for s in semaphores if s]) == 2 * (document["kind"] == "WorkflowTemplate")
    template = next(d for d in documents(rendered[case]) if d["kind"] == "WorkflowTemplate")
    assert all(isinstance(p["value"], str) for p in template["spec"]["arguments"]["parameters"])


def test_the_installed_workflows_are_the_files(rendered: dict[str, str]) -> None:
    """With the values' own defaults the chart adds where the store is and where GPUs are, and changes nothing."""
    found = {_key(d): d for d in documents(rendered["defaults"])}
    cron = yaml.safe_load((ROOT / "workflows" / "nightly.yaml").read_text())
    installed = found["CronWorkflow/gaintrace-nightly"]["spec"]
    assert {name: installed[name] for name in cron["spec"]} == cron["spec"]
    source = yaml.safe_load((ROOT / "workflows" / "sweep.yaml").read_text())
    assert source["metadata"]["labels"]["app.kubernetes.io/version"] == __version__
    template = found["WorkflowTemplate/gaintrace-sweep"]["spec"]
    assert template["volumes"].pop() == {"name": "store", "persistentVolumeClaim": {"claimName": "gaintrace-store"}}
    for step in template["templates"]:
        if "container" in step:
            assert step["container"]["volumeMounts"].pop() == {"name": "store", "mountPath": "/store"}
            assert step["container"].pop("imagePullPolicy") == "IfNotPresent"
        if step["name"] in ("train", "validate"):
            args = step["container"]["args"]
            args.insert(args.index("--log") if "--log" in args else len(args), args.pop())
            assert step.pop("tolerations") == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert template == source["spec"]


def test_the_chart_is_of_the_package_s_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_nightly_sleeps_until_it_has_data_sets(rendered: dict[str, str]) -> None:
    suspended = {
        case: next(d for d in documents(rendered[case]) if d["kind"] == "CronWorkflow")["spec"]["suspend"]
        for case in ("defaults", "everything")
    }
    assert suspended == {"defaults": True, "everything": False}


NONSENSE: list[tuple[dict[str, Any], str]] = [
    ({"imgae": {}}, "imgae"),
    ({"image": {"tagg": "x"}}, "tagg"),
    ({"image": {"digest": "latest"}}, "/image/digest"),
    ({"training": {"gpus": 2}}, "/training/gpus"),
    ({"gpu": {"hourlyPrice": "2 EUR"}}, "/gpu/hourlyPrice"),
    ({"training": {"memory": "16 GB"}}, "/training/memory"),
    ({"store": {"uri": "http://x"}}, "/store/uri"),
    ({"nightly": {"schedule": "nightly"}}, "/nightly/schedule"),
    ({"nightly": {"datasets": ["assist2015"]}}, "/nightly/datasets/0"),
    ({"metrics": {"podMonitor": {"enabled": "yes"}}}, "/metrics/podMonitor/enabled"),
    ({"rbac": {"submitters": [{"name": "me"}]}}, "kind"),
    ({"image": {"repository": ""}}, "image.repository is not set"),
    ({"store": {"uri": "file:///data"}}, "file:///data is not below store.persistence.mountPath, /store"),
    ({"store": {"uri": "file:///stores"}}, "not below"),
]


@pytest.fixture(scope="module")
def refusals() -> None:
    render_ahead(*(values for values, _ in NONSENSE))


@pytest.mark.usefixtures("refusals")
@pytest.mark.parametrize(("values", "words"), NONSENSE)
def test_values_that_mean_nothing_are_refused(values: dict[str, Any], words: str) -> None:
    result = render(values)
    assert result.returncode != 0
    assert words in result.stderr


def test_unknown_keys_are_refused_at_every_level() -> None:
    """Whatever section the schema knows, it knows all its keys; Kubernetes' own objects are left to the API server."""

    def sections(schema: dict[str, Any], values: Any, path: str) -> Iterator[str]:
        if isinstance(values, dict) and values:
            if schema.get("additionalProperties") is not False or schema["properties"].keys() - values.keys() - {
                "global"
            }:
                yield path
            for name, value in values.items():
                yield from sections(schema["properties"].get(name, {}), value, f"{path}.{name}")

    schema = json.loads((CHART / "values.schema.json").read_text())
    assert list(sections(schema, yaml.safe_load((CHART / "values.yaml").read_text()), "values")) == []


def test_every_value_is_commented_or_speaks_for_itself() -> None:
    """A section without a comment above or inside it is one that its reader must guess at."""
    blocks = (CHART / "values.yaml").read_text().split("\n\n")
    assert all("#" in block for block in blocks), [block for block in blocks if "#" not in block]


def test_no_value_stands_twice() -> None:
    """YAML and JSON would take the last one, and say nothing."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        assert len(set(names)) == len(names), f"twice: {sorted({name for name in names if names.count(name) > 1})}"
        return dict(pairs)

    json.loads((CHART / "values.schema.json").read_text(), object_pairs_hook=once)

    def walk(node: yaml.Node) -> None:
        if isinstance(node, yaml.MappingNode):
            once([(key.value, None) for key, _ in node.value])
            for _, value in node.value:
                walk(value)

    walk(yaml.compose((CHART / "values.yaml").read_text()))
