"""What the way of picking epochs does to a sweep's conclusion, on validation.

Test metrics exist at the epochs that were picked, no others; validation metrics exist at every epoch trained. So each
rule is applied to the epochs that there are, and the runs are ranked by validation at what it picks.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd
from pydantic import Field

from gaintrace.config import Objective, RunConfig, Strict
from gaintrace.runs.result import absent
from gaintrace.training.epoch_rules import selected_epochs, sides_of

RULES = ("valid_e1_auc", "valid_combined", "per_encoder")
SAME_EPOCH = "same_epoch"
"""One epoch for all runs, of those that every run has reached: the one with the best mean. It compares equals."""


class PickedRun(Strict):
    """A run at the epochs a rule picks. `score` is the validation counterpart of what ranks the sweep."""

    run_id: str
    epoch_e1: int
    epoch_e2: int
    epoch_e3: int | None = Field(None, exclude_if=absent)
    valid_e1_auc: float
    valid_e2_auc: float
    valid_e3_auc: float | None = Field(None, exclude_if=absent)
    combined: float
    score: float


class RuleOutcome(Strict):
    """The sweep under one rule: its runs, best first, and the range of each validation metric over them.

    `cut_off`: runs picked, for any encoder, at the last epoch there is; had they gone on, a later one might be.
    """

    rule: str
    runs: list[PickedRun]
    range_e1: float
    range_e2: float
    range_e3: float | None = Field(None, exclude_if=absent)
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
        _outcome(
            SAME_EPOCH, epochs, {run: dict.fromkeys(sides_of(frame), epoch) for run, frame in epochs.items()}, objective
        )
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
        range_e3=spread("valid_e3_auc") if all("e3" in sides for sides in picked.values()) else None,
        range_combined=spread("combined"),
        cut_off=sum(max(picked[run].values()) == len(frame) for run, frame in epochs.items()),
    )


def _picked(run: str, frame: pd.DataFrame, picked: dict[str, int], objective: Objective) -> PickedRun:
    aucs = {side: float(frame[f"valid_{side}_auc"].iloc[epoch - 1]) for side, epoch in picked.items()}
    return PickedRun(
        run_id=run,
        **{f"epoch_{side}": epoch for side, epoch in picked.items()},
        **{f"valid_{side}_auc": auc for side, auc in aucs.items()},
        combined=aucs["e1"] + objective.alpha * aucs["e2"],
        score=objective.score(aucs),
    )


def _mean_score(outcome: RuleOutcome) -> float:
    return sum(run.score for run in outcome.runs) / len(outcome.runs)
