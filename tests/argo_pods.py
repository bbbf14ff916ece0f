"""The pods that Argo's controller makes of workflows/sweep.yaml, as far as our manifests shape them.

The order of things is that of workflow/controller/workflowpod.go in Argo 4.1: parameters are put into the template's
JSON, Argo adds its own containers, and podSpecPatch of the workflow and then of the template are merged in, each after
parameters were put into its text, into the template's for the second time.
"""

import json
import re
from typing import Any

import yaml

Object = dict[str, Any]
MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "ports": "containerPort",
}
MERGE_KEYS |= {"volumeMounts": "mountPath"}
"""Lists that Kubernetes merges by a key; it replaces the others (tolerations, envFrom) whole."""

OF_A_TEMPLATE = ("nodeSelector", "tolerations", "affinity", "schedulerName", "priorityClassName")
"""Fields of a template that become the pod's."""

ALLOWED_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected"}
ALLOWED_VOLUMES |= {"secret"}


def substituted(value: Any, parameters: dict[str, str]) -> Any:
    """Every `{{name}}` and `{{=expression}}` replaced as Argo does it: in the JSON, quoted for a string in it."""

    def replace(match: re.Match[str]) -> str:
        name = match.group(1).strip()
        found = expression(name[1:], parameters) if name.startswith("=") else parameters.get(name, match.group(0))
        return json.dumps(found)[1:-1]

    return json.loads(re.sub(r"\{\{(.*?)\}\}", replace, json.dumps(value)))


def expression(text: str, parameters: dict[str, str]) -> str:
    """The expressions that our templates hold; another one fails the test."""
    prefix = "workflow.parameters."
    if text == "sprig.trunc(60000, workflow.failures)":
        return parameters["workflow.failures"][:60000]
    if text == "toJson(sprig.omit(workflow.parameters, 'json', 'sweep'))":
        return json.dumps(
            {k.removeprefix(prefix): v for k, v in parameters.items() if k.startswith(prefix) and k != f"{prefix}sweep"}
        )
    find = re.fullmatch(r"sprig\.regexFind\('\^(.+)\$', workflow\.parameters(?:\.(\w+)|\['([\w-]+)'\])\)", text)
    assert find is not None, text
    value = parameters[prefix + (find.group(2) or find.group(3))]
    return value if re.fullmatch(find.group(1), value) else ""


def patched(text: str, parameters: dict[str, str]) -> Object:
    """A podSpecPatch as Argo reads it: text that parameters are put into twice, and only then YAML."""
    found: Object = yaml.safe_load(substituted(substituted(text, parameters), parameters))
    return found


def merged(old: Any, new: Any, key: str = "") -> Any:
    """Kubernetes' strategic merge, for the fields that a podSpecPatch here touches."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {name: merged(old.get(name), value, name) for name, value in new.items()}
    if isinstance(old, list) and isinstance(new, list) and key in MERGE_KEYS:
        by = MERGE_KEYS[key]
        known = {entry[by]: entry for entry in old}
        return list((known | {entry[by]: merged(known.get(entry[by]), entry) for entry in new}).values())
    return new


def pod(template: Object, name: str, inputs: dict[str, str] | None = None, **given: str) -> Object:
    """The pod of one step. `inputs`: the step's; `given`: the submitter's parameters, with `_` for `-`."""
    spec = template["spec"]
    values = {p["name"]: p["value"] for p in spec["arguments"]["parameters"]}
    values |= {key.replace("_", "-"): value for key, value in given.items()}
    parameters = {f"workflow.parameters.{name}": value for name, value in values.items()}
    parameters |= {f"inputs.parameters.{key}": value for key, value in (inputs or {}).items()}
    parameters |= {"workflow.name": "phase2-x7k2p", "workflow.status": "Failed", "workflow.failures": '"[]"'}
    parameters |= {"workflow.mainEntrypoint": "sweep", "retries": "0", "lastRetry.exitCode": "0"}
    step = next(t for t in spec["templates"] if t["name"] == name)
    patches = [spec["podSpecPatch"], step.get("podSpecPatch", "")]
    step = substituted({key: value for key, value in step.items() if key != "podSpecPatch"}, parameters)
    mounted = {mount["name"] for mount in step["container"]["volumeMounts"]}
    own = {"image": "argoexec", "volumeMounts": [{"name": "var-run-argo", "mountPath": "/var/run/argo"}]}
    found = {
        "restartPolicy": "Never",
        "serviceAccountName": spec["serviceAccountName"],
        "automountServiceAccountToken": spec["automountServiceAccountToken"],
        "activeDeadlineSeconds": int(step["activeDeadlineSeconds"]),
        "securityContext": spec["securityContext"],
        "initContainers": [{"name": "init"} | own],
        "containers": [{"name": "wait"} | own, {"name": "main"} | step["container"]],
        "volumes": [volume for volume in spec["volumes"] if volume["name"] in mounted]
        + [{"name": "var-run-argo", "emptyDir": {}}],
    }
    found |= {field: step[field] for field in OF_A_TEMPLATE if field in step}
    if "imagePullSecrets" in spec:
        found["imagePullSecrets"] = spec["imagePullSecrets"]
    for patch in patches:
        found = merged(found, patched(patch, parameters) or {})
    metadata = spec["podMetadata"]
    labels = metadata["labels"] | step["metadata"]["labels"]
    annotations = metadata.get("annotations", {})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "spec": found,
    }


def violations(found: Object) -> list[str]:
    """What the pod security level `restricted` would say of a pod."""
    spec = found["spec"]
    context = spec.get("securityContext") or {}
    said = []
    if context.get("runAsNonRoot") is not True or context.get("runAsUser") == 0:
        said.append("must run as non-root")
    if (context.get("seccompProfile") or {}).get("type") not in ("RuntimeDefault", "Localhost"):
        said.append("must set a seccomp profile")
    said += [f"{name}: not allowed" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    for volume in spec.get("volumes", []):
        said += [f"volume {volume['name']}: {kind}" for kind in volume.keys() - {"name"} - ALLOWED_VOLUMES]
    for container in spec.get("initContainers", []) + spec["containers"]:
        own = container.get("securityContext") or {}
        if own.get("allowPrivilegeEscalation") is not False:
            said.append(f"{container['name']}: must set allowPrivilegeEscalation=false")
        if (own.get("capabilities") or {}).get("drop") != ["ALL"]:
            said.append(f"{container['name']}: must drop ALL")
        if own.get("readOnlyRootFilesystem") is not True:
            said.append(f"{container['name']}: must have a read-only root")
    return said
