"""Which loss weight suits a data set: a small sweep around the default, judged on validation with its uncertainty.

Every run picks an epoch for each encoder, so that weights are compared, not the epochs that they happened to stop at.
"""

import math
from typing import Any

from pydantic import Field

from gaintrace.analysis.intervals import AUC_ROUNDING, Interval, mean_interval
from gaintrace.config import Objective, Strict, SweepSpec, parse_spec
from gaintrace.defaults.history import to_yaml
from gaintrace.runs.result import RunResult
from gaintrace.sweeps.plan import Plan

WEIGHT = "training.bce_loss_weight"


class WeightScore(Strict):
    """One weight over its folds and seeds: mean validation AUCs, and how far it stays behind the best (≤ 0)."""

    weight: float
    valid_e1_auc: float
    valid_e2_auc: float
    combined: float
    difference: Interval | None = Field(None, description="to the best, in combined; none for the best")

    @property
    def worse(self) -> bool:
        """Whether it is behind the best by more than noise and rounding."""
        gap = self.difference
        return gap is not None and not gap.touches_zero and gap.mean < -AUC_ROUNDING


class Recalibration(Strict):
    """Weights, best first. `matters`: whether any is worse than the best by more than noise and rounding, if known."""

    alpha: float
    runs: int
    scores: list[WeightScore]
    matters: bool | None
    text: str


def recalibration_spec(spec: SweepSpec, weights: list[float]) -> SweepSpec:
    """The validation's sweep, with loss weights to choose from, each fixed and the same in all epochs."""
    tree = spec.model_dump(mode="json") | {"name": "recalibration", "grid": {WEIGHT: weights}, "min_coverage": 0.0}
    training = {"selection_metric": "per_encoder", "bce_loss_weight_end": "null", "loss_weighting": "fixed"}
    constant = [f"base.training.{name}={value}" for name, value in training.items()]
    return parse_spec(to_yaml(tree), "the recalibration", constant)


def recalibrate(plan: Plan, results: dict[str, RunResult]) -> Recalibration | None:
    """Judge the weights of a recalibration's runs; None where no weight has all of its runs.

    Differences are paired by fold and seed. A weight of which a run failed is left out.
    """
    scores = _scores(plan, results)
    if not scores:
        return None
    objective = plan.spec.objective
    means = {weight: _mean([_combined(pair, objective) for pair in pairs.values()]) for weight, pairs in scores.items()}
    order = sorted(scores, key=lambda weight: (-means[weight], weight))
    best = scores[order[0]]
    found = [
        WeightScore(
            weight=weight,
            valid_e1_auc=_mean([e1 for e1, _ in scores[weight].values()]),
            valid_e2_auc=_mean([e2 for _, e2 in scores[weight].values()]),
            combined=means[weight],
            difference=None if weight == order[0] else _difference(scores[weight], best, objective),
        )
        for weight in order
    ]
    known = [score for score in found[1:] if score.difference and score.difference.low is not None]
    matters = any(score.worse for score in known) if known else None
    return Recalibration(
        alpha=objective.alpha, runs=len(best), scores=found, matters=matters, text=_text(found, matters, len(best))
    )


def _scores(plan: Plan, results: dict[str, RunResult]) -> dict[float, dict[Any, tuple[float, float]]]:
    """Validation AUCs by weight, and by fold and seed; complete weights alone."""
    found: dict[float, dict[Any, tuple[float, float]]] = {}
    wanted: dict[float, int] = {}
    for run in plan.runs:
        weight = run.config.training.bce_loss_weight
        wanted[weight] = wanted.get(weight, 0) + 1
        result = results.get(run.run_id)
        valid = result.valid if result and result.status == "succeeded" else None
        if valid is not None and valid.e1.auc is not None and valid.e2.auc is not None:
            cell = (run.config.data.fold, run.config.training.seed)
            found.setdefault(weight, {})[cell] = (valid.e1.auc, valid.e2.auc)
    return {weight: pairs for weight, pairs in found.items() if len(pairs) == wanted[weight]}


def _difference(pairs: dict[Any, tuple[float, float]], best: dict[Any, tuple[float, float]], by: Objective) -> Interval:
    return mean_interval([_combined(pairs[cell], by) - _combined(best[cell], by) for cell in best])


def _text(scores: list[WeightScore], matters: bool | None, runs: int) -> str:
    best, last = scores[0], scores[-1]
    head = f"best loss weight {best.weight:g} (validation combined {best.combined:.4f}, {runs} runs a weight)"
    if best is last or last.difference is None:
        return f"{head}; no other weight to compare it with"
    gap = last.difference
    behind = f"the worst, {last.weight:g}, is {-gap.mean:.4f} behind"
    if gap.low is None or matters is None:
        return f"{head}; {behind}, and one run a weight cannot tell that from noise"
    behind += f" [{-(gap.high or 0.0):.4f}, {-gap.low:.4f}]"
    if not matters:
        return f"{head}; {behind}, so the weight does not matter here beyond noise and rounding"
    worse = [f"{score.weight:g}" for score in scores if score.worse]
    return f"{head}; {behind}; worse by more than noise: {', '.join(worse)}"


def _combined(pair: tuple[float, float], objective: Objective) -> float:
    return pair[0] + objective.alpha * pair[1]


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)
