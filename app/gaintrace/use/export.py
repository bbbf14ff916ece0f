"""A trained run as files that are used without gaintrace: a graph or its weights, and a model card."""

import json
from pathlib import Path
from typing import Literal

from safetensors.torch import save

from gaintrace.data.dataset import Dataset
from gaintrace.model.dual import member_state
from gaintrace.use.card import card
from gaintrace.use.graph import write_graph
from gaintrace.use.output import whole
from gaintrace.use.trained import Trained

Format = Literal["onnx", "safetensors"]


def export(trained: Trained, dataset: Dataset | None, to: Path, kind: Format, licence: str | None) -> list[Path]:
    """Write the model and, beside it, its card; where they are.

    `dataset`: the run's, where it can still be read; `licence`: of the data. Raises StoreError.
    """
    about = {"run": trained.run, "config": trained.config.model_dump_json()}
    vocabulary = trained.vocabulary.model_dump_json()
    with whole(to) as temporary:
        if kind == "onnx":
            write_graph(trained, temporary, about | {"vocabulary": vocabulary})
        else:
            encoders = {"e1": trained.performance, "e2": trained.mastery}
            tensors = {f"{side}.{k}": v for side, e in encoders.items() for k, v in member_state(e, 0).items()}
            one = json.dumps(about | {"config": json.loads(about["config"]), "vocabulary": json.loads(vocabulary)})
            # Of several entries the order would be left to chance; a file that safetensors opens is its owner's alone.
            temporary.write_bytes(save(tensors, {"gaintrace": one}))
    with whole(described(to)) as temporary:
        temporary.write_text(card(trained, dataset, kind, licence), encoding="utf-8")
    return [to, described(to)]


def described(to: Path) -> Path:
    """Where the card of an exported model lies: one of each format would not have the other's."""
    return to.with_name(f"{to.name}.md")
