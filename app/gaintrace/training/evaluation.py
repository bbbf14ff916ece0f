"""Predictions of stacked members on a split, and the numbers made of them.

N counts targets here; the other shape letters are those of gaintrace.model.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaintrace.config import RunConfig
from gaintrace.data.batches import DeviceData, Members
from gaintrace.data.chunks import Split
from gaintrace.model.dual import build_side, load_member
from gaintrace.model.evidence import EvidenceEncoder
from gaintrace.model.layers import no_dropout
from gaintrace.model.mastery import MasteryEncoder
from gaintrace.training.auc import aucs
from gaintrace.training.history import Weights

TOKENS = 8192
"""Positions a batch of evaluation: enough to fill a device, few enough to stay in a processor's cache."""


@dataclass(frozen=True)
class EncoderScore:
    """One encoder of one run on one split. `auc` is None where only one response occurs."""

    loss: float
    auc: float | None
    accuracy: float


@dataclass(frozen=True)
class GainScore:
    """Gains of one run on one split, each an interaction's for the skill it practises.

    `after_correct` and `after_wrong` are means over the interactions with that response; None where there is none.
    """

    mean: float
    std: float
    after_correct: float | None
    after_wrong: float | None


@dataclass(frozen=True)
class Predictions:
    """What K members of one side say of the N targets of a split."""

    logit: Tensor  # KN
    mastery: Tensor | None  # KN, encoder 2 only
    ability: Tensor | None  # KN logits, encoder 2 only
    growth: Tensor | None  # KN logits, encoder 2 only, where it is apart from mastery
    difficulty: Tensor | None  # KN logits, encoder 2 only, where items have one
    gain: Tensor | None  # KN, of the interaction before each target; encoder 2 only
    answered: Tensor  # N, response of the interaction before each target
    response: Tensor  # N
    index: Tensor  # N, row of each target in the data set's interactions


def trained_encoders(config: RunConfig, weights: Weights, data: DeviceData) -> dict[str, nn.Module]:
    """The encoders of a run with its weights, by side, on the device of the data that it was trained on."""
    encoders = {
        side: build_side(side, config, data.skills, data.train_students, data.item_answers).to(data.device)
        for side in config.sides
    }
    give_weights(encoders, weights)
    return encoders


def give_weights(encoders: dict[str, nn.Module], weights: Weights) -> None:
    """Give encoders the weights of another run of their population, which has the same structure."""
    for name, encoder in encoders.items():
        load_member(encoder, 0, weights[name])


@torch.no_grad()
def predict(
    module: nn.Module,
    data: DeviceData,
    split: Split,
    bf16: bool = False,
    between: Callable[[], None] = lambda: None,
) -> Predictions:
    """Run every member over a split, without dropout. `between` is called before each batch and may raise."""
    module.eval()
    count = len(next(module.parameters()))
    members = Members.of([0] * count, 1, data.device)
    logits, masteries, abilities, growths, difficulties, gains = [], [], [], [], [], []
    answers, responses, indices = [], [], []
    for layout in split.evaluation(TOKENS, packed=data.device.type != "cpu"):
        between()
        batch = data.gather(split, layout)
        with torch.autocast(data.device.type, torch.bfloat16, enabled=bf16):
            inputs = batch.inputs.for_members(members)
            output = module(inputs, no_dropout)
        real = batch.targets.real[0]
        logits.append((output if isinstance(output, Tensor) else output.logit).float()[:, real])
        if isinstance(module, MasteryEncoder | EvidenceEncoder):
            masteries.append(output.mastery[:, real])
            abilities.append(output.ability[:, real])
            if output.growth is not None:
                growths.append(output.growth[:, real])
            if output.difficulty is not None:
                difficulties.append(output.difficulty[:, real])
            gains.append(module.practised_gain(output, inputs)[:, real])
        answers.append(batch.inputs.token[0][real] >= data.skills)
        responses.append(batch.targets.response[0][real])
        indices.append(data.target_rows(split, layout)[real])
    return Predictions(
        logit=torch.cat(logits, dim=1),
        mastery=torch.cat(masteries, dim=1) if masteries else None,
        ability=torch.cat(abilities, dim=1) if abilities else None,
        growth=torch.cat(growths, dim=1) if growths else None,
        difficulty=torch.cat(difficulties, dim=1) if difficulties else None,
        gain=torch.cat(gains, dim=1) if gains else None,
        answered=torch.cat(answers),
        response=torch.cat(responses),
        index=torch.cat(indices),
    )


def probabilities(predicted: dict[str, Predictions], parts: Sequence[str] = ()) -> pd.DataFrame:
    """What the encoders of one run say, a row a target in the order of `index`, its row in the data set.

    Columns: index, response, each side, and `parts`: those of encoder 2's logit, by their names in Predictions, as far
    as it has them.
    """
    first = predicted["e1"]
    index = first.index.cpu().numpy()
    order = np.argsort(index, kind="stable")
    columns = {
        "index": index,
        "response": first.response.cpu().numpy().astype(np.int8),
        **{name: own.logit[0].sigmoid().cpu().numpy() for name, own in predicted.items()},
    }
    found = {name: getattr(predicted["e2"], name) for name in parts}
    columns |= {name: values[0].cpu().numpy() for name, values in found.items() if values is not None}
    return pd.DataFrame({name: values[order] for name, values in columns.items()})


def gain_score(gain: Tensor, answered: Tensor) -> GainScore:
    """Statistics of the gains of N interactions with the responses `answered`."""
    gain = gain.double()
    correct, wrong = gain[answered.bool()], gain[~answered.bool()]
    return GainScore(
        mean=float(gain.mean()),
        std=float(gain.std(correction=0)),
        after_correct=float(correct.mean()) if len(correct) else None,
        after_wrong=float(wrong.mean()) if len(wrong) else None,
    )


def scores(logit: Tensor, response: Tensor) -> list[EncoderScore]:
    """Loss (nats a target), AUC and accuracy (at probability 0.5) of each of K members on N targets: KN, N."""
    response = response.float()
    losses = torch.stack([F.binary_cross_entropy_with_logits(row, response) for row in logit])
    accuracies = torch.stack([((row > 0) == (response > 0.5)).float().mean() for row in logit])
    found = torch.stack([losses.double(), aucs(logit.sigmoid(), response > 0.5), accuracies.double()], dim=1)
    return [
        EncoderScore(loss, auc if math.isfinite(loss) and not math.isnan(auc) else None, accuracy)
        for loss, auc, accuracy in found.tolist()
    ]


def score(logit: Tensor, response: Tensor) -> EncoderScore:
    """The same of one member: N, N."""
    return scores(logit[None], response)[0]
