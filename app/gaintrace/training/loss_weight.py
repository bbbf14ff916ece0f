"""The weight of each encoder's loss: w in w·BCE(E1) + (1 − w)·BCE(E2) + v·BCE(E3), which may move, or learned.

v is a constant (`aggregate_loss_weight`); without a third encoder the last term is not there.

Learned weights are those of homoscedastic uncertainty (Kendall, Gal & Cipolla, 2018, for classification):

    loss of an encoder = exp(−s)·BCE + s/2

with s, the logarithm of a variance, learned beside the model. It is least at exp(−s) = 1/(2·BCE). The weights of the
encoders do not add up to one.
"""

import math

from torch import Tensor

from gaintrace.config import TrainingConfig

LOG_VARIANCE = "log_variance"
"""Name of s among an encoder's parameters: one number a member, only where weights are learned."""


def loss_weight(training: TrainingConfig, epoch: int) -> float:
    """w in an epoch, counted from 1: from `bce_loss_weight` in the first towards `bce_loss_weight_end`.

    `linear` and `cosine` arrive in the last of `epochs`; `inverse` does not know which that is and has 1/epoch of the
    way left.
    """
    start, end = training.bce_loss_weight, training.bce_loss_weight_end
    if end is None:
        return start
    if training.loss_weight_schedule == "inverse":
        return end + (start - end) / epoch
    way = (epoch - 1) / max(1, training.epochs - 1)
    if training.loss_weight_schedule == "cosine":
        way = (1 - math.cos(math.pi * way)) / 2
    return start + (end - start) * way


def side_weight(training: TrainingConfig, side: str, epoch: int = 1) -> float:
    """Weight of the loss of a side in an epoch, which is e1, e2 or e3; of learned weights, where they start."""
    if side == "e3":
        return training.aggregate_loss_weight
    w = loss_weight(training, epoch)
    return w if side == "e1" else 1 - w


def uncertainty_loss(loss: Tensor, log_variance: Tensor) -> Tensor:
    """exp(−s)·loss + s/2 for each member's loss and s: K each → K."""
    return (-log_variance).exp() * loss + log_variance / 2
