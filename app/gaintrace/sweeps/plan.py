"""The plan of a sweep: every run with its complete configuration and identity, grouped into shards."""

import json
import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from gaintrace.config import RunConfig, Strict, SweepSpec, content_hash, explain, identifying
from gaintrace.errors import ConfigError, StoreError, did_you_mean
from gaintrace.identity import code_version, population_key, run_id
from gaintrace.store import FolderStore, MissingObjectError, Store, layout

WRITTEN_AT_A_TIME = 16
"""Plans of shards written at a time: a store answers slowly, not rarely."""


MOST_SHARDS = 2000
"""Of a workflow: Argo keeps the state of all its steps in one object, which has to stay under 1 MiB compressed."""
MOST_ROUNDS = 95
"""Of a workflow, about: Argo lets templates call themselves 100 deep. The next workflow does those that follow."""


class DataReference(Strict):
    """The data set a sweep was planned on. `uri` is None for simulated students."""

    uri: str | None
    name: str
    hash: str


class PlannedRun(Strict):
    """One run of a sweep. `round`: of a search, the one that suggested it, from 0."""

    run_id: str
    index: int
    shard: int
    swept: dict[str, Any]
    config: RunConfig
    config_hash: str
    round: int | None = Field(None, exclude_if=lambda number: number is None)


class Round(Strict):
    """rounds/<number>.json: what a search suggested in a round. Put once: of several that plan it, the first counts."""

    number: int
    runs: list[PlannedRun]


class Plan(Strict):
    """plan.json; of a search without its runs, which are in its rounds, as far as they are planned."""

    sweep_id: str
    spec: SweepSpec
    data: DataReference
    code_version: str
    runs: list[PlannedRun]

    @cached_property
    def by_shard(self) -> dict[int, list[PlannedRun]]:
        """The runs of each shard."""
        found: dict[int, list[PlannedRun]] = {}
        for run in self.runs:
            found.setdefault(run.shard, []).append(run)
        return found

    @property
    def shards(self) -> int:
        """Number of shards."""
        return 1 + max(self.by_shard, default=-1)

    @property
    def rounds(self) -> int:
        """Rounds of its search that are planned."""
        return 1 + max((run.round for run in self.runs if run.round is not None), default=-1)

    def with_runs(self, runs: list[PlannedRun]) -> "Plan":
        """The same plan with other runs. A copy would keep what is remembered of its own."""
        return Plan.model_construct(**{name: getattr(self, name) for name in Plan.model_fields} | {"runs": runs})

    def shard(self, number: int) -> list[PlannedRun]:
        """The runs of one shard."""
        if number not in self.by_shard:
            raise ConfigError(f"sweep {self.sweep_id} has no shard {number}; its shards are 0 to {self.shards - 1}")
        return self.by_shard[number]


def make_plan(spec: SweepSpec, data: DataReference, runs_per_shard: int | None = None) -> Plan:
    """Expand a sweep; of a search, all but its runs. `runs_per_shard`: at most so many a shard; None puts all into one.

    The sweep's id comes from what is to be computed alone, so planning the same sweep again finds what is there.
    """
    runs = [] if spec.search else planned_runs(list(spec.runs()), data.hash, runs_per_shard)
    values = spec.model_dump(mode="json", exclude={"base": {"data": {"dataset"}}})
    identity = [values | {"base": identifying(values["base"])}, data.hash, code_version()]
    sweep_id = f"{spec.name}-{content_hash(identity)[:8]}"
    return Plan(sweep_id=sweep_id, spec=spec, data=data, code_version=code_version(), runs=runs)


