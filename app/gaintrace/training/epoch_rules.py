"""Which epoch of a run counts: the rule behind early stopping and the kept weights. Importable without torch.

The encoders share no parameter, so the performance encoder of one epoch beside the mastery encoder of another is as
good a model as any: `per_encoder` picks an epoch for each. The other rules pick one for all.
"""

from collections.abc import Container, Mapping, Sequence
from typing import Any

SIDES = ("e1", "e2", "e3")
"""The encoders that a run may have: performance, mastery, and the aggregate of mastery, which most have not."""
ALPHA = 0.5
"""α in `valid_combined`, the study's. Picking epochs must not depend on how a sweep is ranked afterwards."""


def sides_of(columns: Container[Any]) -> list[str]:
    """The encoders that epochs are known of, by the columns of epochs.csv."""
    return [side for side in SIDES if f"valid_{side}_auc" in columns]


def validation_score(rule: str, side: str, row: Mapping[str, Any]) -> float:
    """What `rule` wants highest for an encoder, of one row of epochs.csv."""
    if rule == "per_encoder":
        return float(row[f"valid_{side}_auc"])
    if rule == "valid_combined":
        return float(row["valid_e1_auc"] + ALPHA * row["valid_e2_auc"])
    return float(row["valid_e1_auc"])


def selected_epochs(rule: str, rows: Sequence[Mapping[str, Any]], patience: int) -> dict[str, int]:
    """The epoch (from 1) of each encoder, of all epochs trained so far; empty before the first.

    Of equal epochs the first counts. An encoder whose patience has run out keeps its epoch, though the run may go on
    for the other's sake: what is picked for one encoder then never depends on the other.
    """
    sides = sides_of(rows[0]) if rows else []
    return {side: _first_peak([validation_score(rule, side, row) for row in rows], patience) for side in sides}


def _first_peak(scores: Sequence[float], patience: int) -> int:
    best = 1
    for epoch, score in enumerate(scores, start=1):
        if epoch - best > patience:
            break
        if score > scores[best - 1]:
            best = epoch
    return best
