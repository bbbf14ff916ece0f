"""Both encoders as one ONNX graph, which answers questions of histories as predictions are made."""

import contextlib
import importlib.util
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from gaintrace.errors import ConfigError
from gaintrace.model.asking import Questions, histories
from gaintrace.use.trained import Trained

NEEDED = ("onnx", "onnxscript")

INPUTS = {
    "skill": ("int64 [batch, answers]", "number of each answer's skill, oldest first; after `length` anything, as 0"),
    "response": ("int64 [batch, answers]", "1 for a right answer, 0 for a wrong one"),
    "length": ("int64 [batch]", "answers of each student that count, at least 1"),
    "asked_skill": ("int64 [batch, questions]", "number of each skill that is asked about"),
}
ITEM_INPUTS = {
    "item": ("int64 [batch, answers]", "number of each answer's item, 0 for one that training did not know"),
    "asked_item": ("int64 [batch, questions]", "number of the item that is asked, 0 for the skill by itself"),
}
OUTPUTS = {
    "probability": "of a right next answer, by encoder 1",
    "probability_by_mastery": "the same by encoder 2",
    "mastery": "of the skill, in [0, 1]",
    "ability": "logits that encoder 2 adds for the student; 0 where it infers none",
}
"""Each float32 [batch, questions]."""


class Graph(nn.Module):
    """The encoders of a run behind plain tensors: INPUTS and, where items count, ITEM_INPUTS → OUTPUTS."""

    def __init__(self, trained: Trained) -> None:
        super().__init__()
        self.performance, self.mastery, self.skills = trained.performance, trained.mastery, len(trained.skills)

    def forward(
        self,
        skill: Tensor,
        response: Tensor,
        length: Tensor,
        asked_skill: Tensor,
        item: Tensor | None = None,
        asked_item: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """See INPUTS, ITEM_INPUTS and OUTPUTS."""
        last = (length[:, None] - 1).expand_as(asked_skill)
        unknown = torch.zeros_like(asked_skill) if asked_item is None else asked_item
        questions = Questions(asked_skill, unknown, last, last)
        read = histories(skill, response, torch.zeros_like(skill) if item is None else item, self.skills)
        first, second = self.performance.ask(read, questions), self.mastery.ask(read, questions)
        found = first.sigmoid(), second.logit.sigmoid(), second.mastery, second.ability
        probability, by_mastery, mastery, ability = (x.view_as(asked_skill) for x in found)
        return probability, by_mastery, mastery, ability


def inputs_of(trained: Trained) -> dict[str, tuple[str, str]]:
    """What the graph of a run takes: type and meaning by name, in order."""
    return INPUTS | (ITEM_INPUTS if trained.reads_items else {})


def check_onnx() -> None:
    """Raises ConfigError where a graph cannot be made."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(f"--format onnx needs {' and '.join(missing)}: pip install 'gaintrace[onnx]'")


def write_graph(trained: Trained, path: Path, metadata: dict[str, str]) -> None:
    """Write the ONNX graph of a run on the CPU; any batch, answers and questions fit it."""
    names = list(inputs_of(trained))
    size = {"batch": 2, "answers": 5, "questions": 3}
    axes = {name: kind.partition("[")[2].rstrip("]").split(", ") for name, (kind, _) in inputs_of(trained).items()}
    example = {name: torch.ones([size[axis] for axis in axes[name]], dtype=torch.int64) for name in names}
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            Graph(trained).eval(),
            kwargs=example,
            dynamo=True,
            input_names=names,
            output_names=list(OUTPUTS),
            dynamic_shapes={name: dict(enumerate(axes[name])) for name in names},
            verbose=False,
        )
        assert program is not None
        program.model.metadata_props.update(metadata)
        program.save(path, external_data=False)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says of itself."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
