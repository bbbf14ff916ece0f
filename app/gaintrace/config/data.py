"""Which interactions a run learns from: a prepared data set, or simulated students."""

from typing import Literal, Self

from pydantic import Field, model_validator

from gaintrace.config.base import Fold, Seed, Written

Simulator = Literal["curve", "bkt", "irt"]


class SyntheticConfig(Written):
    """Simulated students whose mastery is known (gaintrace.data.simulators)."""

    students: int = Field(600, ge=1, le=1_000_000, description="number of simulated students")
    skills: int = Field(12, ge=1, le=10_000, description="number of skills")
    mean_length: int = Field(40, ge=3, le=2_000, description="mean interactions of a student")
    seed: Seed = Field(7, description="seed of the simulation")
    simulator: Simulator = Field(
        "curve",
        description="what mastery is: `curve`: the study's own learning curve, so that its encoder is tested on "
        "itself; `bkt`: a skill is known or not, with slips and guesses; `irt`: ability and a state of each skill that "
        "grows with practice, against the difficulty of items",
    )
    forgetting: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="lost at each interaction of the student, on whatever skill: `bkt`: the chance that a known skill "
        "is; `irt`: the share of what earlier practice counts; none: 0 for `bkt`, 0.02 for `irt`. A `curve` forgets "
        "nothing",
    )

    @model_validator(mode="after")
    def _a_curve_forgets_nothing(self) -> Self:
        if self.simulator == "curve" and self.forgetting is not None:
            raise ValueError("simulator curve forgets nothing: leave out forgetting, or set simulator bkt or irt")
        return self


class DataConfig(Written):
    """Which interactions a run learns from."""

    dataset: str | None = Field(
        None, description="folder or URI of a prepared data set; not part of the hash, its content's hash is"
    )
    synthetic: SyntheticConfig | None = Field(None, description="simulate the data set instead of reading one")
    fold: Fold = Field(0, description="validation fold; the other four train")
    max_sequence_length: int = Field(
        200, ge=3, le=2_000, description="longer histories are cut into chunks of this many interactions"
    )
    min_sequence_length: int = Field(3, ge=2, description="shorter chunks are dropped (interactions)")
    evaluation_overlap: int = Field(
        0,
        ge=0,
        lt=2_000,
        description="validation and test predict each response of a long history from at least so many interactions "
        "before it, in windows of `max_sequence_length` that overlap by as many; 0: from those of its chunk. One less "
        "than `max_sequence_length` is pyKT's windowed protocol, and as slow. Training is by chunks",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.dataset is not None and self.synthetic is not None:
            raise ValueError("set either dataset or synthetic, not both")
        if self.min_sequence_length > self.max_sequence_length:
            raise ValueError("min_sequence_length is larger than max_sequence_length")
        if self.evaluation_overlap >= self.max_sequence_length:
            raise ValueError(
                f"evaluation_overlap {self.evaluation_overlap} is not smaller than max_sequence_length "
                f"{self.max_sequence_length}: windows would not move on. The most is {self.max_sequence_length - 1}"
            )
        return self
