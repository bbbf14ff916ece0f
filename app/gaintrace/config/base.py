"""What every configuration model is made of: strictness, bounded types, a content hash, errors in words."""

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from gaintrace.errors import ConfigError, did_you_mean

Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fold = Annotated[int, Field(ge=0, le=4)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
FOLDS = 5


class Strict(BaseModel):
    """Immutable, and a misspelled key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Written(Strict):
    """What people write: a number is a number, and neither a truth value nor a text."""

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        if _takes_numbers_alone(cls, str(info.field_name)):
            for entry in value if isinstance(value, list) else [value]:
                if isinstance(entry, bool):
                    raise ValueError(f"{str(entry).lower()} is a truth value, not a number")
                if isinstance(entry, str) and _is_number(entry):
                    raise ValueError(f"{entry!r} is a text; write the number without quotes")
        return value


@cache
def _takes_numbers_alone(model: type[BaseModel], field: str) -> bool:
    kinds = set(_kinds(model.model_fields[field].annotation))
    return bool(kinds & {int, float}) and not kinds & {bool, str}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _kinds(annotation: Any) -> Iterator[Any]:
    """The types that an annotation is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)


def fields(model: type[BaseModel]) -> dict[str, type[BaseModel] | None]:
    """Every dotted path of a model: of a section with the section's model, of a value with None."""
    found: dict[str, type[BaseModel] | None] = {}
    for name, field in model.model_fields.items():
        kinds = _kinds(field.annotation)
        section = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        found[name] = section
        if section is not None:
            found |= {f"{name}.{path}": below for path, below in fields(section).items()}
    return found


def numbers_of(model: type[BaseModel], path: str) -> type[int] | type[float] | None:
    """What numbers the field of a dotted path takes, whole ones or any; None where it takes none."""
    head, _, rest = path.partition(".")
    if rest:
        section = fields(model)[head]
        assert section is not None
        return numbers_of(section, rest)
    kinds = set(_kinds(model.model_fields[head].annotation)) - {bool}
    return float if float in kinds else int if int in kinds else None


def unknown_key(path: str, model: type[BaseModel]) -> str:
    """That a model has no such path, and which one is perhaps meant: a neighbour, or the same name elsewhere."""
    section, _, key = path.rpartition(".")
    known = fields(model)
    beside = [other.rpartition(".")[2] for other in known if other.rpartition(".")[0] == section]
    elsewhere = [other for other in known if other.rpartition(".")[2] == key]
    return f"unknown key {key!r}" + did_you_mean(key, beside, elsewhere)


def as_text(argument: str) -> str:
    """What a person wrote, whatever the locale: its bytes as UTF-8. Raises ConfigError where they are not."""
    try:
        return argument.encode(errors="surrogateescape").decode()
    except UnicodeError:
        raise ConfigError(f"{argument}: not UTF-8; rename it or write it in UTF-8") from None


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


def explain(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """What a model refuses, in one line: each place and its reason; with the model, what an unknown key may mean."""
    lines = []
    for item in error.errors():
        place = ".".join(str(part) for part in item["loc"])
        text = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            key = str(item["loc"][-1])
            section, _, rest = key.partition(".")
            if model is None:
                text = f"unknown key {key!r}"
            elif "." in key and place in fields(model):
                text = f"unknown key {key!r}; only keys of the grid are dotted paths: write {section}: {{{rest}: …}}"
            else:
                text = unknown_key(place, model)
        elif item["type"].endswith(("_parsing", "_type")) and isinstance(item["input"], str | int | float):
            text += f", found {item['input']!r}"
        lines.append(f"{place}: {text}" if place else text)
    return "; ".join(lines)
