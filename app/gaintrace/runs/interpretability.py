"""How far the mastery encoder is what it claims to be, measured on the test predictions of a run."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torchmetrics.functional.classification import binary_auroc

from gaintrace.config import DataConfig, RunConfig
from gaintrace.data.dataset import Dataset
from gaintrace.data.synthetic import simulate
from gaintrace.data.windows import window_starts
from gaintrace.model.curves import natural
from gaintrace.model.evidence import STARTS
from gaintrace.runs.mastery_measures import (
    deviation_among_equals,
    earlier_answers_of,
    mastery_logit,
    measure_mastery,
)
from gaintrace.runs.result import (
    Association,
    Calibration,
    Interpretability,
    LearnedParameter,
    ReliabilityBin,
    Spread,
)
from gaintrace.training.epoch_rules import SIDES
from gaintrace.training.history import Weights
from gaintrace.training.loss_weight import LOG_VARIANCE, side_weight

BINS = 15
"""Of equal width, as usual for the expected calibration error (Guo et al., 2017)."""
LEAST = {"skill": 30, "student": 10}
"""Targets that a skill or a student needs before a correlation over them counts."""
MASTERY_ROUNDING = 1e-6
"""Mastery may differ by so much from one position to the next without having changed."""
TRUTH = {"beta_skill": "beta", "m_sat": "m_sat", "offset": "offset", "threshold": "threshold"}
"""Learned parameter → simulated one."""


def interpret(predictions: pd.DataFrame, config: RunConfig, weights: Weights, dataset: Dataset) -> Interpretability:
    """`predictions`: rows as in predictions.parquet, a target each; `weights`: of the run, at its selected epochs.

    `dataset`: the one that the run was trained on.
    """
    data, position = config.data, predictions["position"].to_numpy(np.int64)
    frame = predictions.assign(chunk=window_starts(position, data.max_sequence_length, data.evaluation_overlap))
    frame = frame.sort_values(["student", "position"], ignore_index=True)
    frame["future"] = future_correctness(frame)
    return Interpretability(
        mastery_falls=None if config.model.gain == "evidence" else falls(frame),
        mastery_auc=_auc(mastery_logit(frame), frame["response"]),
        **measure_mastery(predictions, dataset, config.data).model_dump(),
        future_within_skills=association(frame, "skill"),
        future_within_students=association(frame, "student"),
        calibration={side: calibration(frame[side], frame["response"]) for side in config.sides},
        curve_recovery=curve_recovery(config, weights),
    )


def falls(frame: pd.DataFrame) -> int:
    """How often a student's mastery of a skill went down in a chunk; rows in order of position."""
    return int((frame.groupby(["student", "chunk", "skill"])["mastery"].diff() < -MASTERY_ROUNDING).sum())


def future_correctness(frame: pd.DataFrame) -> pd.Series:
    """Share of correct answers of a student on a skill from each target on, in a chunk; rows in order of position."""
    backwards = frame.iloc[::-1].groupby(["student", "chunk", "skill"])["response"]
    return (backwards.cumsum() / (backwards.cumcount() + 1)).reindex(frame.index)


def association(frame: pd.DataFrame, by: str) -> Association:
    """Correlation of mastery with what follows inside each skill or student, averaged over those that have enough."""
    grouped = frame.groupby(by)[["mastery", "future"]]
    counts = grouped.size()
    found = [_correlation(group["mastery"], group["future"]) for key, group in grouped if counts[key] >= LEAST[by]]
    known = [value for value in found if value is not None]
    return Association(mean=float(np.mean(known)) if known else None, groups=len(known))


def calibration(probability: pd.Series, response: pd.Series) -> Calibration:
    """Expected calibration error: mean distance of predicted from observed over bins, weighted by their targets."""
    place = np.minimum((probability * BINS).astype(int), BINS - 1)
    means = pd.DataFrame({"predicted": probability, "observed": response}).groupby(place).agg(["mean", "size"])
    bins = [
        ReliabilityBin(predicted=float(p), observed=float(o), targets=int(n))
        for p, o, n in zip(
            means["predicted", "mean"], means["observed", "mean"], means["observed", "size"], strict=True
        )
    ]
    error = sum(b.targets * abs(b.predicted - b.observed) for b in bins) / len(probability)
    return Calibration(error=error, bins=bins)


