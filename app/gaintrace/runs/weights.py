"""model.safetensors of a finished run: the weights of the encoders at their selected epochs."""

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from gaintrace.config import RunConfig
from gaintrace.errors import StoreError
from gaintrace.model.dual import build_mastery, build_performance, load_member
from gaintrace.model.evidence import EvidenceEncoder
from gaintrace.model.mastery import MasteryEncoder
from gaintrace.model.performance import PerformanceEncoder
from gaintrace.runs.files import file_name
from gaintrace.store import Store, layout
from gaintrace.training.history import Weights

NAME = "model.safetensors"


def read_weights(store: Store, run: str) -> Weights:
    """Tensors by side and name, on the CPU. Raises StoreError where they cannot be read."""
    return weights_in(store.child(layout.run(run)))


def weights_in(folder: Store) -> Weights:
    """The same of the run in a folder."""
    where = file_name(folder, NAME)
    try:
        tensors = load(folder.read(where))
    except SafetensorError as error:
        raise StoreError(f"{folder.uri}/{where} is damaged: {error}. Train the run again") from None
    weights: Weights = {}
    for name, tensor in tensors.items():
        side, _, own = name.partition(".")
        weights.setdefault(side, {})[own] = tensor
    return weights


def performance_encoder(config: RunConfig, skills: int, weights: Weights) -> PerformanceEncoder:
    """Encoder 1 of a run, on the CPU. Raises KeyError or RuntimeError where the weights are of another model."""
    encoder = build_performance(config, skills, torch.ones(_items(weights, "e1")))
    load_member(encoder, 0, weights["e1"])
    return encoder.eval()


def mastery_encoder(config: RunConfig, skills: int, weights: Weights) -> MasteryEncoder | EvidenceEncoder:
    """Encoder 2 of a run, likewise."""
    students = next((len(t) for name, t in weights["e2"].items() if name.endswith("gamma_student")), 1)
    encoder = build_mastery(config, skills, students, torch.ones(_items(weights, "e2")))
    load_member(encoder, 0, weights["e2"])
    return encoder.eval()


def _items(weights: Weights, side: str) -> int:
    return next((len(t) for name, t in weights[side].items() if name == "difficulty.weight"), 0)


def misfit(store: Store, run: str, error: Exception) -> StoreError:
    """What to raise where weights are of another model than the code builds today."""
    return misfit_in(store.child(layout.run(run)), error)


def misfit_in(folder: Store, error: Exception) -> StoreError:
    """The same of the run in a folder."""
    reason = str(error).splitlines()[0]
    return StoreError(f"{folder.uri}/{file_name(folder, NAME)} does not fit this version of the model: {reason}")
