"""What makes two runs the same run, or lets them share work. Importable without torch."""

from typing import Any

from gaintrace.config import RunConfig, content_hash

NUMBERS = "0.1.0+41a3cc84"
"""Names the numbers that this code gives. It gets a new name, any, with a change that gives other numbers to the same
configuration and data, and stays with every other change, so that nobody's finished runs are trained again for it.
tests/test_numbers.py holds the code to its name. (This one is a hash of the sources that first had it.)"""

IMPORTED = "imported"
"""Code version of runs that somebody else's code trained."""

# What may differ between runs trained as one population; all else decides shapes, batches or the optimizer.
PER_MEMBER: Any = {
    "data": {"dataset"},
    "learning_curve": True,
    "training": {
        "bce_loss_weight",
        "bce_loss_weight_end",
        "aggregate_loss_weight",
        "loss_weight_schedule",
        "gradient_clip",
        "seed",
        "epochs",
        "patience",
        "selection_metric",
    },
}
# What the training of encoder 1 cannot see. Which of its epochs counts is each run's own affair.
MASTERY_ONLY: Any = {
    "data": {"dataset"},
    "learning_curve": True,
    "model": {"gain", "curve", "ability", "growth", "aggregate"},
    "training": {"curve_learning_rate", "selection_metric", "aggregate_loss_weight"},
}
# The same where each encoder learns its loss weight, at the curve's learning rate.
MASTERY_ONLY_WITH_LEARNED_WEIGHTS: Any = MASTERY_ONLY | {"training": {"selection_metric", "aggregate_loss_weight"}}
# What the training of encoders 1 and 2 cannot see.
AGGREGATE_ONLY: Any = {"model": {"aggregate"}, "training": {"aggregate_loss_weight"}}


def code_version() -> str:
    """What names the numbers that this code gives."""
    return NUMBERS


def run_id(config: RunConfig, data_hash: str) -> str:
    """12 hex digits over a run's configuration, its data's content and the code: equal ids mean equal numbers."""
    return content_hash([config.config_hash, data_hash, code_version()])[:12]


def population_key(config: RunConfig) -> str:
    """Runs of one key can be trained as one population."""
    return content_hash(config.model_dump(mode="json", exclude=PER_MEMBER))


def performance_key(run: str, config: RunConfig) -> str:
    """Runs of one key have an identical encoder 1. Under a global clip the mastery encoder reaches it, so none do."""
    if config.training.clip_scope == "global":
        return run
    learned = config.training.loss_weighting == "learned"
    unseen = MASTERY_ONLY_WITH_LEARNED_WEIGHTS if learned else MASTERY_ONLY
    return content_hash(config.model_dump(mode="json", exclude=unseen))
