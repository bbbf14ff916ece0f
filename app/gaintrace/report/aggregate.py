"""The last step of a sweep: reconcile the plan with the store and write tables, figures and the report.

Aggregating again gives the same files, and gives them at any time: a sweep half done is reported as half done.
"""

import json
import re
from typing import Any

import yaml

from gaintrace.analysis.provenance import manifest
from gaintrace.analysis.summary import Summary, analyse
from gaintrace.config import SweepSpec
from gaintrace.report.mastery import show_mastery
from gaintrace.report.page import render_report
from gaintrace.store import Store, layout
from gaintrace.sweeps.plan import Plan, read_plan


def aggregate(store: Store, sweep_id: str) -> Summary:
    """Write everything that can be said of a sweep now, and return it."""
    plan = read_plan(store, sweep_id)
    summary, table, results, epochs = analyse(store, plan)
    provenance = manifest(plan, results)
    mastery = show_mastery(store, plan, summary)
    summary = summary.model_copy(update={"mastery_shown": mastery.sentences if mastery else []})
    report = render_report(plan, summary, table, epochs, provenance, mastery)

    folder = store.child(layout.sweep(sweep_id))
    folder.write("results.csv", table.to_csv(index=False, lineterminator="\n").encode())
    for name, figure in report.figures.items():
        folder.write(f"figures/{name}.svg", figure.in_format("svg"))
    if summary.best is not None:
        folder.write("best.yaml", best_spec(plan, summary.best["run_id"]).encode())
    folder.write("manifest.json", to_json(provenance).encode())
    folder.write("report.html", report.html.encode())
    folder.write("report.md", report.markdown.encode())
    folder.write("results.json", to_json(summary.model_dump(mode="json")).encode())
    return summary


def without_scripts(html: str) -> str:
    """A page as a viewer shows it that runs none: what only scripts do is left out, what the page says is all there."""
    return re.sub(r"<script\b.*?</script>\s*", "", html, flags=re.DOTALL)


def best_spec(plan: Plan, run_id: str) -> str:
    """A sweep of one run, the best one's configuration, as YAML."""
    config = next(run.config for run in plan.runs if run.run_id == run_id)
    spec = SweepSpec(
        name=f"{plan.spec.name[:35]}-best",
        description=f"Best run of {plan.sweep_id}",
        base=config,
        objective=plan.spec.objective,
        success=plan.spec.success,
    )
    return yaml.safe_dump(spec.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def to_json(value: Any) -> str:
    """Readable JSON that refuses NaN: a number that is not there is null."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
