"""The runs of a sweep as one table: what was planned, joined with what is in the store."""

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from gaintrace.config import Objective
from gaintrace.runs.result import PyktAucs, RunResult
from gaintrace.sweeps.plan import Plan, PlannedRun

NUMBER_COLUMNS = ("valid_combined", "test_accuracy", "combined", "seconds")
MASTERY_COLUMNS = ("skill_base_rate_auc", "mastery_auc", "mastery_within_skill_auc", "mastery_exposure_correlation")
"""What mastery alone is worth on test; see gaintrace.runs.mastery_measures."""
PYKT_NAMES = tuple(PyktAucs.model_fields)
"""AUCs under pyKT's names, each of an encoder: test_e1_…; see gaintrace.runs.pykt."""
TIE = 12
"""Decimals of a score that must agree for a tie; beyond them is how the sum was rounded."""


def short_names(plan: Plan) -> dict[str, str]:
    """A column name for every swept path: its last part, or all of it where that is not enough."""
    paths = plan.spec.swept_paths
    last = [path.rsplit(".", 1)[-1] for path in paths]
    return {path: name if last.count(name) == 1 else path for path, name in zip(paths, last, strict=True)}


def run_table(plan: Plan, results: dict[str, RunResult]) -> pd.DataFrame:
    """One row a planned run, best first; then the stopped, the failed and the missing ones, which have no rank.

    Columns: run_id, status, the swept parameters, best_epoch (empty where the encoders' differ), best_epoch_e1,
    best_epoch_e2, valid_e1_auc, valid_e2_auc, valid_combined, test_e1_auc, test_e2_auc, test_accuracy (of encoder 1),
    combined (on test), rank, those of MASTERY_COLUMNS and PYKT_NAMES, seconds, config_hash, error; of e3 beside e2's
    where some run has a third encoder. A stopped run has no score, since a later epoch might have been better; `error`
    has the reason. Equal values share a rank and keep the plan's order; a run without the AUC that ranks, or without E1
    or E2 on test, has no rank.
    """
    names = short_names(plan)
    sides = plan.spec.sides
    rows = [_row(run, results.get(run.run_id), names, plan.spec.objective, sides) for run in plan.runs]
    of_sides = [f"{split}_{side}_auc" for split in ("valid", "test") for side in sides]
    numbers = (*NUMBER_COLUMNS, *of_sides, *MASTERY_COLUMNS, *pykt_columns(sides))
    epochs = ("best_epoch", *epoch_columns(sides))
    table = pd.DataFrame(rows).astype(dict.fromkeys(epochs, "Int64") | dict.fromkeys(numbers, "float64"))
    known = table[["test_e1_auc", "test_e2_auc"]].notna().all(axis=1)  # without these there is nothing to report
    score = table[plan.spec.objective.rank_by].where((table["status"] == "succeeded") & known).round(TIE)
    table["rank"] = score.rank(method="min", ascending=False).astype("Int64")
    tail = table["status"].map({"succeeded": 0, "stopped": 1, "failed": 2, "missing": 3})
    order = pd.DataFrame({"rank": table["rank"].astype("float64"), "tail": tail}).sort_values(
        ["tail", "rank"], kind="stable"
    )
    return table.loc[order.index].reset_index(drop=True)


def epoch_columns(sides: Iterable[str]) -> list[str]:
    """Columns of the selected epochs."""
    return [f"best_epoch_{side}" for side in sides]


def pykt_columns(sides: Iterable[str]) -> list[str]:
    """Columns of what compares with pyKT's tables."""
    return [f"test_{side}_{name}" for side in sides for name in PYKT_NAMES]


def _row(
    run: PlannedRun, result: RunResult | None, names: dict[str, str], objective: Objective, sides: tuple[str, ...]
) -> dict[str, Any]:
    trained = result if result and result.status != "stopped" else None
    pick: Callable[[str, str, str], Any] = lambda split, side, metric: (  # noqa: E731
        getattr(getattr(getattr(trained, split, None), side, None), metric, None)
    )
    auc = {split: {side: pick(split, side, "auc") for side in sides} for split in ("valid", "test")}
    combined = {
        split: None if None in (of["e1"], of["e2"]) else of["e1"] + objective.alpha * of["e2"]
        for split, of in auc.items()
    }
    return {
        "run_id": run.run_id,
        "status": result.status if result else "missing",
        **{names[path]: value for path, value in run.swept.items()},
        **{name: getattr(trained, name, None) for name in ("best_epoch", *epoch_columns(sides))},
        **{f"valid_{side}_auc": value for side, value in auc["valid"].items()},
        "valid_combined": combined["valid"],
        **{f"test_{side}_auc": value for side, value in auc["test"].items()},
        "test_accuracy": pick("test", "e1", "accuracy"),
        "combined": combined["test"],
        "rank": None,
        **{name: getattr(getattr(result, "interpretability", None), name, None) for name in MASTERY_COLUMNS},
        **{
            f"test_{side}_{name}": getattr(getattr(getattr(result, "pykt", None), side, None), name, None)
            for side in sides
            for name in PYKT_NAMES
        },
        "seconds": result.seconds if result else None,
        "config_hash": run.config_hash,
        "error": _why(result),
    }


def _why(result: RunResult | None) -> str | None:
    """Why a run has no numbers."""
    if result is not None and result.stopped is not None:
        return f"stopped after epoch {result.stopped.epoch}: {result.stopped.reason}"
    return f"{result.error.type}: {result.error.message}" if result and result.error else None


def plain_value(value: Any) -> Any:
    """A cell as a Python value, None for what is missing."""
    if hasattr(value, "item"):
        value = value.item()
    return None if pd.api.types.is_scalar(value) and pd.isna(value) else value
