"""The configuration of one run: everything that decides its numbers."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from gaintrace.config.base import NonNegative, Positive, Probability, Seed, Written, content_hash
from gaintrace.config.data import DataConfig


class ModelConfig(Written):
    """Size and kind of the encoders. The defaults are the published model."""

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
    gain: Literal["scalar", "per_skill", "linear", "evidence"] = Field(
        "scalar",
        description="`scalar`: a gain for the practised skill, without a weight of its own (published); `linear`: the "
        "same through a learned read-out; `per_skill`: a learned gain for every skill; `evidence`: mastery is a share "
        "of right answers instead, which right ones raise and wrong ones lower (with curve `per_skill`)",
    )
    curve: Literal["published", "per_skill"] = Field(
        "published",
        description="`published`: one offset and θ, a fixed temperature, γ a training student; `per_skill`: offset and "
        "θ a skill, a learned temperature, velocity by the gains alone (with gain `evidence`: θ and temperature a "
        "skill, and none of β, M_sat, γ and offset)",
    )
    ability: Literal["none", "inferred"] = Field(
        "none", description="`inferred`: adds the student's ability, read from the past, to the mastery encoder's logit"
    )

    growth: Literal["count", "inferred"] = Field(
        "count",
        description="with gain `evidence`, the practice that adds to what mastery predicts: `count`: answers on the "
        "skill so far; `inferred`: what a network takes each of them to be worth (with ability `inferred`)",
    )
    items: Literal["none", "difficulty"] = Field(
        "none",
        description="`difficulty`: each item has a difficulty of its own, in logits, which either encoder subtracts; "
        "shrunk towards its skill's, which items have that training does not know. With `target: past` the "
        "performance encoder also counts answers on the item itself",
    )
    aggregate: Literal["none", "mastery"] = Field(
        "none",
        description="`mastery`: a third encoder, E3, predicts from the mastery of all skills and from how many answers "
        "each rests on (with gain `evidence`)",
    )

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.d_model % self.n_heads:
            raise ValueError(f"d_model {self.d_model} is not divisible by n_heads {self.n_heads}")
        return self

    @model_validator(mode="after")
    def _aggregated_mastery_is_evidence(self) -> Self:
        if self.aggregate == "mastery" and self.gain != "evidence":
            raise ValueError(
                f"aggregate mastery adds up mastery that is evidence: set gain evidence instead of {self.gain}, or "
                "leave out aggregate"
            )
        return self

    @model_validator(mode="after")
    def _evidence_has_its_curve(self) -> Self:
        if self.gain == "evidence" and self.curve != "per_skill":
            raise ValueError(
                f"gain evidence has θ and temperature a skill: set curve per_skill instead of {self.curve}"
            )
        if self.growth == "inferred" and (self.gain, self.ability) != ("evidence", "inferred"):
            raise ValueError(
                f"growth inferred is read by the network of gain evidence that infers ability: with gain {self.gain} "
                f"and ability {self.ability} set growth count"
            )
        return self


class LearningCurveConfig(Written):
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


class TrainingConfig(Written):
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
    aggregate_loss_weight: Positive = Field(
        0.5, description="weight of BCE(E3), added to those of E1 and E2; of a learned weight, where it starts"
    )
    epochs: int = Field(12, ge=1, le=10_000, description="most epochs")
    patience: int = Field(4, ge=1, description="epochs without a better `selection_metric` before stopping")
    selection_metric: Literal["valid_e1_auc", "valid_combined", "per_encoder"] = Field(
        "valid_e1_auc",
        description="what picks the epoch that counts: `valid_e1_auc` (published); `valid_combined`: E1 + 0.5·E2 (the "
        "study's α); `per_encoder`: an epoch for each encoder, by its own AUC (they share no parameter)",
    )
    loss: Literal["bce", "double_sigmoid"] = Field(
        "bce",
        description="what trains: `bce`: cross-entropy of the predicted probability; `double_sigmoid`: that "
        "probability, taken for a logit, goes through a second sigmoid, which flattens gradients (published). Reported "
        "losses are `bce` either way",
    )
    batch_size: int = Field(64, ge=1, le=65_536, description="sequences a batch")
    batch_order: Literal["shuffled", "pykt"] = Field(
        "shuffled",
        description="which sequences meet in a batch: `shuffled`: random ones, others in every epoch; `pykt`: "
        "neighbours in pyKT's files, the same in every epoch and for every seed (published)",
    )
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
        description="`per_encoder`: a norm for each; `global`: one over all (published; their only coupling)",
    )
    precision: Literal["fp32", "bf16"] = Field("fp32", description="`bf16`: autocast of matrix products")
    seed: Seed = Field(42, description="seed of weights, dropout and shuffled batches")

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


class RunConfig(Written):
    """Everything that decides a run's numbers."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    learning_curve: LearningCurveConfig = LearningCurveConfig()
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="after")
    def _a_weight_has_its_encoder(self) -> Self:
        unset = TrainingConfig.model_fields["aggregate_loss_weight"].default
        if "e3" not in self.sides and self.training.aggregate_loss_weight != unset:
            raise ValueError(
                "training.aggregate_loss_weight weighs a third encoder, and there is none: set model.aggregate "
                "mastery, or leave it out"
            )
        return self

    @property
    def sides(self) -> tuple[str, ...]:
        """The encoders of the run: e1, e2 and, where there is a third, e3."""
        return ("e1", "e2", "e3") if self.model.aggregate == "mastery" else ("e1", "e2")

    @property
    def config_hash(self) -> str:
        """16 hex digits over all values; where the data set lies is left out, its own hash joins in the run id."""
        return content_hash(identifying(self.model_dump(mode="json", exclude={"data": {"dataset"}})))


LATER: dict[str, dict[str, Any]] = {
    "data": {"evaluation_overlap": 0},
    "data.synthetic": {"simulator": "curve", "forgetting": None},
    "model": {"items": "none", "growth": "count", "aggregate": "none"},
    "training": {"loss": "bce", "batch_order": "shuffled", "aggregate_loss_weight": 0.5},
}
"""Fields, by the dotted path of their section, that came after runs were on record, and their defaults: what the code
did before."""


def identifying(values: dict[str, Any]) -> dict[str, Any]:
    """Of a run's values those that its hashes are made of: later fields count where they are not at their default.

    So a new field gives no run on record another identity. `values`: as `model_dump` gives them, in whole or in part.
    """
    for section, fields in LATER.items():
        values = _without_defaults(values, section.split("."), fields)
    return values


def _without_defaults(values: dict[str, Any], section: list[str], fields: dict[str, Any]) -> dict[str, Any]:
    if not section:
        return {name: value for name, value in values.items() if name not in fields or value != fields[name]}
    own = values.get(section[0])
    return values | {section[0]: _without_defaults(own, section[1:], fields)} if isinstance(own, dict) else values
