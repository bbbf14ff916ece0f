"""The manifest as a reader wants it: one line a thing, several values where runs differ."""

from typing import Any

from gaintrace.analysis.summary import Summary
from gaintrace.identity import IMPORTED
from gaintrace.report.words import duration
from gaintrace.runs.build import build
from gaintrace.sweeps.plan import Plan

DEVICES = {"cpu": "CPU", "cuda": "GPU"}


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


def cost(summary: Summary) -> str:
    """How many runs succeeded, and what training took."""
    coverage, spent = summary.coverage, summary.cost
    said = f"{coverage.succeeded} of {coverage.planned} runs succeeded."
    if not spent.seconds:
        return f"{said} What training cost is not recorded."
    took = [f"{_took(seconds)} on {DEVICES.get(device, device)}" for device, seconds in spent.seconds.items()]
    runs = f"{spent.runs} runs" if spent.runs != 1 else "a run"
    energy = "" if spent.joules is None else f" and {spent.joules / 3.6e6:.2f} kWh at the GPU"
    return f"{said} Training took {', '.join(took)} in {runs}{energy}."


def _took(seconds: float) -> str:
    exact = f"{seconds:.0f} s"
    return exact if duration(seconds) == exact else f"{duration(seconds)} ({exact})"