def planned_runs(
    swept: list[tuple[dict[str, Any], RunConfig]],
    data_hash: str,
    runs_per_shard: int | None,
    after: Plan | None = None,
    number: int | None = None,
) -> list[PlannedRun]:
    """Runs with their ids, in shards. `after`: a plan whose indices and shards they follow; `number`: their round's."""
    size = runs_per_shard or len(swept)
    # Neighbours in a shard should fit one population.
    keys = [population_key(config) for _, config in swept]
    kinds = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    order = sorted(range(len(swept)), key=lambda index: (kinds[keys[index]], index))
    shard = {index: position // size for position, index in enumerate(order)}
    first_index, first_shard = (len(after.runs), after.shards) if after else (0, 0)
    return [
        PlannedRun(
            run_id=run_id(config, data_hash),
            index=first_index + index,
            shard=first_shard + shard[index],
            swept=values,
            config=config,
            config_hash=config.config_hash,
            round=number,
        )
        for index, (values, config) in enumerate(swept)
    ]


def check_shards(spec: SweepSpec, runs_per_shard: int | None) -> None:
    """Refuse a sweep of more shards than a workflow holds. Raises ConfigError naming how many runs a pod would do."""
    runs = spec.at_once()
    rounds = min(spec.search.rounds, MOST_ROUNDS) if spec.search else 1
    shards = rounds * math.ceil(runs / (runs_per_shard or runs))
    if shards > MOST_SHARDS:
        each = f"{runs:,} runs a round" if spec.search else f"{runs:,} runs"
        enough = math.ceil(runs / (MOST_SHARDS // rounds))
        raise ConfigError(
            f"sweep {spec.name} is {each}, and at {runs_per_shard} a pod {shards:,} pods; a workflow holds "
            f"{MOST_SHARDS:,}. Give a pod {enough} or more: --runs-per-pod, or -p runs-per-pod=…"
        )


def write_plan(store: Store, plan: Plan) -> None:
    """Put spec.yaml and plan.json into the sweep's folder; planned.txt keeps the time of the first.

    Of several shards each gets a plan of its own, so that a pod need not read all of them.
    """
    folder = store.child(layout.sweep(plan.sweep_id))
    folder.write("spec.yaml", yaml.safe_dump(plan.spec.model_dump(mode="json"), sort_keys=False).encode())
    spec = plan.spec.model_copy(update={"grid": {}})  # which would be as long in each as all of them together
    own = {
        layout.shard_plan(shard): Plan.model_construct(**(dict(plan) | {"spec": spec, "runs": runs}))
        for shard, runs in plan.by_shard.items()
        if plan.shards > 1
    }
    with ThreadPoolExecutor(WRITTEN_AT_A_TIME) as pool:
        list(pool.map(folder.delete, set(folder.keys(layout.SHARDS)) - own.keys()))  # of the same sweep in more shards
        list(pool.map(lambda key: folder.write(key, own[key].model_dump_json().encode()), own))
    folder.write(layout.PLAN, plan.model_dump_json(indent=1).encode())
    folder.create("planned.txt", f"{datetime.now(UTC).isoformat()}\n".encode())


def seconds_since_planned(store: Store, sweep_id: str) -> float | None:
    """Seconds since a sweep was planned for the first time; None if that is not recorded."""
    try:
        began = datetime.fromisoformat(store.read(layout.sweep(sweep_id, "planned.txt")).decode().strip())
    except (MissingObjectError, ValueError):
        return None
    return (datetime.now(UTC) - began).total_seconds()


def read_shard(store: Store, sweep_id: str, shard: int) -> Plan:
    """The plan of a sweep, of one shard alone if it has its own. Raises ConfigError where there is no such shard."""
    try:
        return Plan.model_validate_json(store.read(layout.sweep(sweep_id, layout.shard_plan(shard))))
    except (MissingObjectError, ValidationError):  # one shard, or planned by a version that wrote none
        plan = read_plan(store, sweep_id)
        plan.shard(shard)
        return plan


def read_plan(store: Store, sweep_id: str) -> Plan:
    """The plan of a sweep in the store; of a search, with every round that is planned.

    Raises ConfigError where its folder leads into another store, which has its runs, as this one has not: what is
    written here would replace what is there.
    """
    key = layout.sweep(sweep_id, layout.PLAN)
    try:
        text = store.read(key)
        plan = Plan.model_validate_json(text)
    except MissingObjectError:
        raise _no_sweep(store, sweep_id, layout.sweep_ids(store)) from None
    except ValidationError as error:
        if (other := _planned_by(text)) is not None:
            raise ConfigError(
                f"sweep {sweep_id} was planned by another gaintrace ({other}), and this one ({code_version()}) cannot "
                f"read its plan: {explain(error)}. Use the version it was planned with, or plan the sweep again"
            ) from None
        raise StoreError(f"{store.uri}/{key} is damaged: {explain(error)}. Plan the sweep again") from None
    plan = with_rounds(store, plan)
    if (home := _home(store, sweep_id, plan)) is not None:
        raise ConfigError(
            f"{store.uri}/{layout.sweep(sweep_id)} is a link into the store {home}, where its runs are: "
            f"name {plan.sweep_id} with --out {home}"
        )
    return plan


def with_rounds(store: Store, plan: Plan) -> Plan:
    """A plan with the rounds of its search that were put into the store since; any other as it is."""
    if plan.spec.search is None:
        return plan
    runs = list(plan.runs)
    for number in range(plan.rounds, plan.spec.search.rounds):
        key = layout.sweep(plan.sweep_id, layout.round_plan(number))
        try:
            runs += Round.model_validate_json(store.read(key)).runs
        except MissingObjectError:
            break
        except ValidationError as error:
            raise StoreError(f"{store.uri}/{key} is damaged: {explain(error)}. Delete it and plan again") from None
    return plan.with_runs(runs)


def _planned_by(text: bytes) -> str | None:
    """The code version of a plan that is whole, but of another form than ours; None for what is no plan."""
    try:
        found = json.loads(text)
        return str(found["code_version"]) if found["sweep_id"] and found["runs"] else None
    except (ValueError, LookupError, TypeError):
        return None


def _home(store: Store, sweep_id: str, plan: Plan) -> Path | None:
    """The store that a sweep's folder leads into by a link, if that one has runs of it and this one has none."""
    if not isinstance(store, FolderStore) or not (folder := store.path(layout.sweep(sweep_id))).is_symlink():
        return None
    home = folder.resolve().parent.parent
    results = [layout.run(run.run_id, layout.RESULT) for run in plan.runs]
    here = any(store.exists(result) for result in results)
    return home if not here and any(FolderStore(home).exists(result) for result in results) else None


def find_sweep(store: Store, text: str) -> str:
    """The id of the sweep that somebody means by an id, by a name, or by nothing: the one planned last."""
    known = layout.sweep_ids(store)
    meant = [text] if text in known else [found for found in known if text in ("", found.rsplit("-", 1)[0])]
    if not meant:
        raise _no_sweep(store, text, known)
    ages = {found: seconds_since_planned(store, found) for found in meant} if len(meant) > 1 else {}
    return min(meant, key=lambda found: math.inf if (age := ages.get(found)) is None else age)


def _no_sweep(store: Store, text: str, known: list[str]) -> ConfigError:
    if not known:
        return ConfigError(f"store {store.uri}: there is no sweep; `gaintrace plan` makes one")
    meant = did_you_mean(text, [*dict.fromkeys(sweep.rpartition("-")[0] for sweep in known), *known])
    there = " Sweeps there: " if meant else "; sweeps there: "
    return ConfigError(f"store {store.uri} has no sweep {text or repr(text)}{meant}{there}{', '.join(known)}")
