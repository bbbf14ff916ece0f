"""What the numbers of a sweep were made of and on, and what they cost."""

import json
import math
from collections import defaultdict
from typing import Any

from gaintrace.config import Strict
from gaintrace.identity import IMPORTED
from gaintrace.runs.build import build
from gaintrace.runs.result import RunResult
from gaintrace.store import layout
from gaintrace.sweeps.plan import Plan


class Cost(Strict):
    """Seconds of training, by kind of device (cpu, cuda), over the runs that have a result.

    `joules`: energy of the GPUs; None unless all of these runs know theirs.
    """

    seconds: dict[str, float]
    runs: int
    joules: float | None = None


def cost(results: dict[str, RunResult]) -> Cost:
    """What training took. Runs side by side on one device have their shares of its time."""
    seconds: dict[str, float] = defaultdict(float)
    for result in results.values():
        if result.seconds:
            seconds[str(result.environment.get("device", "unknown device"))] += result.seconds
    energies = [result.joules for result in results.values() if result.seconds]
    known = [energy for energy in energies if energy is not None]
    return Cost(
        seconds=dict(sorted(seconds.items())),
        runs=len(energies),
        joules=math.fsum(known) if known and len(known) == len(energies) else None,
    )


def repeat_command(plan: Plan) -> str:
    """The command that makes this sweep again: from its own spec.yaml, or from the files it was imported from."""
    if plan.code_version == IMPORTED:
        return "gaintrace import-results FOLDER --out STORE"
    return f"gaintrace sweep STORE/{layout.sweep(plan.sweep_id, 'spec.yaml')} --out STORE"


def environments(results: dict[str, RunResult]) -> list[dict[str, Any]]:
    """The different environments that runs were trained in."""
    texts = {json.dumps(result.environment, sort_keys=True) for result in results.values() if result.environment}
    return [json.loads(text) for text in sorted(texts)]


def manifest(plan: Plan, results: dict[str, RunResult]) -> dict[str, Any]:
    """manifest.json."""
    return {
        "sweep_id": plan.sweep_id,
        "code_version": plan.code_version,
        "data": plan.data.model_dump(mode="json"),
        "environments": environments(results),
        "aggregated_by": build(),
        "repeat": repeat_command(plan),
        "runs": {run.run_id: {"config_hash": run.config_hash, "swept": run.swept} for run in plan.runs},
    }