def mastery_recovery(predictions: pd.DataFrame) -> float | None:
    """Correlation of learned with simulated mastery over the test targets; None on real data."""
    if "true_mastery" not in predictions:
        return None
    return _correlation(predictions["mastery"], predictions["true_mastery"])


def curve_recovery(config: RunConfig, weights: Weights) -> dict[str, float | None] | None:
    """Correlation over skills of the learned with the simulated parameters of the curve.

    None on real data, and where the simulator or the encoder (mastery by evidence) has no curve.
    """
    if config.data.synthetic is None or config.data.synthetic.simulator != "curve" or config.model.gain == "evidence":
        return None
    truth = simulate(config.data.synthetic)[1]
    values = curve_values(weights)
    return {
        name: _correlation(pd.Series(values[name].numpy()), pd.Series(getattr(truth, simulated)))
        for name, simulated in TRUTH.items()
        if len(values[name]) == config.data.synthetic.skills
    }


def learned(config: RunConfig, weights: Weights) -> dict[str, LearnedParameter]:
    """Where each parameter of the learning curve started, and where it is, in its own unit.

    So too `loss_weight_e1` and those of the other sides, the factors exp(−s) of the losses, where these are learned.
    """
    curve = config.learning_curve
    starts = {
        "beta_skill": curve.beta_skill_init,
        "m_sat": curve.m_sat_init,
        "gamma_student": curve.gamma_student_init,
        "offset": curve.sigmoid_offset,
        "threshold": curve.mastery_threshold_init,
        "temperature": curve.threshold_temperature,
        **STARTS,
    }
    values = curve_values(weights)
    for side, tensors in weights.items():
        if LOG_VARIANCE in tensors:
            starts[f"loss_weight_{side}"] = side_weight(config.training, side)
            values[f"loss_weight_{side}"] = (-tensors[LOG_VARIANCE].cpu()).exp()
    return {
        name: LearnedParameter(
            start=starts[name], mean=float(tensor.mean()), min=float(tensor.min()), max=float(tensor.max())
        )
        for name, tensor in values.items()
    }


def spread(predictions: pd.DataFrame, dataset: Dataset, config: DataConfig) -> dict[str, Spread]:
    """How far apart the probabilities lie that each encoder gives, and that mastery gives by itself: `mastery`."""
    exposure = earlier_answers_of(predictions, dataset, config)["answers"].to_numpy()
    skill = predictions["skill"].to_numpy()
    alone = 1 / (1 + np.exp(-mastery_logit(predictions)))
    return {
        name: Spread(
            std=float(probability.std(ddof=0)),
            min=float(probability.min()),
            max=float(probability.max()),
            among_equals=deviation_among_equals(probability.to_numpy(), skill, exposure),
        )
        for name, probability in (*((s, predictions[s]) for s in SIDES if s in predictions), ("mastery", alone))
    }


def curve_values(weights: Weights) -> dict[str, Tensor]:
    """The learned parameters of the curve in their units, each over skills, students or alone, on the CPU."""
    tensors = {k.removeprefix("curve."): v.cpu() for k, v in weights["e2"].items() if k.startswith("curve.")}
    tensors.pop("temperature", None)  # the published one is fixed
    return natural(tensors)


def _auc(logit: pd.Series, response: pd.Series) -> float | None:
    if response.nunique() < 2:
        return None
    scores, answers = (torch.from_numpy(series.to_numpy(copy=True)) for series in (logit, response))
    return float(binary_auroc(torch.sigmoid(scores.double()), answers.long(), validate_args=False))


def _correlation(a: pd.Series, b: pd.Series) -> float | None:
    """Pearson's; None where one of the two is constant."""
    if a.nunique() < 2 or b.nunique() < 2:
        return None
    return float(a.reset_index(drop=True).corr(b.reset_index(drop=True)))
