"""Findings: what was swept has no way to what ranks, or was not seen to reach anything."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from gaintrace.analysis.effects import INVISIBLE
from gaintrace.analysis.findings.finding import SIDE_NAMES, Evidence, Finding, several
from gaintrace.analysis.ranking import REPETITIONS
from gaintrace.identity import AGGREGATE_ONLY, MASTERY_ONLY, MASTERY_ONLY_WITH_LEARNED_WEIGHTS

LOSS_WEIGHT = "training.bce_loss_weight"
AGGREGATE_WEIGHT = "training.aggregate_loss_weight"
LOSS_WEIGHTS = (LOSS_WEIGHT, "training.bce_loss_weight_end")


def parameter_cannot_act(evidence: Evidence) -> Iterator[Finding]:
    """Parameters that the model's make leaves without a way to the metric."""
    apart = "training.clip_scope" not in evidence.columns and (evidence.spec.base.training.clip_scope == "per_encoder")
    if apart:
        yield from _no_way(evidence)
        yield from _scale_only(evidence)


def no_effect_seen(evidence: Evidence) -> Iterator[Finding]:
    """Parameters that changed nothing, and encoders that came out alike whatever was swept: seen, not proven."""
    inert = _inert(evidence)
    if inert:
        yield Finding(
            name="no_effect_seen",
            text=f"{several(inert)} changed no test AUC: runs that differ in nothing else have equal ones.",
            numbers={"parameters": inert, "metric": None, "identical": True},
        )
    if set(inert) < {name for name in evidence.columns.values() if name not in REPETITIONS}:
        yield from _one_answer(evidence)


def _no_way(evidence: Evidence) -> Iterator[Finding]:
    """Ranked by E1, but swept in encoder 2 or 3; or by E1 or E2 or both, but swept in encoder 3."""
    objective = evidence.spec.objective
    third = [path for path in evidence.columns if _aggregate_only(path)]
    unseen = [path for path in evidence.columns if path in third or _mastery_only(evidence, path)]
    paths = {"e1": unseen, "e3": []}.get(objective.scored, third)
    if not paths:
        return
    hidden = [evidence.columns[path] for path in paths]
    instead = "valid_e2_auc or valid_combined" if objective.on_validation else "test_e2_auc or combined"
    if paths == third:
        instead = "valid_e3_auc" if objective.on_validation else "test_e3_auc"
    # Where some runs have no third encoder, E3 cannot rank.
    advice = "See E3 instead" if paths == third and "model.aggregate" in paths else f"Rank by {instead}"
    yield Finding(
        name="parameter_cannot_act",
        text=(
            f"{several(hidden)} cannot reach {objective.words}, which ranks: the encoders share no parameter, and each "
            f"has a gradient norm of its own. {advice}."
        ),
        numbers={"parameters": hidden, "metric": objective.rank_by},
    )


def _scale_only(evidence: Evidence) -> Iterator[Finding]:
    """The loss weight, where nothing couples the encoders.

    Where it is learned, it is but a start, and no scale. At 0 and 1 it takes an encoder its whole loss, which is no
    scale either.
    """
    if _learned_weights(evidence):
        return
    weighed = {LOSS_WEIGHT: "each encoder's", AGGREGATE_WEIGHT: "the third's"}
    for path, whose in weighed.items():
        if path not in evidence.columns or (path == LOSS_WEIGHT and _takes_all(evidence)):
            continue
        if path == AGGREGATE_WEIGHT and evidence.spec.objective.scored != "e3":
            continue
        yield _hardly(evidence, path, whose)


def _hardly(evidence: Evidence, path: str, whose: str) -> Finding:
    parameter = evidence.columns[path]
    return Finding(
        name="parameter_cannot_act",
        text=(
            f"{parameter} has hardly a way to act: with a gradient norm for each encoder it only scales {whose} "
            "own loss, and Adam ignores the scale of a gradient. What is left is rounding, epsilon, weight decay and "
            "how often the norm is clipped. Do not read a difference as one encoder needing more signal."
        ),
        numbers={"parameters": [parameter], "metric": evidence.spec.objective.rank_by, "scale_only": True},
    )


def _inert(evidence: Evidence) -> list[str]:
    """Parameters such that runs which differ in one of them alone have equal test AUCs."""
    ranked = evidence.ranked
    names = list(evidence.columns.values())
    inert = []
    for parameter in names:
        others = [name for name in names if name != parameter]
        if parameter in REPETITIONS or ranked[parameter].astype(str).nunique() < 2:
            continue
        groups = [group for _, group in ranked.groupby(others, dropna=False)] if others else [ranked]
        groups = [group for group in groups if len(group) > 1]
        if groups and all((group[column].nunique() == 1) for group in groups for column in _aucs(ranked)):
            inert.append(parameter)
    return inert


