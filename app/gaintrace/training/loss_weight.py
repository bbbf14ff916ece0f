"""The weight w of encoder 1 in w·BCE(E1) + (1 − w)·BCE(E2), which may move over the epochs."""

import math

from gaintrace.config import TrainingConfig


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
