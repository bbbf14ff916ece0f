"""Every configuration model: one run (`RunConfig`) and a sweep of runs (`SweepSpec`).

Importable without torch. Unknown keys are rejected, bounds stand in the field types, and a resolved configuration has
a content hash that depends on nothing but its values.
"""

import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

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


class SyntheticConfig(Strict):
    """Simulated students with known ability, learning curves and mastery."""

    students: int = Field(600, ge=1, le=1_000_000, description="number of simulated students")
    skills: int = Field(12, ge=1, le=10_000, description="number of skills")
    mean_length: int = Field(40, ge=3, le=2_000, description="mean interactions of a student")
    seed: Seed = Field(7, description="seed of the simulation")


class DataConfig(Strict):
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

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.dataset is not None and self.synthetic is not None:
            raise ValueError("set either dataset or synthetic, not both")
        if self.min_sequence_length > self.max_sequence_length:
            raise ValueError("min_sequence_length is larger than max_sequence_length")
        return self


class ModelConfig(Strict):
    """Size and kind of the two encoders. The defaults are the published model."""

    d_model: int = Field(256, ge=4, le=4096, description="width of both streams")
    n_heads: int = Field(4, ge=1, description="attention heads a block")
    n_blocks: int = Field(4, ge=1, le=64, description="blocks a stack")
    d_ff: int = Field(
        512, ge=1, le=16384, description="hidden width of the feed-forward network and of the performance head"
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="dropout probability")
    interaction: Literal["own", "composed"] = Field(
        "own",
        description="how an interaction is embedded: `own`: a vector for each skill and response (published); "
        "`composed`: those of the skill and of the response, and a smaller one of both, added up",
    )
    position: Literal["learned", "distance"] = Field(
        "learned",
        description="`learned`: both streams add a positional embedding (published); `distance`: attention fades with "
        "distance instead, in each head at a pace of its own (ALiBi), and an attention sink takes what nothing earns",
    )
    target: Literal["head", "past"] = Field(
        "head",
        description="where the performance encoder meets the target skill: `head`: in its last layers (published); "
        "`past`: it also looks up the student's past, by attention and by counting answers on it",
    )
    gain: Literal["scalar", "per_skill", "linear"] = Field(
        "scalar",
        description="`scalar`: a gain for the practised skill, without a weight of its own (published); `linear`: the "
        "same through a learned read-out; `per_skill`: a learned gain for every skill",
    )
    curve: Literal["published", "per_skill"] = Field(
        "published",
        description="`published`: one offset and θ, a fixed temperature, γ a training student; `per_skill`: offset and "
        "θ a skill, a learned temperature, velocity by the gains alone",
    )
    ability: Literal["none", "inferred"] = Field(
        "none", description="`inferred`: adds the student's ability, read from the past, to the mastery encoder's logit"
    )

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.d_model % self.n_heads:
            raise ValueError(f"d_model {self.d_model} is not divisible by n_heads {self.n_heads}")
        return self


class LearningCurveConfig(Strict):
    """Where the learning curve of the mastery encoder starts."""

    beta_skill_init: Positive = Field(2.5, description="β, steepness of every skill's curve (1 / unit of practice)")
    m_sat_init: Annotated[float, Field(gt=0, le=1)] = Field(0.7, description="M_sat, ceiling of every skill's mastery")
    gamma_student_init: Positive = Field(
        1.1, description="γ, learning velocity of every student (factor); in the published curve alone"
    )
    sigmoid_offset: Annotated[float, Field(allow_inf_nan=False)] = Field(
        1.5, description="offset of the curve (logits)"
    )
    mastery_threshold_init: Probability = Field(
        0.6, description="θ, mastery at which a correct answer is as likely as a wrong one"
    )
    threshold_temperature: Positive = Field(
        1.5, description="mastery that is worth a logit; fixed in the published curve"
    )


