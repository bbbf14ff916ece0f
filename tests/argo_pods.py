"""The pods that Argo's controller makes of workflows/sweep.yaml, as far as our manifests shape them.

The order of things is that of workflow/controller/workflowpod.go in Argo 4.1: parameters are put into the template's
JSON, Argo adds its own containers, and podSpecPatch of the workflow and then of the template are merged in.
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

ALLOWED_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected"}
ALLOWED_VOLUMES |= {"secret"}


def substituted(value: Any, parameters: dict[str, str]) -> Any:
    """Every `{{name}}` replaced as Argo does it: in the JSON, the replacement quoted for a string."""

    def replace(match: re.Match[str]) -> str:
        name = match.group(1).strip()
        return json.dumps(parameters["workflow.failures"] if name.startswith("=") else parameters[name])[1:-1]

    return json.loads(re.sub(r"\{\{(.*?)\}\}", replace, json.dumps(value)))


def merged(old: Any, new: Any, key: str = "") -> Any:
    """Kubernetes' strategic merge, for the fields that a podSpecPatch here touches."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {name: merged(old.get(name), value, name) for name, value in new.items()}
    if isinstance(old, list) and isinstance(new, list) and key in MERGE_KEYS:
        by = MERGE_KEYS[key]
        known = {entry[by]: entry for entry in old}
        return list((known | {entry[by]: merged(known.get(entry[by]), entry) for entry in new}).values())
    return new


def pod(template: Object, name: str, site: dict[str, str], inputs: dict[str, str] | None = None) -> Object:
    """The pod of one step. `site`: values of the parameters that have none in the template; `inputs`: the step's."""
    spec = template["spec"]
    parameters = {
        f"workflow.parameters.{p['name']}": str(
            p.get("value", site.get(p["name"], p.get("valueFrom", {}).get("default")))
        )
        for p in spec["arguments"]["parameters"]
    }
    parameters |= {f"inputs.parameters.{key}": value for key, value in (inputs or {}).items()}
    parameters |= {"workflow.name": "phase2-x7k2p", "workflow.status": "Failed", "workflow.failures": '"[]"'}
    step = substituted(next(t for t in spec["templates"] if t["name"] == name), parameters)
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
    for patch in (substituted(spec["podSpecPatch"], parameters), step["podSpecPatch"]):
        found = merged(found, yaml.safe_load(patch))
    labels = spec["podMetadata"]["labels"] | step["metadata"]["labels"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": found}


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
