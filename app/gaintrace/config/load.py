"""Sweeps from where people keep them: presets, YAML files, YAML text, and overrides of single values."""

import json
import stat
from collections.abc import Container, Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gaintrace.config.base import as_text, assign, explain
from gaintrace.config.run import RunConfig
from gaintrace.config.sweep import SweepSpec
from gaintrace.config.yaml_text import read_yaml
from gaintrace.errors import ConfigError, did_you_mean


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
        text = (resources.files("gaintrace") / "presets" / f"{source}.yaml").read_text(encoding="utf-8")
        return parse_spec(text, f"preset {source}", overrides)
    return parse_spec(_file_text(source), source, overrides)


def _file_text(source: str) -> str:
    presets = preset_names()
    path = Path(source)
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):  # what a shell's <(…) gives is a pipe
            raise ConfigError(f"{source or repr(source)}: not a file; give a sweep's YAML file or a preset's name")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{source}: no such file, and no preset of that name{did_you_mean(source, presets) or '.'} "
            f"Presets: {', '.join(presets)}"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{source}: cannot be read as text: {error}") from None


def listed_overrides(epochs: str, more: str) -> list[str]:
    """Overrides out of two workflow parameters, either of which may be empty: epochs, and a list separated by `;`."""
    changes = [f"base.training.epochs={epochs.strip()}"] if epochs.strip() else []
    return changes + [change.strip() for change in more.split(";") if change.strip()]


def parse_spec(text: str, where: str, overrides: Iterable[str] = ()) -> SweepSpec:
    """A sweep from YAML text; `where` names the source in errors."""
    try:
        tree = read_yaml(text)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    if not isinstance(tree, dict):
        raise ConfigError(f"{where}: expected a mapping with `name`, `base`, `grid`, found {type(tree).__name__}")
    own, tree = tree, _on_its_preset(tree, where)
    changed = [_override(tree, as_text(override)) for override in overrides]
    try:
        spec = SweepSpec.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{where}: {explain(error, SweepSpec)}") from None
    for path, value in changed:
        _check_effect(spec, f"--set {path}", value)
    if "preset" in own and "base" in own:
        _check_effect(spec, f"{where}: base", own["base"], own)
    _check_repetitions(spec, where)
    return spec


def _check_repetitions(spec: SweepSpec, where: str) -> None:
    """Raises ConfigError where `base` asks for a seed or a fold, and `seeds` or `folds` train others alone.

    A default asks for nothing: what is on record of a sweep has every one filled in.
    """
    default = RunConfig()
    for path, own, unasked, several, key in (
        ("training.seed", spec.base.training.seed, default.training.seed, spec.seeds, "seeds"),
        ("data.fold", spec.base.data.fold, default.data.fold, spec.folds, "folds"),
    ):
        if several and own not in (unasked, *several):
            raise ConfigError(
                f"{where}: base.{path} {own} has no effect: `{key}` trains {', '.join(map(str, several))}. "
                f"Leave one of them out, or add {own} to `{key}`"
            )


def _on_its_preset(tree: dict[str, Any], where: str) -> dict[str, Any]:
    """A sweep's tree over that of the preset it names, if any: `base` value by value, other keys in place of theirs."""
    if "preset" not in tree:
        return tree
    own = {key: value for key, value in tree.items() if key != "preset"}
    name = tree["preset"]
    if name not in preset_names():
        known = preset_names()
        meant = did_you_mean(str(name), known)
        raise ConfigError(f"{where}: preset: there is no {name!r}. Presets: {', '.join(known)}{meant}")
    below = load_spec(name).model_dump(mode="json")
    return below | own | {"base": _over(below["base"], own["base"])} if "base" in own else below | own


def _over(below: Any, above: Any) -> Any:
    """Mappings key by key; of anything else what is above."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return below | {key: _over(below.get(key), value) for key, value in above.items()}


def _override(tree: dict[str, Any], override: str) -> tuple[str, Any]:
    """Put a `path=value` into a sweep's tree. Returns the path and the value."""
    path, equals, text = override.partition("=")
    path = path.strip()
    if not equals or not path:
        raise ConfigError(f"--set {override}: expected path=value, as in base.training.epochs=3")
    head, _, rest = path.partition(".")
    if head in RunConfig.model_fields:
        raise ConfigError(f"--set {override}: a sweep has no {head} of its own; write base.{override}")
    if head not in SweepSpec.model_fields:
        known = [*SweepSpec.model_fields, *(f"base.{section}" for section in RunConfig.model_fields)]
        raise ConfigError(f"--set {override}: unknown key {head!r}{did_you_mean(head, known)}")
    try:
        value = read_yaml(text)
    except ConfigError as error:
        raise ConfigError(f"--set {override}: {error}") from None
    # A key of the grid, and of a search's space, is itself a dotted path, so it is not taken apart.
    keys = ["grid", rest] if head == "grid" and rest else path.split(".")
    if path.startswith("search.space."):
        keys = ["search", "space", path.removeprefix("search.space.")]
    assign(tree, keys, value, f"--set {path}")
    return path, value


def _check_effect(spec: SweepSpec, place: str, value: Any, beside: Container[str] = ()) -> None:
    """Raises ConfigError where what was set is replaced in every run by what the sweep varies.

    `place`: the path with what to call it by; `beside`: keys of the same file, which its author knows.
    """
    axes = spec.axes()
    for own, leaf in _leaves(place, value):
        swept = own.rpartition("base.")[2]
        if own != swept and spec.search and swept in spec.search.space and "search" not in beside:
            raise ConfigError(
                f"{own}={leaf} has no effect: the search suggests {swept}. Leave it out, or its place in search.space"
            )
        if own == swept or swept not in axes:
            continue
        by = {"data.fold": "folds", "training.seed": "seeds"}.get(swept, "") if swept not in spec.grid else ""
        if (by or "grid") in beside:
            continue
        mend = f"{by or f'grid.{swept}'}=[{json.dumps(leaf)}]"
        shown = ", ".join(map(str, axes[swept]))
        raise ConfigError(
            f"{own}={leaf} has no effect: {by or 'the grid'} sets {swept} to {shown}. "
            f"To train with {leaf} alone, --set '{mend}'"
        )


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _leaves(f"{path}.{key}", below)
    else:
        yield path, value
