"""A sweep: a grid of runs around one base configuration, or a search."""

import itertools
import json
import math
from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from gaintrace.config.base import (
    Fold,
    Probability,
    Seed,
    Written,
    assign,
    explain,
    fields,
    numbers_of,
    unknown_key,
)
from gaintrace.config.objective import Objective, SuccessCriteria
from gaintrace.config.run import RunConfig
from gaintrace.config.search import Range, Search

MOST_RUNS = 100_000
"""Of a sweep: enough for any grid that can be trained, few enough to be looked at one by one."""


class SweepSpec(Written):
    """Runs around one base configuration: a grid of them, or what a search suggests."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")] = Field(
        description="short name: lower case, digits, dashes"
    )
    description: str = Field("", description="one line for the report")
    base: RunConfig = Field(RunConfig(), description="configuration that every run starts from")
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        {}, description="dotted path in `base` → values; the runs are their product"
    )
    seeds: list[Seed] = Field([], description="seeds, each crossed with the grid; empty: the base's")
    folds: list[Fold] = Field([], description="folds, each crossed with the grid; empty: the base's")
    search: Search | None = Field(
        None,
        description="configurations suggested in rounds, from the results of those before",
        exclude_if=lambda search: search is None,
    )
    """Written only where there is one, so that sweeps of before keep their ids."""
    objective: Objective = Objective()
    success: SuccessCriteria = SuccessCriteria()
    min_coverage: Probability = Field(
        1.0, description="least share of runs that must succeed for the sweep to count as done"
    )

    @field_validator("grid", mode="before")
    @classmethod
    def _fields_and_lists(cls, grid: Any) -> Any:
        for path, values in grid.items() if isinstance(grid, dict) else ():
            _check_path(str(path), "the grid")
            if not isinstance(values, list):
                raise ValueError(f"{path}: expected a list of values, as in [{values}]")
        return grid

    @field_validator("search", mode="before")
    @classmethod
    def _searched_fields(cls, search: Any) -> Any:
        space = search.get("space") if isinstance(search, dict) else None
        for path in space if isinstance(space, dict) else ():
            _check_path(str(path), "the space")
            if path in ("training.seed", "data.fold"):
                which = "seeds" if path == "training.seed" else "folds"
                raise ValueError(f"space: {path} is chance, and not searched: list them in `{which}`")
        return search

    @field_validator("seeds", "folds")
    @classmethod
    def _distinct(cls, values: list[int]) -> list[int]:
        if len(set(values)) != len(values):
            raise ValueError(f"{values} names a value twice")
        return values

    @model_validator(mode="after")
    def _grid_is_sound(self) -> Self:
        if self.size() > MOST_RUNS:
            where = "search" if self.search else "grid"
            raise ValueError(f"{where}: {self.size():,} runs are more than {MOST_RUNS:,}; sweep less at a time")
        for path, values in self.grid.items():
            if path in ("training.seed", "data.fold") and (self.seeds if path == "training.seed" else self.folds):
                raise ValueError(f"grid: {path} is in `{'seeds' if path == 'training.seed' else 'folds'}` already")
            try:
                seen = [_lookup(_with(self.base, {path: value}), path) for value in values]
            except ValidationError as error:
                reason = explain(error, RunConfig).removeprefix(f"{path}: ")
                raise ValueError(f"grid: {path}: {reason}") from None
            if len({json.dumps(v) for v in seen}) != len(seen):
                raise ValueError(f"grid: {path}: {values} names a value twice")
        for swept in _product(self.grid):
            try:
                _with(self.base, swept)
            except ValidationError as error:
                together = ", ".join(f"{path} {value}" for path, value in swept.items())
                raise ValueError(f"grid: {together}: {explain(error, RunConfig)}") from None
        return self

    @model_validator(mode="after")
    def _search_is_sound(self) -> Self:
        if self.search is None:
            return self
        if not self.search.objectives and not self.objective.on_validation:
            raise ValueError(
                f"search: what ranks ({self.objective.rank_by}) is of test, which must not lead a search: set "
                f"objective.rank_by {self.objective.valid_metric} or search.objectives"
            )
        for path, given in self.search.space.items():
            if path in self.grid:
                raise ValueError(f"search: space: {path} is in `grid` already: leave one of them out")
            numbers = numbers_of(RunConfig, path)
            if isinstance(given, Range) and numbers is None:
                raise ValueError(f"search: space: {path} takes no numbers: give a list of values")
            if isinstance(given, Range) and numbers is int:
                for name in ("low", "high", "step"):
                    if not float(getattr(given, name) or 0).is_integer():
                        raise ValueError(f"search: space: {path}: {name} {getattr(given, name):g} is no whole number")
            if isinstance(given, Range):
                for end in given.ends:
                    self._taken(path, int(end) if numbers is int else end)
            elif len({json.dumps(self._taken(path, value)) for value in given}) != len(given):
                raise ValueError(f"search: space: {path}: {given} names a value twice")
        stop, epochs = self.search.stop, self._most_epochs()
        if stop is not None and not stop.rungs(epochs):
            raise ValueError(
                f"search: stop: first {stop.first} would stop no run, as none has more than {epochs} epochs: lower it, "
                "or leave out stop"
            )
        return self

    def _most_epochs(self) -> int:
        """Of any run, where none ends early."""
        searched = self.search.space.get("training.epochs") if self.search else None
        if isinstance(searched, Range):
            return int(searched.ends[1])
        return int(max(self.grid.get("training.epochs", searched or [self.base.training.epochs])))

    def _taken(self, path: str, value: Any) -> Any:
        """A value as its field has it, 1 as 1.0; what others must be beside it is another matter.

        Raises ValueError where the field does not take it.
        """
        try:
            return _lookup(_with(self.base, {path: value}), path)
        except ValidationError as error:
            if any(".".join(map(str, item["loc"])).startswith(path) for item in error.errors()):
                reason = explain(error, RunConfig).removeprefix(f"{path}: ")
                raise ValueError(f"search: space: {path} {value}: {reason}") from None
            return value

    @model_validator(mode="after")
    def _a_third_encoder_is_there(self) -> Self:
        asked = [f"objective.rank_by {self.objective.rank_by}"] if self.objective.scored == "e3" else []
        asked += ["search.objectives valid_e3_auc"] if self.search and "valid_e3_auc" in self.search.objectives else []
        asked += ["success.test_e3_auc"] if self.success.test_e3_auc is not None else []
        if asked and "none" in self._aggregates():
            raise ValueError(
                f"{' and '.join(asked)}: E3 is of a third encoder, which not every run has: set base.model.aggregate "
                "mastery"
            )
        return self

    @property
    def sides(self) -> tuple[str, ...]:
        """The encoders that some run has."""
        return ("e1", "e2", "e3") if "mastery" in self._aggregates() else ("e1", "e2")

    def _aggregates(self) -> list[Any]:
        searched = self.search.space.get("model.aggregate") if self.search else None
        return self.grid.get("model.aggregate", searched if isinstance(searched, list) else [self.base.model.aggregate])

    @property
    def swept_paths(self) -> list[str]:
        """Dotted paths that runs differ in: of the grid, of the search, of folds and seeds."""
        return [*self.grid, *(self.search.space if self.search else ()), *self._repeated()]

    @property
    def sought(self) -> list[Objective]:
        """What a search is for, one or two scores on validation."""
        assert self.search is not None
        names = self.search.objectives
        return [Objective(rank_by=name, alpha=self.objective.alpha) for name in names] or [self.objective]

    def axes(self) -> dict[str, list[Any]]:
        """Swept dotted paths and their values, in the order the runs are enumerated (last varies fastest).

        What a search suggests has no values beforehand and is not here.
        """
        return dict(self.grid) | self._repeated()

    def _repeated(self) -> dict[str, list[Any]]:
        axes = {"data.fold": list(self.folds), "training.seed": list(self.seeds)}
        return {path: values for path, values in axes.items() if values}

    def accepts(self, values: dict[str, Any]) -> bool:
        """Whether the base with other values, by dotted path, is a configuration."""
        return self.objection(values) is None

    def objection(self, values: dict[str, Any]) -> str | None:
        """Why the base with other values, by dotted path, is no configuration; None where it is one."""
        try:
            _with(self.base, values)
        except ValidationError as error:
            return explain(error, RunConfig)
        return None

    def size(self) -> int:
        """Number of runs; of a search the most there can be."""
        return self.at_once() * (self.search.rounds if self.search else 1)

    def at_once(self) -> int:
        """Number of runs that are planned at once: all, or of a search the most of a round."""
        suggested = self.search.runs_per_round if self.search else 1
        return suggested * math.prod(len(values) for values in self.axes().values())

    def cells(self) -> Iterator[dict[str, Any]]:
        """Every cell of the grid, by dotted path; one without any where nothing is in the grid."""
        yield from _product(self.grid)

    def repeated(self, values: dict[str, Any]) -> Iterator[tuple[dict[str, Any], RunConfig]]:
        """The base with other values, by dotted path, at every fold and seed: swept values and configuration."""
        for repetition in _product(self._repeated()):
            swept = values | repetition
            yield swept, _with(self.base, swept)

    def runs(self) -> Iterator[tuple[dict[str, Any], RunConfig]]:
        """Every run of the grid: its swept values by dotted path, and its complete configuration."""
        for cell in self.cells():
            yield from self.repeated(cell)


def _check_path(path: str, where: str) -> None:
    """Raises ValueError where a key of the grid, or of another place, names no field that can be swept."""
    known = fields(RunConfig)
    if path.removeprefix("base.") in known and path not in known:
        raise ValueError(f"{path}: write {path.removeprefix('base.')}; paths of {where} begin below base")
    if path not in known:
        raise ValueError(f"{path}: {unknown_key(path, RunConfig)}")
    section = known[path]
    if path.startswith("data.") and path != "data.fold":
        raise ValueError(f"{path} cannot be swept: runs of a sweep share their data")
    if section is not None:
        first = "fold" if path == "data" else next(iter(section.model_fields))
        raise ValueError(f"{path} is a section; name its fields, as in {path}.{first}: [...]")


def _product(axes: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _with(base: RunConfig, changes: dict[str, Any]) -> RunConfig:
    tree = base.model_dump(mode="json")
    for path, value in changes.items():
        assign(tree, path.split("."), value, path)
    return RunConfig.model_validate(tree)


def _lookup(config: RunConfig, path: str) -> Any:
    value: Any = config
    for key in path.split("."):
        value = getattr(value, key)
    return value
