"""Mastery by evidence with hindsight: at every time, given the answers before it and those after it.

Filtered mastery (gaintrace.model.evidence) weighs an answer by retention^(what was answered since). With hindsight,
what is still to come counts too, and fades with distance in the same way:

    age(k, t)   = what was answered between answer k and time t: 1 for each on the skill, transfer[s] for others
    weight      = u[k] · retention[s]^age(k, t), for k before t and after t alike
    smoothed[t] = (prior left at t · start + Σ weight · response) / (prior left at t + Σ weight)

u is what the answer counts, and the prior stands before the first answer, so it counts once. Two-sided geometric
weights are those of the smoother of a level that drifts at random (Harvey, 1989). Laws: after the last answer, smoothed
is filtered mastery; a right answer in place of a wrong one lowers mastery of no skill, before it or after.

Where a skill can be learned and not lost, mastery may not fall either. `monotone` is the non-decreasing curve nearest
to the smoothed one, each time weighted by its evidence (smooth first, then regress: Mammen, 1991). The regression on
the answers themselves would end at 1 whenever the last answer was right, whatever came before.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression

from gaintrace.model.curves import natural
from gaintrace.model.evidence import EvidenceCurve

Scores = np.ndarray[tuple[int, int], np.dtype[np.float64]]
Answers = np.ndarray[tuple[int], np.dtype[Any]]


class Hindsight(NamedTuple):
    """Mastery of S skills before the first of T answers and after each: S(T+1) each, in [0, 1]."""

    smoothed: Scores
    monotone: Scores


def hindsight(
    curve: EvidenceCurve, skill: Answers, response: Answers, difficulty: Answers, asked: Answers
) -> Hindsight:
    """skill, response, difficulty (of the item, in logits): T each, in order of time; asked: S skills."""
    tensors = {name: tensor.detach() for name, tensor in curve.named_parameters()}
    value = {name: tensor[0].double().numpy() for name, tensor in natural(tensors).items()}
    start, retention, transfer = (value[name][asked, None] for name in ("start", "retention", "transfer"))
    prior = value["prior_share"][asked, None] / (1 - retention)
    ease = tensors["logit_start"][0].double().numpy()
    own = asked[:, None] == skill  # ST
    sign = np.where(response == 1, 1, -1)
    of_own, of_other = (
        2 / (1 + np.exp(-sign * away)) for away in (difficulty, ease[asked, None] - ease[skill] + difficulty)
    )
    counts = np.where(own, of_own, transfer * of_other)
    kept = retention ** np.where(own, 1.0, transfer)
    weight, right = _faded(counts, kept, response, prior, prior * start)
    nothing = np.zeros_like(prior)
    later = _faded(counts[:, ::-1], kept[:, ::-1], response[::-1], nothing, nothing)
    weight, right = weight + later[0][:, ::-1], right + later[1][:, ::-1]
    smoothed = right / weight
    rising = [isotonic_regression(row, weights=own) for row, own in zip(smoothed, weight, strict=True)]
    return Hindsight(smoothed, np.array([found.x for found in rising]))


def _faded(counts: Scores, kept: Scores, response: Answers, weight: Scores, right: Scores) -> tuple[Scores, Scores]:
    """Weight of the answers so far and of the right ones among them, before the first and after each: S(T+1) each."""
    weights, rights = [weight[:, 0]], [right[:, 0]]
    for t, given in enumerate(response):
        weights.append(kept[:, t] * weights[-1] + counts[:, t])
        rights.append(kept[:, t] * rights[-1] + counts[:, t] * given)
    return np.stack(weights, axis=1), np.stack(rights, axis=1)