class TrainingConfig(Strict):
    """How a run is trained."""

    bce_loss_weight: Probability = Field(0.3, description="w in w·BCE(E1) + (1 − w)·BCE(E2)")
    bce_loss_weight_end: Probability | None = Field(
        None, description="where w moves to from `bce_loss_weight`; none: it stays"
    )
    loss_weight_schedule: Literal["linear", "cosine", "inverse"] = Field(
        "linear",
        description="how w moves there, an epoch at a time: `linear` and `cosine` (slow at both ends) arrive in the "
        "last of `epochs`; `inverse` goes half of the way in the second epoch and three quarters by the fourth, "
        "whatever `epochs` is: w = end + (start − end) / epoch",
    )
    loss_weighting: Literal["fixed", "learned"] = Field(
        "fixed",
        description="`fixed`: w as set; `learned`: each encoder has a weight of its own, which starts at w or 1 − w "
        "and is learned at `curve_learning_rate`: exp(−s)·BCE + s/2 for a learned s (uncertainty weighting)",
    )
    epochs: int = Field(12, ge=1, le=10_000, description="most epochs")
    patience: int = Field(4, ge=1, description="epochs without a better `selection_metric` before stopping")
    selection_metric: Literal["valid_e1_auc", "valid_combined", "per_encoder"] = Field(
        "valid_e1_auc",
        description="what picks the epoch that counts: `valid_e1_auc` (published); `valid_combined`: E1 + 0.5·E2 (the "
        "study's α); `per_encoder`: an epoch for each encoder, by its own AUC (they share no parameter)",
    )
    batch_size: int = Field(64, ge=1, le=65_536, description="sequences a batch")
    learning_rate: Positive = Field(1.74e-4, description="Adam's learning rate")
    curve_learning_rate: Positive | None = Field(
        None,
        description="Adam's learning rate for the parameters of the learning curve and learned loss weights; none: "
        "`learning_rate`",
    )
    weight_decay: NonNegative = Field(
        1.7571e-5, description="Adam's L2 penalty, on network weights (not on curve parameters or loss weights)"
    )
    weight_average: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="decay a step of a running average of the weights, evaluated and kept in their place; 0: none",
    )
    gradient_clip: Positive = Field(1.0, description="largest gradient norm")
    clip_scope: Literal["global", "per_encoder"] = Field(
        "per_encoder",
        description="`per_encoder`: a norm for each; `global`: one over both (published; their only coupling)",
    )
    precision: Literal["fp32", "bf16"] = Field("fp32", description="`bf16`: autocast of matrix products")
    seed: Seed = Field(42, description="seed of weights, dropout and batches")

    @model_validator(mode="after")
    def _learned_weights_have_a_start_alone(self) -> Self:
        if self.loss_weighting == "fixed":
            return self
        if self.bce_loss_weight_end is not None:
            raise ValueError(
                "loss_weighting learned moves the weights itself: leave out bce_loss_weight_end or loss_weighting"
            )
        if self.bce_loss_weight in (0, 1):
            raise ValueError(
                f"loss_weighting learned cannot start at bce_loss_weight {self.bce_loss_weight:g}, which leaves an "
                "encoder no weight: start between 0 and 1, as at 0.5"
            )
        return self


