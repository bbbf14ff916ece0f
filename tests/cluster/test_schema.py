"""Fields of a Workflow that `gaintrace submit` refuses are those that Argo 4.1 does not have."""

from typing import Any

import pytest
from argo_workflows.model.io_argoproj_workflow_v1alpha1_workflow import IoArgoprojWorkflowV1alpha1Workflow

from gaintrace.cluster.schema import LATER, PREFIX, REMOVED, check_fields
from gaintrace.errors import ConfigError
from tests.argo_schema import KIND, definitions


def manifest(**template: Any) -> dict[str, Any]:
    return {"kind": "Workflow", "spec": {"templates": [{"name": "a"} | template]}}


def test_what_argo_4_removed_is_refused_with_what_it_became() -> None:
    with pytest.raises(
        ConfigError, match=r"synchronization\.semaphore was removed in Argo 4; it is semaphores now, a list"
    ):
        check_fields(manifest(synchronization={"semaphore": {}}), "own.yaml")
    check_fields(manifest(synchronization={"semaphores": [{"configMapKeyRef": {"name": "x", "key": "y"}}]}), "own.yaml")


def test_what_argo_4_added_is_taken() -> None:
    check_fields(manifest(pendingTimeout="1h"), "own.yaml")
    with pytest.raises(ConfigError, match="pendingTimeuot is not a field there"):
        check_fields(manifest(pendingTimeuot="1h"), "own.yaml")


def package_types(kind: Any, found: dict[str, set[str]]) -> None:
    """The types that a type of the package leads to, and their fields."""
    if isinstance(kind, list):
        package_types(kind[0], found)
    elif isinstance(kind, dict):
        for inner in kind.values():
            package_types(inner, found)
    elif hasattr(kind, "attribute_map") and kind.__name__ not in found:
        found[kind.__name__] = set(kind.attribute_map.values())
        for types in kind.openapi_types.values():
            package_types(types[0], found)


def test_the_differences_are_those_of_the_two_versions() -> None:
    types: dict[str, set[str]] = {}
    package_types(IoArgoprojWorkflowV1alpha1Workflow, types)
    fields = {
        name.removeprefix(KIND): set(definition.get("properties", {}))
        for name, definition in definitions().items()
        if name.startswith(KIND)
    }
    later, removed = {}, {}
    for name, known in types.items():
        if name.startswith(PREFIX):
            now = fields[name.removeprefix(PREFIX)]
            later[name.removeprefix(PREFIX)] = now - known
            removed[name.removeprefix(PREFIX)] = known - now
    assert {name: new for name, new in later.items() if new} == LATER
    assert {name: old for name, old in removed.items() if old} == {name: set(old) for name, old in REMOVED.items()}
