"""What ranks the runs of a sweep, and what its best must reach."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from gaintrace.config.base import NonNegative, Probability, Written


def weighted(alpha: float) -> str:
    """The sum of both encoders' AUCs, for a reader: E1 + 0.5 · E2, E1 + E2."""
    return "E1 + E2" if alpha == 1 else f"E1 + {alpha:g} · E2"


class Objective(Written):
    """What ranks the runs of a sweep, and so picks its winner. Test metrics are reported whatever it is."""

    rank_by: Literal[
        "valid_combined", "valid_e1_auc", "valid_e2_auc", "valid_e3_auc",
        "combined", "test_e1_auc", "test_e2_auc", "test_e3_auc",
    ] = Field(
        "valid_combined",
        description="column that ranks, highest first: on validation at the selected epochs (`valid_…`), so that "
        "the test students pick nothing, or on test, as the study did (`combined`, `test_…`); E3 where every run has "
        "a third encoder (`model.aggregate`)",
    )  # fmt: skip
    alpha: NonNegative = Field(0.5, description="α in combined = E1 + α·E2 (AUC)")

    @property
    def on_validation(self) -> bool:
        """Whether validation ranks."""
        return self.rank_by.startswith("valid_")

    @property
    def scored(self) -> str:
        """What ranks, whichever the split: combined, e1, e2 or e3."""
        return "combined" if self.rank_by.endswith("combined") else self.rank_by.split("_")[1]

    @property
    def weights(self) -> dict[str, float]:
        """What the AUC of each encoder weighs in what ranks; the others do not rank."""
        return {"e1": 1.0, "e2": self.alpha} if self.scored == "combined" else {self.scored: 1.0}

    @property
    def words(self) -> str:
        """What ranks in a sentence, whichever the split: E1, E2, or E1 + 0.5 · E2."""
        return weighted(self.alpha) if self.scored == "combined" else self.scored.upper()

    @property
    def test_metric(self) -> str:
        """The column of the same score on test."""
        return "combined" if self.scored == "combined" else f"test_{self.scored}_auc"

    @property
    def valid_metric(self) -> str:
        """The column of the same score on validation."""
        return "valid_combined" if self.scored == "combined" else f"valid_{self.scored}_auc"

    def score(self, aucs: Mapping[str, Any]) -> Any:
        """What ranks, out of the encoders' AUCs of one split, by side: of numbers or of arrays."""
        return sum(weight * aucs[side] for side, weight in self.weights.items())


class SuccessCriteria(Written):
    """What the best run must reach on test."""

    test_e1_auc: Probability | None = Field(None, description="least test E1 AUC")
    test_e2_auc: Probability | None = Field(None, description="least test E2 AUC")
    test_e3_auc: Probability | None = Field(
        None, description="least test E3 AUC", exclude_if=lambda least: least is None
    )
    """Written only where it is set, so that sweeps of before keep their ids."""
