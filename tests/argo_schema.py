"""Argo's own JSON schema of its kinds, where it can be had: it is large, and Argo's, so it is not kept here."""

import functools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

ROOT = Path(__file__).parents[1]
PLACES = (
    Path(os.environ.get("GAINTRACE_ARGO_SCHEMA", "")),
    ROOT / "build" / "argo-schema.json",  # `make argo-schema`
    ROOT.parent / "shared" / "argo" / "schema.json",
)
KIND = "io.argoproj.workflow.v1alpha1."


@functools.cache
def definitions() -> dict[str, Any]:
    """The schema's types; skips the test where the schema is not."""
    path = next((place for place in PLACES if place.is_file()), None)
    if path is None:
        pytest.skip("Argo's schema is not here: `make argo-schema` fetches it, GAINTRACE_ARGO_SCHEMA says where it is")
    found: dict[str, Any] = json.loads(path.read_text())["definitions"]
    _strict(found)
    # Written as a string, though the API server takes a number as well.
    found["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]["type"] = ["string", "integer"]
    return found


def _strict(node: Any) -> None:
    """Have a type take the fields that it lists alone, as an API server does that validates strictly."""
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            node.setdefault("additionalProperties", False)
        for inner in node.values():
            _strict(inner)
    elif isinstance(node, list):
        for inner in node:
            _strict(inner)


def faults(document: dict[str, Any]) -> list[str]:
    """What Argo's schema says against a manifest of one of its kinds."""
    schema = {"$ref": f"#/definitions/{KIND}{document['kind']}", "definitions": definitions()}
    found = jsonschema.Draft7Validator(schema).iter_errors(document)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in found]


REMOVED = {"semaphore", "mutex", "schedule", "podPriority"}
"""Fields that Argo 4 removed."""


def keys(node: Any) -> Iterator[str]:
    """Every key of a document, at any depth."""
    if isinstance(node, dict):
        for key, inner in node.items():
            yield str(key)
            yield from keys(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from keys(inner)
