"""result.json: how one run ended. Written last, so a run without it is not finished. Importable without torch."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from gaintrace.config import Strict


class EncoderMetrics(Strict):
    """One encoder on one split: loss in nats a target, AUC, accuracy at 0.5.

    AUC is None where only one response occurs; imported results know nothing but AUC.
    """

    auc: float | None
    loss: float | None = None
    accuracy: float | None = None


def absent(value: Any) -> bool:
    """Whether a field is left out where it is written: of the third encoder, where a run has none."""
    return value is None


class Metrics(Strict):
    """Each encoder on one split, at its selected epoch; `targets` counts the predicted responses, if known."""

    e1: EncoderMetrics
    e2: EncoderMetrics
    e3: EncoderMetrics | None = Field(None, exclude_if=absent)
    targets: int | None = None


class RunError(Strict):
    """Why a run failed."""

    type: str
    message: str


class Stopped(Strict):
    """That a search stopped a run before its end: after how many epochs, and why."""

    epoch: int
    reason: str


class LearnedParameter(Strict):
    """A parameter of the learning curve, or a loss weight: where it started, and where it is at the selected epoch."""

    start: float
    mean: float
    min: float
    max: float


class GainStatistics(Strict):
    """Gains over the test interactions, each for the skill it practises: how much practice an answer is worth.

    Where mastery is evidence: by how much an answer moved it, which is below 0 after a wrong one.
    """

    mean: float
    std: float
    after_correct: float | None
    after_wrong: float | None


class Spread(Strict):
    """How far test probabilities lie apart.

    `among_equals`: standard deviation among targets of one skill and equally many earlier answers on it, at least one;
    None in results of before it was taken.
    """

    std: float
    min: float
    max: float
    among_equals: float | None = None


class ReliabilityBin(Strict):
    """Test targets of nearly one predicted probability: its mean, the share that was correct, and how many."""

    predicted: float
    observed: float
    targets: int


class Calibration(Strict):
    """How far probabilities are from frequencies: the expected calibration error, and the bins it sums over."""

    error: float
    bins: list[ReliabilityBin]


class Association(Strict):
    """A correlation inside groups: its mean over those that have enough targets, and how many do."""

    mean: float | None
    groups: int


class Interpretability(Strict):
    """How far encoder 2 is what it claims to be, on test.

    `mastery_falls` counts how often a student's mastery of a skill went down: 0 by construction, and None where mastery
    is evidence, which wrong answers lower. `mastery_auc` is the AUC of mastery against its threshold alone, without
    ability and growth. Future correctness is the share of correct answers of a student on a skill from a target on. The
    measures that tell mastery from exposure (gaintrace.runs.mastery_measures) are None in results of before they were
    taken.
    """

    mastery_falls: int | None
    mastery_auc: float | None
    skill_base_rate_auc: float | None = None
    mastery_within_skill_auc: float | None = None
    right_share_within_skill_auc: float | None = None
    mastery_exposure_correlation: float | None = None
    future_within_skills: Association
    future_within_students: Association
    calibration: dict[str, Calibration] = Field(description="by encoder, e1, e2 and, where there is one, e3")
    curve_recovery: dict[str, float | None] | None = Field(
        None, description="on simulated students: correlation over skills of learned with simulated parameters"
    )


class PyktAucs(Strict):
    """AUCs of one encoder on test under pyKT's names (gaintrace.runs.pykt).

    None where a run is not evaluated by chunks (`oriauc…`), where every answer has one skill (`…late_…`), or where one
    kind of response is all there is.
    """

    oriauclate_mean: float | None = None
    oriauclate_vote: float | None = None
    oriauclate_all: float | None = None
    windowaucconcepts: float | None = None
    windowauclate_mean: float | None = None
    windowauclate_vote: float | None = None
    windowauclate_all: float | None = None


class PyktScores(Strict):
    """What compares with pyKT's tables. A windowed target has at least `window_overlap` interactions before it.

    (Or all that the student has before.) `window_targets`: how many there are, each row of an answer counted.
    """

    window_overlap: int
    window_targets: int
    e1: PyktAucs
    e2: PyktAucs
    e3: PyktAucs | None = Field(None, exclude_if=absent)


class DataName(Strict):
    """The data set a run was trained on."""

    name: str
    hash: str


class RunResult(Strict):
    """result.json; of a run that a search stopped, the same in the sweep's folder, without anything measured on test.

    The encoders' selected epochs differ only under `selection_metric: per_encoder`; `best_epoch` is None where they do.
    """

    run_id: str
    status: Literal["succeeded", "failed", "stopped"]
    error: RunError | None = None
    stopped: Stopped | None = Field(None, exclude_if=absent)
    config_hash: str
    data: DataName
    code_version: str
    best_epoch: int | None = None
    best_epoch_e1: int | None = None
    best_epoch_e2: int | None = None
    best_epoch_e3: int | None = Field(None, exclude_if=absent)
    epochs_trained: int = 0
    steps: int | None = Field(None, description="optimizer steps to the selected epoch of encoder 2")
    valid: Metrics | None = None
    test: Metrics | None = None
    learned: dict[str, LearnedParameter] | None = None
    gain: GainStatistics | None = None
    spread: dict[str, Spread] | None = Field(None, description="by encoder, as calibration; `mastery`: by itself")
    interpretability: Interpretability | None = None
    pykt: PyktScores | None = Field(None, description="None in results of before it was measured")
    mastery_recovery: float | None = Field(None, description="correlation with simulated mastery")
    simulator: str | None = Field(None, description="what simulated it; of before: `curve`")
    shared_e1_with: list[str] = Field(
        [], description="the other run of least id that shares its encoder 1; in results of before, all that do"
    )
    files: dict[str, str] = Field({}, description="by name, what a file that this was written with is called")
    seconds: float = 0.0
    joules: float | None = Field(None, description="energy of its GPU, shared with the runs beside it")
    environment: dict[str, str | int | float] = Field({})

    @property
    def picked(self) -> str:
        """Its selected epochs for a reader."""
        return epochs_text(vars(self))

    @model_validator(mode="before")
    @classmethod
    def _one_epoch_is_both(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("best_epoch") is not None:
            return {f"best_epoch_{side}": values["best_epoch"] for side in ("e1", "e2")} | values
        return values


def epochs_text(selected: Mapping[str, Any]) -> str:
    """Selected epochs of a run for a reader: `5`, or `5/11` (E1/E2) where each encoder has its own; empty without any.

    `selected`: `best_epoch_e1` and so on, of a result or of a row of the table of runs.
    """
    picked = (selected.get(f"best_epoch_{side}") for side in ("e1", "e2", "e3"))
    known = [str(epoch) for epoch in picked if epoch is not None]
    return "/".join(known) if len(set(known)) > 1 else "".join(known[:1])
