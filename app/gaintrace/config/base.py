"""What every configuration model is made of: strictness, bounded types, a content hash, errors in words."""

import hashlib
import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gaintrace.errors import ConfigError

Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fold = Annotated[int, Field(ge=0, le=4)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
FOLDS = 5


class Strict(BaseModel):
    """Immutable, and a misspelled key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def content_hash(value: Any) -> str:
    """16 hex digits of SHA-256 over canonical JSON (sorted keys, no spaces)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def assign(tree: dict[str, Any], keys: list[str], value: Any, path: str) -> None:
    """Put a value into nested mappings; `path` names the place in errors. Raises ConfigError."""
    for key in keys[:-1]:
        if tree.get(key) is None:
            tree[key] = {}
        tree = tree[key]
        if not isinstance(tree, dict):
            raise ConfigError(f"{path}: {key} is a value, not a section")
    tree[keys[-1]] = value


def explain(error: ValidationError) -> str:
    """What a model refuses, in one line: each place and its reason."""
    lines = []
    for item in error.errors():
        place = ".".join(str(part) for part in item["loc"])
        text = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            text = f"unknown key {item['loc'][-1]!r}"
        lines.append(f"{place}: {text}" if place else text)
    return "; ".join(lines)
