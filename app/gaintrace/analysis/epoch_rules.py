"""What the way of picking epochs does to a sweep's conclusion, on validation.

Test metrics exist at the epochs that were picked, no others; validation metrics exist at every epoch trained. So each
rule is applied to the epochs that there are, and the runs are ranked by validation at what it picks.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd

from gaintrace.config import Objective, RunConfig, Strict
from gaintrace.training.epoch_rules import SIDES, selected_epochs

RULES = ("valid_e1_auc", "valid_combined", "per_encoder")
SAME_EPOCH = "same_epoch"
"""One epoch for all runs, of those that every run has reached: the one with the best mean. It compares equals."""


class PickedRun(Strict):
    """A run at the epochs a rule picks. `score` is the validation counterpart of what ranks the sweep."""

    run_id: str
    epoch_e1: int
    epoch_e2: int
    valid_e1_auc: float
    valid_e2_auc: float
    combined: float
    score: float


class RuleOutcome(Strict):
    """The sweep under one rule: its runs, best first, and the range of each validation metric over them.

    `cut_off`: runs picked, for either encoder, at the last epoch there is; had they gone on, a later one might be.
    """

    rule: str
    runs: list[PickedRun]
    range_e1: float
    range_e2: float
    range_combined: float
    cut_off: int


def compare_rules(
    epochs: dict[str, pd.DataFrame], configs: dict[str, RunConfig], objective: Objective
) -> list[RuleOutcome]:
    """Every rule on the runs whose epochs are known (two at least, or there is nothing to compare).

    A run ended by the rule it was trained with, so a rule that would have gone on sees only the epochs up to there.
    """
    if len(epochs) < 2:
        return []
    rows: dict[str, list[Any]] = {run: frame.to_dict("records") for run, frame in epochs.items()}
    outcomes = []
    for rule in RULES:
        picked = {run: selected_epochs(rule, rows[run], configs[run].training.patience) for run in rows}
        outcomes.append(_outcome(rule, epochs, picked, objective))
    reached = min(map(len, epochs.values()))
    same = [
        _outcome(SAME_EPOCH, epochs, {run: dict.fromkeys(SIDES, epoch) for run in rows}, objective)
        for epoch in range(1, reached + 1)
    ]
    return [*outcomes, max(same, key=_mean_score)]


def _outcome(
    rule: str, epochs: dict[str, pd.DataFrame], picked: dict[str, dict[str, int]], objective: Objective
) -> RuleOutcome:
    runs = [_picked(run, frame, picked[run], objective) for run, frame in epochs.items()]
    spread: Callable[[str], float] = lambda name: (  # noqa: E731
        max(getattr(run, name) for run in runs) - min(getattr(run, name) for run in runs)
    )
    return RuleOutcome(
        rule=rule,
        runs=sorted(runs, key=lambda run: -run.score),
        range_e1=spread("valid_e1_auc"),
        range_e2=spread("valid_e2_auc"),
        range_combined=spread("combined"),
        cut_off=sum(max(picked[run].values()) == len(frame) for run, frame in epochs.items()),
    )


def _picked(run: str, frame: pd.DataFrame, picked: dict[str, int], objective: Objective) -> PickedRun:
    e1, e2 = (float(frame[f"valid_{side}_auc"].iloc[picked[side] - 1]) for side in SIDES)
    combined = e1 + objective.alpha * e2
    return PickedRun(
        run_id=run,
        epoch_e1=picked["e1"],
        epoch_e2=picked["e2"],
        valid_e1_auc=e1,
        valid_e2_auc=e2,
        combined=combined,
        score=objective.score(e1, e2),
    )


def _mean_score(outcome: RuleOutcome) -> float:
    return sum(run.score for run in outcome.runs) / len(outcome.runs)
