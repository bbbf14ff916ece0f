"""Every configuration model: one run (`RunConfig`) and a sweep of runs (`SweepSpec`).

Importable without torch. Unknown keys are rejected, bounds stand in the field types, and a resolved configuration has
a content hash that depends on nothing but its values.
"""

from gaintrace.config.base import FOLDS, Strict, as_text, content_hash, explain
from gaintrace.config.data import DataConfig, Simulator, SyntheticConfig
from gaintrace.config.load import listed_overrides, load_spec, parse_spec, preset_names
from gaintrace.config.objective import Objective, SuccessCriteria, weighted
from gaintrace.config.run import (
    LearningCurveConfig,
    ModelConfig,
    RunConfig,
    TrainingConfig,
    identifying,
)
from gaintrace.config.search import Range, Search, Stopping
from gaintrace.config.sweep import SweepSpec

__all__ = [
    "FOLDS",
    "DataConfig",
    "LearningCurveConfig",
    "ModelConfig",
    "Objective",
    "Range",
    "RunConfig",
    "Search",
    "Simulator",
    "Stopping",
    "Strict",
    "SuccessCriteria",
    "SweepSpec",
    "SyntheticConfig",
    "TrainingConfig",
    "as_text",
    "content_hash",
    "explain",
    "identifying",
    "listed_overrides",
    "load_spec",
    "parse_spec",
    "preset_names",
    "weighted",
]
