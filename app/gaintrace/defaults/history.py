"""The default configuration of a store, with where it came from and everything that was default before.

`defaults/history/<number>.yaml` is the record: of two promotions at a time one gets the number, so none is lost.
`defaults/current.yaml` is a copy of the last entry, for people and for programs that know nothing of the history.
"""

from typing import Any

import yaml
from pydantic import Field, ValidationError

from gaintrace.config import RunConfig, Strict, SweepSpec, content_hash, explain, identifying, load_spec
from gaintrace.errors import ConfigError, StoreError
from gaintrace.store import MissingObjectError, Store, layout

FALLBACK = "production"
"""The preset that is the default of a store where none was promoted."""
HEADER = "# Written by `gaintrace promote`, which keeps what was default before. The hash is over `spec`.\n"


class Provenance(Strict):
    """Where a default came from. `overruled`: objections that --force overruled; `remarks`: what was none."""

    sweep_id: str
    runs: list[str]
    swept: dict[str, Any]
    data: str
    data_hash: str
    metrics: dict[str, float]
    code_version: str
    promoted: str
    command: str
    comparison: str
    overruled: list[str]
    remarks: list[str] = Field([])
    model: str | None = Field(None, description="the run whose weights are kept with it, if any of its runs has some")


class Default(Strict):
    """A default: a sweep of one configuration, with its number in the history and the hash of its content."""

    number: int
    hash: str
    provenance: Provenance
    spec: SweepSpec

    def yaml(self) -> str:
        """The file."""
        return HEADER + to_yaml(self.model_dump(mode="json"))


def to_yaml(value: Any) -> str:
    """YAML in the order of the fields."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)


def spec_hash(spec: SweepSpec) -> str:
    """16 hex digits over all of a default but its name and description."""
    return _hash(spec.model_dump(mode="json"))


def _hash(tree: dict[str, Any]) -> str:
    values = {key: value for key, value in tree.items() if key not in ("name", "description")}
    return content_hash(values | {"base": identifying(values.get("base", {}))})


def configuration_hash(config: RunConfig) -> str:
    """One hash for a configuration, whatever its data set, fold and seed."""
    apart = {"data": {"dataset", "synthetic", "fold"}, "training": {"seed"}}
    return content_hash(identifying(config.model_dump(mode="json", exclude=apart)))


def current(store: Store) -> Default | None:
    """The default in force; None where none was promoted."""
    found = [entry for entry in (_read(store, layout.CURRENT_DEFAULT), *history(store)[-1:]) if entry is not None]
    return max(found, key=lambda entry: entry.number, default=None)


def current_spec(store: Store) -> SweepSpec:
    """The default in force as a sweep: what was promoted last, or the preset."""
    default = current(store)
    return default.spec if default else load_spec(FALLBACK)


def history(store: Store) -> list[Default]:
    """Every default there has been, the oldest first."""
    found = (_read(store, key) for key in store.keys(layout.HISTORY))
    return sorted((entry for entry in found if entry), key=lambda entry: entry.number)


def entry(store: Store, number: int) -> Default:
    """One default of the history."""
    found = _read(store, layout.default(number))
    if found is None:
        numbers = [str(e.number) for e in history(store)]
        raise ConfigError(f"{store.uri} has no default {number}; there is {', '.join(numbers) or 'none'}")
    return found


def add(store: Store, spec: SweepSpec, provenance: Provenance, after: int) -> Default | None:
    """Make a configuration the default that follows number `after`; None if another promotion was first."""
    default = Default(number=after + 1, hash=spec_hash(spec), provenance=provenance, spec=spec)
    if not store.create(layout.default(default.number), default.yaml().encode()):
        return None
    publish(store)
    return default


def publish(store: Store) -> None:
    """Bring `current.yaml` up to the last entry of the history. Whoever writes last has looked at the history last."""
    while True:
        newest = history(store)[-1:]
        there = _read(store, layout.CURRENT_DEFAULT)
        if not newest or (there is not None and there.number >= newest[0].number):
            return
        store.write(layout.CURRENT_DEFAULT, newest[0].yaml().encode())


def changes(before: SweepSpec, after: SweepSpec) -> dict[str, tuple[Any, Any]]:
    """Values that differ between two defaults, by dotted path; None where one has none."""
    old, new = (_flat(spec.model_dump(mode="json", exclude={"name", "description"})) for spec in (before, after))
    paths = [*new, *(path for path in old if path not in new)]
    return {path: (old.get(path), new.get(path)) for path in paths if old.get(path) != new.get(path)}


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in tree.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def _read(store: Store, key: str) -> Default | None:
    try:
        text = store.read(key).decode()
    except MissingObjectError:
        return None
    where = f"{store.uri}/{key}"
    mend = "Put back what `gaintrace promote` wrote, or remove the file"
    try:
        tree = yaml.safe_load(text)
        default = Default.model_validate(tree)
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        reason = explain(error) if isinstance(error, ValidationError) else error
        raise StoreError(f"{where} is no default that was promoted ({reason}). {mend}") from None
    # Over what is written, not what is read: fields that came later have their default value there.
    if default.hash != _hash(tree["spec"]):
        raise StoreError(f"{where} was altered: its content has hash {_hash(tree['spec'])}. {mend}")
    return default
