"""Peers without a network, fitted to the training folds, their one strength chosen on validation: BKT, PFA, Best-LR.

They start anew with each chunk, as gaintrace does, so that all know the same of a student. Those named -whole read the
student's whole history instead, which these models can; they have the same targets.
"""

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import bkt
import logistic
import numpy as np
import pandas as pd
from history import History, target_rows

from gaintrace.config import DataConfig
from gaintrace.data.dataset import Dataset
from gaintrace.data.split import TEST_FOLD
from gaintrace.runs.auc import auc, within_skill_auc
from gaintrace.runs.mastery_measures import measure_mastery
from gaintrace.runs.targets import Targets

Scores = dict[str, Any]
Prediction = tuple[Any, Any]
"""What ranks the answers, and mastery or None: each an interaction's or a target's."""

JOINED = (1.0, 10.0, 100.0)
"""Interactions of all skills alike that join a skill's own in BKT."""
PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0)
"""scikit-learn's C, ascending. It goes on only while validation gains."""


def bkt_scores(dataset: Dataset, config: DataConfig, whole: bool = False, forgets: bool = False) -> Scores:
    """BKT, with the measures that gaintrace's mastery is judged by."""
    began = time.process_time()
    history = _history(dataset, config, whole)
    targets = target_rows(dataset, config)
    fold = dataset.students["fold"].to_numpy()[history.student]
    rows = np.arange(len(fold))
    trained_on = bkt.Sequences.of(history, rows[(fold != TEST_FOLD) & (fold != config.fold)])
    asked = bkt.Sequences.of(history, rows[(fold == TEST_FOLD) | (fold == config.fold)])

    def tried() -> Iterable[tuple[float, dict[str, Prediction]]]:
        for strength in JOINED:
            model = bkt.fit(trained_on, len(dataset.skills), strength, forgets)
            known, _ = model.known(asked)
            mastery, right = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
            mastery[asked.row], right[asked.row] = known, model.right(asked, known)
            yield strength, {name: (right[targets[name]], mastery[targets[name]]) for name in ("valid", "test")}

    return _best(dataset, config, targets, tried(), "joined by {:g}") | {"cpu": time.process_time() - began}


def regression_scores(dataset: Dataset, config: DataConfig, features: logistic.Features, whole: bool = False) -> Scores:
    """A logistic regression; its rows of training are gaintrace's training targets."""
    began = time.process_time()
    history = _history(dataset, config, whole)
    targets = target_rows(dataset, config)
    read = {name: features.of(history, rows) for name, rows in targets.items()}

    def tried() -> Iterable[tuple[float, dict[str, Prediction]]]:
        model, best = None, 0.0
        for strength in PENALTIES:
            model = logistic.fit(read["train"], history.response[targets["train"]], strength, model)
            found = {name: model.decision_function(read[name]) for name in ("valid", "test")}
            yield strength, {name: (logit, None) for name, logit in found.items()}
            now = auc(found["valid"], history.response[targets["valid"]]) or 0.0
            if now < best:
                break
            best = now

    return _best(dataset, config, targets, tried(), "C {:g}") | {"cpu": time.process_time() - began}


def _history(dataset: Dataset, config: DataConfig, whole: bool) -> History:
    return History.of(dataset, None if whole else config.max_sequence_length)


def _best(
    dataset: Dataset,
    config: DataConfig,
    targets: dict[str, Any],
    tried: Iterable[tuple[float, dict[str, Prediction]]],
    said: str,
) -> Scores:
    """Scores on test of what predicts validation best."""
    frame = dataset.interactions
    answered = {name: frame["response"].to_numpy()[rows] for name, rows in targets.items()}
    valid, strength, (ranked, mastery) = max(
        ((auc(found["valid"][0], answered["valid"]) or 0.0, strength, found["test"]) for strength, found in tried),
        key=lambda one: one[0],
    )
    asked = frame.iloc[targets["test"]].assign(
        position=targets["test"] - _first_rows(frame)[frame["student"].iloc[targets["test"]]]
    )
    found: Scores = {
        "test": auc(ranked, answered["test"]),
        "valid": valid,
        "within": within_skill_auc(ranked, answered["test"], asked["skill"].to_numpy()),
        "chosen": said.format(strength),
    }
    if mastery is not None:
        measured = measure_mastery(asked.assign(mastery=mastery), Targets.of(asked, dataset, config))
        found["mastery"] = auc(mastery, answered["test"])
        found["mastery within"] = measured.mastery_within_skill_auc
        found["measures"] = measured.model_dump()
    return found


def _first_rows(frame: pd.DataFrame) -> Any:
    return np.searchsorted(frame["student"].to_numpy(), np.arange(int(frame["student"].max()) + 1))


FEATURES = {
    "PFA": logistic.Features(items=False),
    "BestLR": logistic.Features(items=True),
    "BestLR-windows": logistic.Features(items=True, windows=logistic.WINDOWS),
}
CLASSIC: dict[str, Callable[[Dataset, DataConfig], Scores]] = {
    f"{name}{'-whole' if whole else ''}": partial(scores, whole=whole)
    for whole in (False, True)
    for name, scores in {
        "BKT": bkt_scores,
        "BKT-forgets": partial(bkt_scores, forgets=True),
        **{name: partial(regression_scores, features=features) for name, features in FEATURES.items()},
    }.items()
}
