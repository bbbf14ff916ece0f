"""Sweeps from where people keep them: presets, YAML files, YAML text, and overrides of single values."""

from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gaintrace.config.base import assign, explain
from gaintrace.config.sweep import SweepSpec
from gaintrace.errors import ConfigError


def preset_names() -> list[str]:
    """Names of the sweeps that ship with the package."""
    folder = resources.files("gaintrace") / "presets"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_spec(source: str, overrides: Iterable[str] = ()) -> SweepSpec:
    """A preset by name, a YAML file by path, or YAML itself (text of several lines), with overrides applied.

    These are `path=value`: dotted paths of `SweepSpec`, values in YAML. Raises ConfigError with place and reason.
    """
    if "\n" in source:
        return parse_spec(source, "the sweep's text", overrides)
    if source in preset_names():
        text = (resources.files("gaintrace") / "presets" / f"{source}.yaml").read_text()
        where = f"preset {source}"
    else:
        path = Path(source)
        if not path.is_file():
            raise ConfigError(
                f"{source}: no such file, and no preset of that name. Presets: {', '.join(preset_names())}"
            )
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{source}: cannot be read as text: {error}") from None
        where = source
    return parse_spec(text, where, overrides)


def listed_overrides(epochs: str, more: str) -> list[str]:
    """Overrides out of two workflow parameters, either of which may be empty: epochs, and a list separated by `;`."""
    changes = [f"base.training.epochs={epochs.strip()}"] if epochs.strip() else []
    return changes + [change.strip() for change in more.split(";") if change.strip()]


def parse_spec(text: str, where: str, overrides: Iterable[str] = ()) -> SweepSpec:
    """A sweep from YAML text; `where` names the source in errors."""
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{where}: not YAML: {_fault(error)}") from None
    if not isinstance(tree, dict):
        raise ConfigError(f"{where}: expected a mapping with `name`, `base`, `grid`, found {type(tree).__name__}")
    tree = _on_its_preset(tree, where)
    for override in overrides:
        _override(tree, override)
    try:
        return SweepSpec.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{where}: {explain(error)}") from None


def _on_its_preset(tree: dict[str, Any], where: str) -> dict[str, Any]:
    """A sweep's tree over that of the preset it names, if any: `base` value by value, other keys in place of theirs."""
    if "preset" not in tree:
        return tree
    own = {key: value for key, value in tree.items() if key != "preset"}
    name = tree["preset"]
    if name not in preset_names():
        raise ConfigError(f"{where}: preset: there is no {name!r}. Presets: {', '.join(preset_names())}")
    below = load_spec(name).model_dump(mode="json")
    return below | own | {"base": _over(below["base"], own["base"])} if "base" in own else below | own


def _over(below: Any, above: Any) -> Any:
    """Mappings key by key; of anything else what is above."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return below | {key: _over(below.get(key), value) for key, value in above.items()}


def _override(tree: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    if not equals or not path:
        raise ConfigError(f"--set {override}: expected path=value, as in base.training.epochs=3")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override}: the value is not YAML: {_fault(error)}") from None
    head, _, rest = path.partition(".")
    # A grid key is itself a dotted path, so it is not taken apart.
    assign(tree, ["grid", rest] if head == "grid" and rest else path.split("."), value, f"--set {path}")


def _fault(error: yaml.YAMLError) -> str:
    """Where and why reading stopped, in a line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} in line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
    return str(error).splitlines()[0]
