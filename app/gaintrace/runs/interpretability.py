"""How far the mastery encoder is what it claims to be, measured on the test predictions of a run."""

from functools import lru_cache

import numpy as np
import pandas as pd
from torch import Tensor

from gaintrace.config import RunConfig, SyntheticConfig
from gaintrace.data.simulators import Students
from gaintrace.data.synthetic import simulate
from gaintrace.model.curves import natural
from gaintrace.model.evidence import STARTS
from gaintrace.runs.auc import Scores, auc
from gaintrace.runs.mastery_measures import deviation_among_equals, mastery_logit, measure_mastery
from gaintrace.runs.result import (
    Association,
    Calibration,
    Interpretability,
    LearnedParameter,
    ReliabilityBin,
    Spread,
)
from gaintrace.runs.targets import Chains, Targets
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


def interpret(predictions: pd.DataFrame, targets: Targets, config: RunConfig, weights: Weights) -> Interpretability:
    """`predictions`: rows as in predictions.parquet, one a target; `weights`: of the run, at its selected epochs."""
    frame = targets.in_order(predictions)
    mastery, response = frame["mastery"].to_numpy(), frame["response"].to_numpy()
    return Interpretability(
        mastery_falls=None if config.model.gain == "evidence" else falls(mastery, targets.chains),
        mastery_auc=auc(sigmoid(mastery_logit(frame)), response),
        **measure_mastery(predictions, targets).model_dump(),
        future_within_skills=association(frame["skill"].to_numpy(), mastery, targets.future, LEAST["skill"]),
        future_within_students=association(frame["student"].to_numpy(), mastery, targets.future, LEAST["student"]),
        calibration={side: calibration(frame[side].to_numpy(), response) for side in config.sides},
        curve_recovery=curve_recovery(config, weights),
    )


def falls(mastery: Scores, chains: Chains) -> int:
    """How often a student's mastery of a skill went down in a chunk; rows as those of the chains."""
    change = np.diff(mastery[chains.order], prepend=0)
    change[chains.first] = 0
    return int((change < -MASTERY_ROUNDING).sum())


def association(group: Scores, mastery: Scores, future: Scores, least: int) -> Association:
    """Correlation of mastery with what follows inside each group (0 ..), averaged over those with targets enough."""
    narrow = group.astype(np.min_scalar_type(group.max(initial=0)))  # which numpy sorts by counting
    order = np.argsort(narrow, kind="stable")
    start = np.flatnonzero(np.diff(group[order].astype(np.int64), prepend=-1))
    count = np.diff(start, append=len(group))
    mastery, future = (values.astype(np.float64)[order] for values in (mastery, future))
    enough = count >= least
    for values in (mastery, future):
        enough &= np.maximum.reduceat(values, start) > np.minimum.reduceat(values, start)
        np.subtract(values, np.repeat(np.add.reduceat(values, start) / count, count), out=values)
    product, squares, others = (
        np.add.reduceat(values, start)[enough] for values in (mastery * future, mastery**2, future**2)
    )
    found = product / np.sqrt(squares * others)
    return Association(mean=float(np.mean(found)) if len(found) else None, groups=len(found))


def calibration(probability: Scores, response: Scores) -> Calibration:
    """Expected calibration error: mean distance of predicted from observed over bins, weighted by their targets."""
    place = np.minimum((probability * BINS).astype(int), BINS - 1)
    targets = np.bincount(place, minlength=BINS)
    known = targets > 0
    sums = (np.bincount(place, values, BINS)[known] / targets[known] for values in (probability, response))
    predicted, observed = next(sums).astype(probability.dtype), next(sums)
    bins = [
        ReliabilityBin(predicted=float(p), observed=float(o), targets=int(n))
        for p, o, n in zip(predicted, observed, targets[known], strict=True)
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
    truth = _simulated(config.data.synthetic.model_dump_json())
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


def spread(predictions: pd.DataFrame, targets: Targets) -> dict[str, Spread]:
    """How far apart the probabilities lie that each encoder gives, and that mastery gives by itself: `mastery`."""
    exposure, skill = targets.answers, predictions["skill"].to_numpy()
    scores = {name: predictions[name].to_numpy() for name in SIDES if name in predictions}
    scores["mastery"] = sigmoid(mastery_logit(predictions))
    return {
        name: Spread(
            std=float(probability.std(dtype=np.float64)),
            min=float(probability.min()),
            max=float(probability.max()),
            among_equals=deviation_among_equals(probability, skill, exposure),
        )
        for name, probability in scores.items()
    }


def curve_values(weights: Weights) -> dict[str, Tensor]:
    """The learned parameters of the curve in their units, each over skills, students or alone, on the CPU."""
    tensors = {k.removeprefix("curve."): v.cpu() for k, v in weights["e2"].items() if k.startswith("curve.")}
    tensors.pop("temperature", None)  # the published one is fixed
    return natural(tensors)


def sigmoid(logit: Scores) -> Scores:
    """Probability of a logit."""
    found: Scores = 1 / (1 + np.exp(-logit))
    return found


@lru_cache(maxsize=1)
def _simulated(config: str) -> Students:
    """What students were simulated with; runs of a sweep share them."""
    return simulate(SyntheticConfig.model_validate_json(config))[1]


def _correlation(a: pd.Series, b: pd.Series) -> float | None:
    """Pearson's; None where one of the two is constant."""
    if a.nunique() < 2 or b.nunique() < 2:
        return None
    return float(a.reset_index(drop=True).corr(b.reset_index(drop=True)))
