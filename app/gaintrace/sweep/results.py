"""result.json: how one run ended. Written last, so a run without it is not finished. Importable without torch."""

from typing import Literal

from pydantic import Field

from gaintrace.config import Strict


class EncoderMetrics(Strict):
    """One encoder on one split: loss in nats a target, AUC, accuracy at 0.5.

    AUC is None where only one response occurs; imported results know nothing but AUC.
    """

    auc: float | None
    loss: float | None = None
    accuracy: float | None = None


class Metrics(Strict):
    """Both encoders on one split, at the selected epoch; `targets` counts the predicted responses, if known."""

    e1: EncoderMetrics
    e2: EncoderMetrics
    targets: int | None = None


class RunError(Strict):
    """Why a run failed."""

    type: str
    message: str


class LearnedParameter(Strict):
    """A parameter of the learning curve: where it started, and where it is at the selected epoch."""

    start: float
    mean: float
    min: float
    max: float


class GainStatistics(Strict):
    """Gains over the test interactions, each for the skill it practises: how much practice an answer is worth."""

    mean: float
    std: float
    after_correct: float | None
    after_wrong: float | None


class Spread(Strict):
    """How far an encoder's test probabilities lie apart."""

    std: float
    min: float
    max: float


class DataName(Strict):
    """The data set a run was trained on."""

    name: str
    hash: str


class RunResult(Strict):
    """result.json."""

    run_id: str
    status: Literal["succeeded", "failed"]
    error: RunError | None = None
    config_hash: str
    data: DataName
    code_version: str
    best_epoch: int | None = None
    epochs_trained: int = 0
    valid: Metrics | None = None
    test: Metrics | None = None
    learned: dict[str, LearnedParameter] | None = None
    gain: GainStatistics | None = None
    spread: dict[str, Spread] | None = Field(None, description="by encoder, e1 and e2")
    mastery_recovery: float | None = None
    shared_e1_with: list[str] = Field([])
    seconds: float = 0.0
    environment: dict[str, str | int | float] = Field({})
