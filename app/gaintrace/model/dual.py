"""Building the encoders of a run, and stacking, selecting and reading members.

The encoders share no parameter, so each is a module of its own and each is seeded on its own: what one looks like
never changes the numbers of another.
"""

import copy
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

from gaintrace.config import RunConfig
from gaintrace.model.aggregate import AggregateEncoder
from gaintrace.model.evidence import EvidenceEncoder
from gaintrace.model.mastery import MasteryEncoder
from gaintrace.model.performance import PerformanceEncoder

Encoder = TypeVar("Encoder", bound=nn.Module)


def derived_seed(*parts: object) -> int:
    """A seed for one purpose, from a run's seed and names: 63 bits of SHA-256 over the parts."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw from a seed on the CPU, and go on as before. (`torch.manual_seed` has every GPU told, at a later use.)"""
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(before)


def build_performance(config: RunConfig, skills: int, item_answers: Tensor | None = None) -> PerformanceEncoder:
    """Encoder 1 of one run (K = 1), on the CPU, seeded by the run's seed alone.

    `item_answers`: training's answers on each item that it knows, I; none: no items.
    """
    with _seeded(derived_seed(config.training.seed, "e1", "weights")):
        return PerformanceEncoder(config.model, skills, config.data.max_sequence_length - 1, item_answers)


def build_mastery(
    config: RunConfig, skills: int, students: int, item_answers: Tensor | None = None
) -> MasteryEncoder | EvidenceEncoder:
    """Encoder 2 of one run (K = 1), on the CPU; `students` counts the training students, `item_answers` as above."""
    with _seeded(derived_seed(config.training.seed, "e2", "weights")):
        positions = config.data.max_sequence_length - 1
        if config.model.gain == "evidence":
            return EvidenceEncoder(config.model, config.learning_curve, skills, positions, item_answers)
        return MasteryEncoder(config.model, config.learning_curve, skills, positions, students, item_answers)


def build_aggregate(config: RunConfig, skills: int, item_answers: Tensor | None = None) -> AggregateEncoder:
    """Encoder 3 of one run (K = 1), on the CPU; `item_answers` as above."""
    with _seeded(derived_seed(config.training.seed, "e3", "weights")):
        return AggregateEncoder(config.model, config.learning_curve, skills, item_answers)


def build_side(side: str, config: RunConfig, skills: int, students: int, item_answers: Tensor | None) -> nn.Module:
    """The encoder of a run that `side` names, "e1", "e2" or "e3", as above."""
    if side == "e1":
        return build_performance(config, skills, item_answers)
    if side == "e2":
        return build_mastery(config, skills, students, item_answers)
    return build_aggregate(config, skills, item_answers)


def stack(encoders: list[Encoder]) -> Encoder:
    """One module of K members from K modules of one."""
    stacked = copy.deepcopy(encoders[0])
    own = [member_tensors(encoder) for encoder in encoders]
    for name, tensor in member_tensors(stacked).items():
        tensor.data = torch.cat([tensors[name].data for tensors in own])
    return stacked


def member_tensors(encoder: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer by name: K… each."""
    return {**dict(encoder.named_parameters()), **dict(encoder.named_buffers())}


def member_state(encoder: nn.Module, member: int) -> dict[str, Tensor]:
    """A detached copy of one member's tensors by name, K… → … each."""
    return {name: tensor.detach()[member].clone() for name, tensor in member_tensors(encoder).items()}


def load_member(encoder: nn.Module, member: int, state: dict[str, Tensor]) -> None:
    """Write one member's tensors, … each, as `member_state` gave them."""
    with torch.no_grad():
        for name, tensor in member_tensors(encoder).items():
            tensor[member].copy_(state[name])