def _aucs(ranked: pd.DataFrame) -> list[str]:
    """Columns of the test AUCs that every run has."""
    columns = [f"test_{side}_auc" for side in SIDE_NAMES]
    return [column for column in columns if column in ranked and ranked[column].notna().all()]


def _one_answer(evidence: Evidence) -> Iterator[Finding]:
    """An encoder that was trained anew in every run, and came out the same within seed and fold."""
    ranked = evidence.ranked
    swept = [name for name in evidence.columns.values() if name not in REPETITIONS]
    if len(ranked) < 3 or not swept:
        return
    for side, name in SIDE_NAMES.items():
        column = f"test_{side}_auc"
        if column not in _aucs(ranked):
            continue
        spread = _within_repetitions(ranked, column)
        trained = _times_trained(evidence, ranked, side)
        if spread is None or spread >= INVISIBLE or trained < 3:
            continue
        cure = " With clip_scope per_encoder it is trained once." if _all_mastery_only(evidence, side) else ""
        yield Finding(
            name="no_effect_seen",
            text=(
                f"{name} came out the same in all of {trained} trainings: within a seed and fold its test AUC has a "
                f"standard deviation of {spread:.6f} at most. So nothing here shows that {several(swept, 'or')} "
                f"reaches it, which is no proof that it cannot.{cure}"
            ),
            numbers={"parameters": swept, "metric": column, "std": spread, "trained": trained},
        )


def _mastery_only(evidence: Evidence, path: str) -> bool:
    """Whether a swept path is something only encoder 2 has. A rule that picks epochs is no such thing."""
    section, _, name = path.partition(".")
    unseen = MASTERY_ONLY_WITH_LEARNED_WEIGHTS if _learned_weights(evidence) else MASTERY_ONLY
    names = unseen.get(section, ())
    return path != "training.selection_metric" and (names is True or name in names)


def _aggregate_only(path: str) -> bool:
    """Whether a swept path is something only encoder 3 has."""
    section, _, name = path.partition(".")
    return name in AGGREGATE_ONLY.get(section, ())


def _takes_all(evidence: Evidence) -> bool:
    """Whether any run leaves an encoder without a loss, at its start or end."""
    training = evidence.spec.base.training
    fixed: dict[str, list[Any]] = {
        LOSS_WEIGHTS[0]: [training.bce_loss_weight],
        LOSS_WEIGHTS[1]: [training.bce_loss_weight_end],
    }
    return any(value in (0, 1) for path in LOSS_WEIGHTS for value in evidence.spec.grid.get(path, fixed[path]))


def _learned_weights(evidence: Evidence) -> bool:
    """Whether any run learns its loss weights."""
    training = evidence.spec.base.training
    return "learned" in evidence.spec.grid.get("training.loss_weighting", [training.loss_weighting])


def _all_mastery_only(evidence: Evidence, side: str) -> bool:
    scoped = evidence.spec.base.training.clip_scope == "global"
    return side == "e1" and scoped and all(_mastery_only(evidence, p) for p in evidence.columns if p not in _REPEATED)


def _within_repetitions(ranked: pd.DataFrame, column: str) -> float | None:
    """Largest standard deviation over the runs of one seed and fold; None without two such runs."""
    cells = [name for name in REPETITIONS if name in ranked]
    groups = [group for _, group in ranked.groupby(cells)] if cells else [ranked]
    spreads = [float(group[column].std(ddof=1)) for group in groups if len(group) > 1]
    return max(spreads, default=None)


def _times_trained(evidence: Evidence, ranked: pd.DataFrame, side: str) -> int:
    """How many trainings of an encoder there are to compare, those of seeds and folds that have several.

    Encoder 1 may have been shared.
    """
    cells = [name for name in REPETITIONS if name in ranked]
    found = 0
    for _, group in ranked.groupby(cells) if cells else [((), ranked)]:
        trainings = set()
        for run in group["run_id"]:
            result = evidence.results.get(run) if side == "e1" else None
            trainings.add(min([run, *result.shared_e1_with]) if result else run)
        found += len(trainings) if len(trainings) > 1 else 0
    return found


_REPEATED = ("training.seed", "data.fold")
