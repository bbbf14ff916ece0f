"""Made evidence for findings."""

import pandas as pd

from gaintrace.analysis.comparison import compare_configurations
from gaintrace.analysis.findings import Evidence
from gaintrace.analysis.findings.finding import Finding
from gaintrace.analysis.table import run_table, short_names
from gaintrace.config import parse_spec
from gaintrace.runs.result import RunResult
from gaintrace.sweeps.plan import make_plan
from tests.made_results import DATA, made_result


def ranked(best_epochs, **columns):
    count = len(best_epochs)
    return pd.DataFrame(
        {
            "run_id": [f"r{i}" for i in range(count)],
            "status": "succeeded",
            "best_epoch_e1": best_epochs,
            "best_epoch_e2": best_epochs,
            "rank": range(1, count + 1),
            **columns,
        }
    )


def curves(*rows):
    """epochs by run from (E1 values, E2 values)."""
    frames = (pd.DataFrame({"valid_e1_auc": e1, "valid_e2_auc": e2}) for e1, e2 in rows)
    return {f"r{i}": frame.assign(epoch=range(1, len(frame) + 1)) for i, frame in enumerate(frames)}


def evidence(store, text, scores, **details):
    """Evidence of the runs of a sweep. `scores`: test E1 and E2 AUC of a run from its swept values by dotted path.

    `details`: more of every run's result, each a value or a function of the swept values.
    """
    plan = make_plan(parse_spec("name: made\n" + text, "test"), DATA)
    results: dict[str, RunResult] = {}
    for run in plan.runs:
        more = {name: value(run.swept) if callable(value) else value for name, value in details.items()}
        results[run.run_id] = made_result(plan, run, *scores(run.swept)).model_copy(update=more)
    columns = short_names(plan)
    table = run_table(plan, results)
    comparison = compare_configurations(store, table, list(columns.values()), plan.spec.objective, plan.data.hash)
    return Evidence(plan.spec, columns, table, {}, results, comparison)


def texts(found: list[Finding]) -> list[str]:
    return [finding.text for finding in found]
