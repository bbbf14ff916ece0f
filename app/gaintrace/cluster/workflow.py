"""Making a Workflow out of what a user names, and refusing here what would fail there."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from gaintrace.cluster.schema import check_fields
from gaintrace.config import listed_overrides, load_spec, preset_names
from gaintrace.errors import ConfigError, did_you_mean

Object = dict[str, Any]
"""A Kubernetes object as parsed YAML or JSON."""

TEMPLATE = "gaintrace-sweep"
PARAMETERS = "gaintrace-parameters"
SEMAPHORE = "gaintrace-semaphore"

QUANTITY = re.compile(r"^\d+(\.\d+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$")
"""What we take as an amount of cores or memory; Kubernetes knows rarer forms."""

OBJECTS = ("tolerations", "env", "env-from", "volumes", "volume-mounts")
WHOLE_NUMBERS = ("runs-per-pod", "deadline", "epochs")
CHECKED = {"sweep", "data", "set", "datasets", "gpus", "cpu", "memory", "node-selector", *OBJECTS, *WHOLE_NUMBERS}
"""Parameters whose values are checked before they are sent."""

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
        return _of_sweep(source, source)
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
        return _of_sweep(load_spec(source).name, text if "\n" in text else text + "\n")
    if kind != "Workflow":
        raise ConfigError(f"{source}: a {kind}; only a Workflow can be submitted. The chart installs the others")
    if not isinstance(spec.get("spec"), dict):
        raise ConfigError(f"{source}: the Workflow has no spec")
    check_fields(spec, source)
    return spec


def _of_sweep(name: str, text: str) -> Object:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"{name}-"},
        "spec": {
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


def effective(manifest: Object, template: Object, site: dict[str, str]) -> dict[str, str]:
    """Every parameter's value as the controller will see it. Raises ConfigError for what it would not take.

    `site`: the values of the parameters' ConfigMap.
    """
    unknown = sorted(set(manifest["spec"]) - SUBMITTABLE)
    if unknown:
        raise ConfigError(f"spec: {', '.join(unknown)} cannot be set by a Workflow that refers to a template")
    declared = {p["name"]: p for p in template["spec"].get("arguments", {}).get("parameters", [])}
    given = {p["name"]: _value(p["name"], p, site) for p in manifest["spec"].get("arguments", {}).get("parameters", [])}
    strangers = sorted(set(given) - set(declared))
    if strangers:
        meant = did_you_mean(strangers[0], declared) or "."
        raise ConfigError(
            f"parameter {', '.join(strangers)}: the template has none of that name{meant} It has {', '.join(declared)}"
        )
    values = {name: _value(name, parameter, site) for name, parameter in declared.items() if name not in given}
    return values | given


def _value(name: str, parameter: Object, site: dict[str, str]) -> str:
    if "value" in parameter:
        return str(parameter["value"])
    source = parameter.get("valueFrom", {})
    key = source.get("configMapKeyRef", {}).get("key")
    if key in site:
        return site[key]
    if "default" in source:
        return str(source["default"])
    raise ConfigError(f"parameter {name} has no value: ConfigMap {PARAMETERS} has no key {key}. Upgrade the release")


def check(values: dict[str, str]) -> None:
    """Refuse values that a pod would fail on. Raises ConfigError naming the parameter and what it may be."""
    absent = sorted(CHECKED - values.keys())
    if absent:
        raise ConfigError(
            f"the template has no parameter {', '.join(absent)}, so it is not {TEMPLATE} of this version. "
            "Upgrade the release, or submit with `argo submit`"
        )
    _check(values, "gpus", values["gpus"] in ("0", "1"), "0, or 1: a training pod uses one GPU, more pods use more")
    _check(values, "cpu", bool(QUANTITY.match(values["cpu"])), "a number of cores, as in 4 or 500m")
    _check(values, "memory", bool(QUANTITY.match(values["memory"])), "a quantity of memory, as in 16Gi")
    for name in WHOLE_NUMBERS:
        text = values[name]
        whole = text.isdecimal() and int(text) > 0
        _check(values, name, whole or (name == "epochs" and not text), "a whole number above zero")
    for name in OBJECTS:
        found = _json(values[name])
        objects = isinstance(found, list) and all(isinstance(entry, dict) for entry in found)
        _check(values, name, objects, "JSON, a list of objects as in a pod's manifest")
    datasets = _json(values["datasets"])
    uris = isinstance(datasets, list) and all(isinstance(entry, str) and entry for entry in datasets)
    _check(values, "datasets", uris, "JSON, a list of URIs")
    _check(values, "node-selector", isinstance(_json(values["node-selector"]), dict), "JSON, labels and their values")
    changes = listed_overrides(values["epochs"], values["set"])
    if values["data"]:
        changes += ["base.data.synthetic=null", f"base.data.dataset={json.dumps(values['data'])}"]
    spec = load_spec(values["sweep"], changes)
    if spec.base.data.dataset is None and spec.base.data.synthetic is None:
        raise ConfigError(
            f"sweep {spec.name} names no data set. Pass -p data=URI of a prepared one, or set data.uri in the chart; "
            "to try things out, -p sweep=demo trains on simulated students"
        )


def _check(values: dict[str, str], name: str, sound: bool, expected: str) -> None:
    if not sound:
        raise ConfigError(f"parameter {name}={values[name]!r}: expected {expected}")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
