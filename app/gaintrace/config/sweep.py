"""A sweep: a grid of runs around one base configuration, and what ranks them."""

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from gaintrace.config.base import (
    Fold,
    NonNegative,
    Probability,
    Seed,
    Written,
    assign,
    explain,
    fields,
    numbers_of,
    unknown_key,
)
from gaintrace.config.run import RunConfig
from gaintrace.config.search import Range, Search

MOST_RUNS = 100_000
"""Of a sweep: enough for any grid that can be trained, few enough to be looked at one by one."""


class Objective(Written):
    """What ranks the runs of a sweep, and so picks its winner. Test metrics are reported whatever it is."""

    rank_by: Literal[
        "valid_combined", "valid_e1_auc", "valid_e2_auc", "valid_e3_auc",
        "combined", "test_e1_auc", "test_e2_auc", "test_e3_auc",
    ] = Field(
        "valid_combined",
        description="column that ranks, highest first: on validation at the selected epochs (`valid_…`), so that "
        "the test students pick nothing, or on test, as the study did (`combined`, `test_…`); E3 where every run has "
        "a third encoder (`model.aggregate`)",
    )  # fmt: skip
    alpha: NonNegative = Field(0.5, description="α in combined = E1 + α·E2 (AUC)")

    @property
    def on_validation(self) -> bool:
        """Whether validation ranks."""
        return self.rank_by.startswith("valid_")

    @property
    def scored(self) -> str:
        """What ranks, whichever the split: combined, e1, e2 or e3."""
        return "combined" if self.rank_by.endswith("combined") else self.rank_by.split("_")[1]

    @property
    def weights(self) -> dict[str, float]:
        """What the AUC of each encoder weighs in what ranks; the others do not rank."""
        return {"e1": 1.0, "e2": self.alpha} if self.scored == "combined" else {self.scored: 1.0}

    @property
    def words(self) -> str:
        """What ranks in a sentence, whichever the split: E1, E2, or E1 + 0.5 · E2."""
        return f"E1 + {self.alpha:g} · E2" if self.scored == "combined" else self.scored.upper()

    @property
    def test_metric(self) -> str:
        """The column of the same score on test."""
        return "combined" if self.scored == "combined" else f"test_{self.scored}_auc"

    @property
    def valid_metric(self) -> str:
        """The column of the same score on validation."""
        return "valid_combined" if self.scored == "combined" else f"valid_{self.scored}_auc"

    def score(self, aucs: Mapping[str, Any]) -> Any:
        """What ranks, out of the encoders' AUCs of one split, by side: of numbers or of arrays."""
        return sum(weight * aucs[side] for side, weight in self.weights.items())


class SuccessCriteria(Written):
    """What the best run must reach on test."""

    test_e1_auc: Probability | None = Field(None, description="least test E1 AUC")
    test_e2_auc: Probability | None = Field(None, description="least test E2 AUC")
    test_e3_auc: Probability | None = Field(
        None, description="least test E3 AUC", exclude_if=lambda least: least is None
    )
    """Written only where it is set, so that sweeps of before keep their ids."""


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
            raise ValueError(f"grid: {self.size():,} runs are more than {MOST_RUNS:,}; sweep less at a time")
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
            for value in given.ends if isinstance(given, Range) else given:
                self._check_value(path, int(value) if numbers is int and isinstance(given, Range) else value)
        return self

    def _check_value(self, path: str, value: Any) -> None:
        """Raises ValueError where a field does not take a value; what others must be beside it is another matter."""
        try:
            _with(self.base, {path: value})
        except ValidationError as error:
            if any(".".join(map(str, item["loc"])).startswith(path) for item in error.errors()):
                reason = explain(error, RunConfig).removeprefix(f"{path}: ")
                raise ValueError(f"search: space: {path} {value}: {reason}") from None

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
        try:
            _with(self.base, values)
        except ValidationError:
            return False
        return True

    def size(self) -> int:
        """Number of runs; of a search the most there can be."""
        suggested = self.search.rounds * self.search.runs_per_round if self.search else 1
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
