"""The manifest as a reader wants it: one line a thing, several values where runs differ."""

from typing import Any

from gaintrace.analysis.summary import Summary
from gaintrace.identity import IMPORTED
from gaintrace.runs.build import build
from gaintrace.sweeps.plan import Plan


def provenance(plan: Plan, summary: Summary, base: dict[str, Any]) -> list[tuple[str, str]]:
    """What the numbers were made of and on. `base`: what manifest.json says."""
    environments = base["environments"]
    known = [
        ("Data set", f"{summary.data.name}, content hash {summary.data.hash}"),
        ("Code", summary.code_version),
        ("Commit", _values(environments, "revision") or build().get("revision", "")),
        ("Image", _values(environments, "image") or build().get("image", "")),
        ("Device", _values(environments, "device_name")),
        ("Threads", _values(environments, "threads")),
        ("Versions", "; ".join(_versions(environment) for environment in environments)),
        *_repetitions(plan),
    ]
    return [(name, text) for name, text in known if text]


def _repetitions(plan: Plan) -> list[tuple[str, str]]:
    """Seeds and folds; of imported runs nothing is known of them."""
    if plan.code_version == IMPORTED:
        return []
    seeds = plan.spec.seeds or [plan.spec.base.training.seed]
    folds = plan.spec.folds or [plan.spec.base.data.fold]
    return [("Seeds", ", ".join(map(str, seeds))), ("Folds", ", ".join(map(str, folds)))]


def _values(environments: list[dict[str, Any]], name: str) -> str:
    return ", ".join(dict.fromkeys(str(environment[name]) for environment in environments if name in environment))


def _versions(environment: dict[str, Any]) -> str:
    return ", ".join(f"{name} {environment[name]}" for name in ("python", "torch", "numpy") if name in environment)
