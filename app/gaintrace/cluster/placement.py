"""Where training pods are to run: does the cluster have what the template names?"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from gaintrace.cluster.api import Cluster, NotFoundError
from gaintrace.cluster.check import Check, looked, plural
from gaintrace.cluster.workflow import Object

QUEUE = "kueue.x-k8s.io/queue-name"


def placement(cluster: Cluster, template: Object, gpus: bool) -> Iterator[Check]:
    """A check for each thing that a training pod, or every pod, asks of the cluster. `gpus`: whether for GPUs, too."""
    spec = template["spec"]
    train = next(step for step in spec["templates"] if step["name"] == "train")
    patch = _patch(train)
    if gpus:
        resource = _resource(patch)
        selector = train.get("nodeSelector") or {}
        yield looked(lambda: _gpus(cluster, resource, selector))
    for value, kind, name, read in (
        ("training.priorityClassName", "PriorityClass", train.get("priorityClassName"), cluster.priority_class),
        ("training.runtimeClassName", "RuntimeClass", patch.get("runtimeClassName"), cluster.runtime_class),
        ("kueue.queueName", "LocalQueue", _queue(spec), cluster.local_queue),
    ):
        if name:
            yield looked(lambda v=value, k=kind, n=name, r=read: _there(v, k, n, r))  # type: ignore[misc]
    for secret in spec.get("imagePullSecrets") or []:
        yield looked(lambda n=secret["name"]: _there("image.pullSecrets", "Secret", n, cluster.secret_keys))  # type: ignore[misc]


def _patch(step: Object) -> Object:
    """A step's podSpecPatch without what parameters will be."""
    found: Object = yaml.safe_load(re.sub(r"\{\{.*?\}\}", "", step.get("podSpecPatch") or "")) or {}
    return found


def _resource(patch: Object) -> str:
    """What the template calls a GPU: the extended resource among its limits."""
    limits: Object = patch["containers"][0]["resources"]["limits"]
    return next(str(name) for name in limits if "/" in name)


def _queue(spec: Object) -> str | None:
    labels: dict[str, str] = (spec.get("podMetadata") or {}).get("labels") or {}
    return labels.get(QUEUE)


def _gpus(cluster: Cluster, resource: str, selector: dict[str, str]) -> Check:
    gpus = cluster.gpus(resource, selector)
    if gpus:
        total, nodes = sum(gpus.values()), len(gpus)
        what = plural(total, "GPU") if resource == "nvidia.com/gpu" else f"{total} {resource}"
        return Check("ok", f"{what} allocatable on {plural(nodes, 'node')}")
    if selector and cluster.gpus(resource, {}):
        named = ", ".join(f"{key}={value}" for key, value in selector.items())
        return Check("missing", f"no node with {resource} has the labels {named}: correct training.nodeSelector")
    return Check(
        "missing",
        f"no node offers {resource}: install NVIDIA's device plugin, correct gpu.resourceName, or train on CPUs with "
        "-p gpus=0",
    )


def _there(value: str, kind: str, name: str, read: Callable[[str], Any]) -> Check:
    try:
        read(name)
    except NotFoundError:
        return Check(
            "missing", f"{kind} {name} is not there, so pods would wait for ever: create it, or correct {value}"
        )
    return Check("ok", f"{kind} {name}")
