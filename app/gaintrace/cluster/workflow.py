"""Making a Workflow out of what a user names, and refusing here what would fail there."""

import json
from pathlib import Path
from typing import Any

import yaml

from gaintrace.cluster.parameters import NAMES, check_names, check_values
from gaintrace.cluster.schema import check_fields
from gaintrace.config import SweepSpec, listed_overrides, load_spec, preset_names
from gaintrace.errors import ConfigError, did_you_mean
from gaintrace.sweeps.plan import check_shards

Object = dict[str, Any]
"""A Kubernetes object as parsed YAML or JSON."""

TEMPLATE = "gaintrace-sweep"
SEARCH = "search"
"""Of its templates the one that does a search, round by round."""
SEMAPHORE = "gaintrace-semaphore"

SUBMITTABLE = {
    "arguments",
    "activeDeadlineSeconds",
    "entrypoint",
    "metrics",
    "podGC",
    "priority",
    "suspend",
    "ttlStrategy",
    "workflowMetadata",
    "workflowTemplateRef",
}
"""Fields of a Workflow's spec that a controller with strict template referencing takes from a submitter."""


def workflow_for(source: str, parameters: list[str]) -> Object:
    """The Workflow that a preset's name, a sweep's YAML file or a Workflow's file means, with `name=value` set."""
    manifest = _manifest(source)
    arguments = manifest["spec"].setdefault("arguments", {}).setdefault("parameters", [])
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        if not equals or not name:
            raise ConfigError(f"-p {parameter}: expected name=value, as in -p epochs=2")
        arguments[:] = [argument for argument in arguments if argument.get("name") != name]
        arguments.append({"name": name, "value": value})
    return manifest


def _manifest(source: str) -> Object:
    if source in preset_names():
        return _of_sweep(load_spec(source), source)
    path = Path(source)
    spec: Any = None
    try:
        text = path.read_text(encoding="utf-8")
        spec = yaml.safe_load(text)
    except FileNotFoundError:
        raise ConfigError(
            f"{source}: no such file, and no preset of that name{did_you_mean(source, preset_names()) or '.'} "
            f"Presets: {', '.join(preset_names())}"
        ) from None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(f"{source}: cannot be read as YAML: {error}") from None
    if not isinstance(spec, dict):
        raise ConfigError(f"{source}: expected a Workflow or a sweep, found {type(spec).__name__}")
    kind = spec.get("kind")
    if kind is None:
        return _of_sweep(load_spec(source), text if "\n" in text else text + "\n")
    if kind != "Workflow":
        raise ConfigError(f"{source}: a {kind}; only a Workflow can be submitted. The chart installs the others")
    if not isinstance(spec.get("spec"), dict):
        raise ConfigError(f"{source}: the Workflow has no spec")
    check_fields(spec, source)
    return spec


def _of_sweep(spec: SweepSpec, text: str) -> Object:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"{spec.name}-"},
        "spec": {
            **({"entrypoint": SEARCH} if spec.search else {}),
            "workflowTemplateRef": {"name": TEMPLATE},
            "arguments": {"parameters": [{"name": "sweep", "value": text}]},
        },
    }


def template_name(manifest: Object) -> str:
    """The WorkflowTemplate that a Workflow refers to."""
    name = (manifest["spec"].get("workflowTemplateRef") or {}).get("name")
    if not name:
        raise ConfigError(f"the Workflow refers to no template; spec.workflowTemplateRef.name should be {TEMPLATE}")
    return str(name)


def effective(manifest: Object, template: Object) -> dict[str, str]:
    """Every parameter's value as the controller will see it. Raises ConfigError for what it would not take."""
    unknown = sorted(set(manifest["spec"]) - SUBMITTABLE)
    if unknown:
        raise ConfigError(f"spec: {', '.join(unknown)} cannot be set by a Workflow that refers to a template")
    declared, given = parameters(template["spec"]), parameters(manifest["spec"])
    check_names(given, declared)
    return declared | given


def parameters(spec: Object) -> dict[str, str]:
    """The parameters of a Workflow's or a template's spec that have a value."""
    return {p["name"]: str(p.get("value", "")) for p in (spec.get("arguments") or {}).get("parameters") or []}


def check(values: dict[str, str]) -> None:
    """Refuse what the workflow's first step would refuse. Raises ConfigError naming the parameter."""
    absent = sorted(NAMES - values.keys())
    if absent:
        raise ConfigError(
            f"the template has no parameter {', '.join(absent)}, so it is not {TEMPLATE} of this version. "
            "Upgrade the release, or submit with `argo submit`"
        )
    check_values(values)
    changes = listed_overrides(values["epochs"], values["set"])
    if values["data"]:
        changes += ["base.data.synthetic=null", f"base.data.dataset={json.dumps(values['data'])}"]
    spec = load_spec(values["sweep"], changes)
    if spec.base.data.dataset is None and spec.base.data.synthetic is None:
        raise ConfigError(
            f"sweep {spec.name} names no data set. Pass -p data=URI of a prepared one, or set data.uri in the chart; "
            "to try things out, -p sweep=demo trains on simulated students"
        )
    check_shards(spec, int(values["runs-per-pod"]))
