"""AUCs of a sweep's runs under resampled test students, from the predictions that they left.

Every run is resampled by the same draws, so differences between runs are paired.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from gaintrace.analysis.bootstrap import StudentBootstrap
from gaintrace.errors import ConfigError
from gaintrace.runs.predictions import DamagedPredictionsError, read_predictions
from gaintrace.runs.result import RunResult
from gaintrace.store import Store

Array = np.ndarray[Any, np.dtype[np.float64]]
Draws = dict[str, Array]
"""AUC of one run under every draw of students, by encoder: e1, e2 and what else ranks."""


@dataclass
class Resampled:
    """`draws`: by run, those that could be read, all of the same targets. `unread`: why others could not, by run.

    `students`: how many test students were resampled; `effective`: how many equally long histories tell as much.
    """

    draws: dict[str, Draws] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    students: int | None = None
    effective: float = 0.0


def resample(
    store: Store,
    runs: list[str],
    seed: int,
    results: Mapping[str, RunResult] | None = None,
    sides: Collection[str] = ("e1", "e2"),
) -> Resampled:
    """Read what the encoders `sides` of runs predicted, and resample their students.

    `results`: those that are read already, by run.

    Where no run left any, there is nothing to say.
    """
    found = Resampled()
    absent: dict[str, str] = {}
    bootstrap: StudentBootstrap | None = None
    first: pd.DataFrame | None = None
    known: dict[bytes, Array] = {}  # runs that share encoder 1 predict alike
    for run in runs:
        try:
            frame = read_predictions(store, run, ["student", "response", *sides], (results or {}).get(run))
        except ConfigError:
            absent[run] = "missing"
            continue
        except DamagedPredictionsError as error:
            found.unread[run] = f"damaged ({error.reason.rstrip('.')})"
            continue
        if first is None or bootstrap is None:
            first = frame[["student", "response"]]
            bootstrap = StudentBootstrap(first["student"].to_numpy(), seed)
            found.students, found.effective = bootstrap.students, bootstrap.effective
        elif not frame[["student", "response"]].equals(first):
            found.unread[run] = "of other test students than those of the best run"
            continue
        found.draws[run] = {}
        for side in sides:
            score = frame[side].to_numpy()
            content = hashlib.sha256(np.ascontiguousarray(score).data).digest()
            if content not in known:
                known[content] = bootstrap.auc(score, first["response"].to_numpy())
            found.draws[run][side] = known[content]
    if found.draws or found.unread:
        found.unread |= absent
    return found
