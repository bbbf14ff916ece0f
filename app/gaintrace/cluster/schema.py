"""Misspelled and misplaced fields of a Workflow: the cluster drops them without a word, so they are refused here."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from gaintrace.errors import ConfigError

PREFIX = "IoArgoprojWorkflowV1alpha1"

LATER = {
    "Artifact": {"plugin"},
    "ArtifactLocation": {"plugin"},
    "ArtifactPaths": {"plugin"},
    "ArtifactRepository": {"plugin"},
    "ContainerNode": {"restartPolicyRules"},
    "HTTPArtifact": {"saveStreamViaFile"},
    "S3Artifact": {"addressingStyle"},
    "S3ArtifactRepository": {"addressingStyle"},
    "ScriptTemplate": {"restartPolicyRules"},
    "Template": {"pendingTimeout", "podResources", "resourceClaims"},
    "UserContainer": {"restartPolicyRules"},
    "WorkflowSpec": {"executorPlugins", "podResources", "resourceClaims"},
}
"""Fields of Argo 4.1 that the package, of Argo 3.7, does not know. What is inside them is left to the cluster."""

REMOVED = {"Synchronization": {"mutex": "mutexes", "semaphore": "semaphores"}}
"""Fields that Argo 4 removed and the package still has, with what they became."""


def check_fields(manifest: dict[str, Any], source: str) -> None:
    """Hold a Workflow against the types of Argo's API. Raises ConfigError naming each field that it does not have."""
    from argo_workflows.model.io_argoproj_workflow_v1alpha1_workflow import IoArgoprojWorkflowV1alpha1Workflow

    wrong = list(_wrong(manifest, IoArgoprojWorkflowV1alpha1Workflow, ""))
    if wrong:
        raise ConfigError(f"{source}: {'; '.join(wrong)}")


def _wrong(value: Any, kind: Any, path: str) -> Iterator[str]:
    """`kind`: a model's class, or a list or mapping of one, as the argo_workflows package writes types."""
    if isinstance(kind, list):
        if not isinstance(value, list):
            yield f"{path} must be a list"
            return
        for number, entry in enumerate(value):
            yield from _wrong(entry, kind[0], f"{path}[{number}]")
    elif hasattr(kind, "attribute_map"):
        if not isinstance(value, dict):
            yield f"{path or 'the Workflow'} must be a mapping"
            return
        python_names = {field: name for name, field in kind.attribute_map.items()}
        name = kind.__name__.removeprefix(PREFIX)
        for field, inner in value.items():
            where = f"{path}.{field}" if path else str(field)
            if field in REMOVED.get(name, {}):
                yield f"{where} was removed in Argo 4; it is {REMOVED[name][field]} now, a list"
            elif field in LATER.get(name, ()):
                continue
            elif field in python_names:
                yield from _wrong(inner, kind.openapi_types[python_names[field]][0], where)
            else:
                close = get_close_matches(str(field), python_names, n=1)
                yield f"{where} is not a field there" + (f"; is {close[0]} meant?" if close else "")
