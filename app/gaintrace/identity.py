"""What makes two runs the same run, or lets them share work. Importable without torch."""

import hashlib
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from gaintrace import __version__
from gaintrace.config import RunConfig, content_hash

# The sources that decide a run's numbers. A change to the report must not retrain a sweep; a change here must.
NUMERIC_SOURCES = ("data/batches.py", "data/groups.py", "data/shapes.py", "model", "training")

IMPORTED = "imported"
"""Code version of runs that somebody else's code trained."""

# What may differ between runs trained as one population; all else decides shapes, batches or the optimizer.
PER_MEMBER: Any = {
    "data": {"dataset"},
    "learning_curve": True,
    "training": {
        "bce_loss_weight",
        "bce_loss_weight_end",
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
    "model": {"gain", "curve", "ability"},
    "training": {"curve_learning_rate", "selection_metric"},
}
# The same where each encoder learns its loss weight, at the curve's learning rate.
MASTERY_ONLY_WITH_LEARNED_WEIGHTS: Any = MASTERY_ONLY | {"training": {"selection_metric"}}


@cache
def code_version() -> str:
    """The package's version and 8 hex digits over the sources that decide a run's numbers."""
    digest = hashlib.sha256()
    package = resources.files("gaintrace")
    for name in NUMERIC_SOURCES:
        for source in _python_files(package.joinpath(*name.split("/"))):
            digest.update(source.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:8]}"


def _python_files(entry: Traversable) -> list[Traversable]:
    if entry.is_file():
        return [entry] if entry.name.endswith(".py") else []
    children = sorted(entry.iterdir(), key=lambda child: child.name)
    return [file for child in children for file in _python_files(child)]


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
