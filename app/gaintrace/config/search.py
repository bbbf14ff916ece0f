"""A search: configurations suggested round by round from what is known of those before, instead of a whole grid.

What may be suggested is a space: a range or a list of choices for each dotted path of a run's configuration.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from gaintrace.config.base import Seed, Written, explain

LEAST_OF_A_GENERATION = 4
"""Runs a round that nsga2 and cmaes learn from: of fewer there are no two good ones to go between."""

Score = Literal["valid_combined", "valid_e1_auc", "valid_e2_auc", "valid_e3_auc"]


class Range(Written):
    """Numbers from `low` to `high`, both included; whole ones where the field takes whole numbers."""

    low: Annotated[float, Field(allow_inf_nan=False)] = Field(description="smallest value")
    high: Annotated[float, Field(allow_inf_nan=False)] = Field(description="largest value")
    log: bool = Field(False, description="as many values between 1 and 10 as between 10 and 100")
    step: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        None, description="distance between values, counted from `low`; none: any value"
    )

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"log needs low above 0, found {self.low:g}")
        if self.log and self.step is not None:
            raise ValueError("log and step exclude each other: leave one of them out")
        if self.ends[0] >= self.ends[1]:
            raise ValueError(f"step {self.step:g} leads from {self.low:g} past {self.high:g}: there is one value alone")
        return self

    @property
    def ends(self) -> tuple[float, float]:
        """`low`, and the largest value that steps lead to."""
        if self.step is None:
            return self.low, self.high
        return self.low, float(f"{self.low + int((self.high - self.low) / self.step + 1e-9) * self.step:.12g}")

    @property
    def words(self) -> str:
        """The range for a reader."""
        scale = ", logarithmic" if self.log else f" in steps of {self.step:g}" if self.step else ""
        return f"{self.low:g} to {self.high:g}{scale}"


Choices = list[Any]
Space = dict[str, Range | Choices]


class Stopping(Written):
    """Successive halving: at a rung, a number of epochs, the best 1/eta of the runs known there go on, no other."""

    first: int = Field(1, ge=1, description="epochs to the first rung; each next one is eta times as far")
    eta: int = Field(3, ge=2, description="one in so many goes on, rounded up")

    def rungs(self, epochs: int) -> list[int]:
        """The rungs before the last of so many epochs."""
        found, rung = [], self.first
        while rung < epochs:
            found.append(rung)
            rung *= self.eta
        return found


class Search(Written):
    """Configurations suggested in rounds, beside or instead of a grid; each cell of a grid is searched by itself."""

    sampler: Literal["random", "tpe", "nsga2", "cmaes"] = Field(
        "tpe",
        description="who suggests: `random`; `tpe`: what is more like the good ones than like the bad ones (for one "
        "objective or two); `nsga2`: crosses and mutates the best (for two); `cmaes`: a normal distribution that moves "
        "and shrinks (for numbers alone, one objective)",
    )
    rounds: int = Field(ge=1, le=1000, description="rounds; each is planned from the results of those before")
    runs_per_round: int = Field(
        ge=1, le=1000, description="configurations a round, of each cell of the grid; each with every seed and fold"
    )
    space: Space = Field(
        min_length=1,
        description="dotted path in `base` → `{low, high}`, with `log` or `step` if wanted, or a list of choices",
    )
    objectives: list[Score] = Field(
        [], max_length=2, description="what is searched for, on validation: one score or two; none: what ranks"
    )
    stop: Stopping | None = Field(
        None, description="stops runs that fall behind; none: every run is trained to its end"
    )
    seed: Seed = Field(0, description="seed of what is suggested")

    @property
    def where(self) -> dict[str, str]:
        """Where it looks, for a reader, by dotted path."""
        return {
            path: f"searched, {given.words if isinstance(given, Range) else ', '.join(map(str, given))}"
            for path, given in self.space.items()
        }

    @field_validator("space", mode="before")
    @classmethod
    def _ranges_and_choices(cls, space: Any) -> Any:
        if not isinstance(space, dict):
            return space
        return {path: _dimension(str(path), given) for path, given in space.items()}

    @model_validator(mode="after")
    def _the_sampler_can(self) -> Self:
        if len(set(self.objectives)) != len(self.objectives):
            raise ValueError(f"objectives: {self.objectives[0]} stands twice")
        if self.sampler in ("nsga2", "cmaes") and self.runs_per_round < LEAST_OF_A_GENERATION:
            raise ValueError(
                f"runs_per_round {self.runs_per_round}: {self.sampler} learns from a round as a whole and needs "
                f"{LEAST_OF_A_GENERATION} or more"
            )
        if self.sampler == "cmaes":
            self._numbers_alone()
        if len(self.objectives) == 2 and self.stop is not None:
            raise ValueError("stop: with two objectives nothing says which run falls behind; leave out stop, or one")
        return self

    def _numbers_alone(self) -> None:
        choices = [path for path, given in self.space.items() if isinstance(given, list)]
        if choices:
            raise ValueError(f"space: {choices[0]}: cmaes has no choices; give a range, or take the sampler tpe")
        if len(self.space) < 2:
            raise ValueError("space: cmaes needs two ranges or more; for one take the sampler tpe")
        if len(self.objectives) == 2:
            raise ValueError("objectives: cmaes has one; for two take the sampler tpe or nsga2")


def _dimension(path: str, given: Any) -> Any:
    """A range, or a list of choices. Raises ValueError with the path."""
    if isinstance(given, list):
        if len(given) < 2:
            raise ValueError(f"{path}: {given} leaves no choice; give two values or more, or set base.{path}")
        return given
    if not isinstance(given, dict):
        raise ValueError(f"{path}: expected {{low: …, high: …}} or a list of values, found {given!r}")
    try:
        return Range.model_validate(given)
    except ValidationError as error:
        raise ValueError(f"{path}: {explain(error, Range)}") from None