class RunConfig(Strict):
    """Everything that decides a run's numbers."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    learning_curve: LearningCurveConfig = LearningCurveConfig()
    training: TrainingConfig = TrainingConfig()

    @property
    def config_hash(self) -> str:
        """16 hex digits over all values; where the data set lies is left out, its own hash joins in the run id."""
        return content_hash(self.model_dump(mode="json", exclude={"data": {"dataset"}}))


class Objective(Strict):
    """What ranks the runs of a sweep."""

    rank_by: Literal["combined", "test_e1_auc", "test_e2_auc"] = Field(
        "combined", description="column that ranks, highest first"
    )
    alpha: NonNegative = Field(0.5, description="α in combined = E1 + α·E2 (test AUC)")


class SuccessCriteria(Strict):
    """What the best run must reach on test."""

    test_e1_auc: Probability | None = Field(None, description="least test E1 AUC")
    test_e2_auc: Probability | None = Field(None, description="least test E2 AUC")


class SweepSpec(Strict):
    """A grid of runs around one base configuration."""

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
    objective: Objective = Objective()
    success: SuccessCriteria = SuccessCriteria()
    min_coverage: Probability = Field(
        1.0, description="least share of runs that must succeed for the sweep to count as done"
    )

    @field_validator("seeds", "folds")
    @classmethod
    def _distinct(cls, values: list[int]) -> list[int]:
        if len(set(values)) != len(values):
            raise ValueError(f"{values} names a value twice")
        return values

    @model_validator(mode="after")
    def _grid_is_sound(self) -> Self:
        for path, values in self.grid.items():
            if path.startswith("data.") and path != "data.fold":
                raise ValueError(f"grid: {path} cannot be swept: runs of a sweep share their data")
            if path in ("training.seed", "data.fold") and (self.seeds if path == "training.seed" else self.folds):
                raise ValueError(f"grid: {path} is in `{'seeds' if path == 'training.seed' else 'folds'}` already")
            try:
                seen = [_lookup(_with(self.base, {path: value}), path) for value in values]
            except ValidationError as error:
                raise ValueError(f"grid: {path}: {_explain(error)}") from None
            if len({json.dumps(v) for v in seen}) != len(seen):
                raise ValueError(f"grid: {path}: {values} names a value twice")
        for swept in _product(self.grid):
            try:
                _with(self.base, swept)
            except ValidationError as error:
                together = ", ".join(f"{path} {value}" for path, value in swept.items())
                raise ValueError(f"grid: {together}: {_explain(error)}") from None
        return self

    def axes(self) -> dict[str, list[Any]]:
        """Swept dotted paths and their values, in the order the runs are enumerated (last varies fastest)."""
        axes = dict(self.grid)
        if self.folds:
            axes["data.fold"] = list(self.folds)
        if self.seeds:
            axes["training.seed"] = list(self.seeds)
        return axes

    def size(self) -> int:
        """Number of runs."""
        return math.prod(len(values) for values in self.axes().values())

    def runs(self) -> Iterator[tuple[dict[str, Any], RunConfig]]:
        """Every run: its swept values by dotted path, and its complete configuration."""
        for swept in _product(self.axes()):
            yield swept, _with(self.base, swept)


def content_hash(value: Any) -> str:
    """16 hex digits of SHA-256 over canonical JSON (sorted keys, no spaces)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _product(axes: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _with(base: RunConfig, changes: dict[str, Any]) -> RunConfig:
    tree = base.model_dump(mode="json")
    for path, value in changes.items():
        _assign(tree, path.split("."), value, path)
    return RunConfig.model_validate(tree)


def _assign(tree: dict[str, Any], keys: list[str], value: Any, path: str) -> None:
    for key in keys[:-1]:
        if tree.get(key) is None:
            tree[key] = {}
        tree = tree[key]
        if not isinstance(tree, dict):
            raise ConfigError(f"{path}: {key} is a value, not a section")
    tree[keys[-1]] = value


def _lookup(config: RunConfig, path: str) -> Any:
    value: Any = config
    for key in path.split("."):
        value = getattr(value, key)
    return value


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
    for override in overrides:
        _override(tree, override)
    try:
        return SweepSpec.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_explain(error)}") from None


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
    _assign(tree, ["grid", rest] if head == "grid" and rest else path.split("."), value, f"--set {path}")


def _fault(error: yaml.YAMLError) -> str:
    """Where and why reading stopped, in a line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} in line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
    return str(error).splitlines()[0]


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        place = ".".join(str(part) for part in item["loc"])
        text = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            text = f"unknown key {item['loc'][-1]!r}"
        lines.append(f"{place}: {text}" if place else text)
    return "; ".join(lines)
