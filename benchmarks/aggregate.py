"""How long a sweep of many runs takes to aggregate, and how much memory: made results in a folder store.

    python benchmarks/aggregate.py [--runs 10000] [--targets 125000] [--store FOLDER]

The grid has four parameters. Every run has its result and its epochs; `--targets` predictions (as many as assist2015
has) are in the runs that the aggregator will read.
"""

import argparse
import io
import resource
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from gaintrace.analysis.comparison import RUNS_READ
from gaintrace.config import parse_spec
from gaintrace.report.aggregate import aggregate
from gaintrace.runs.result import DataName, EncoderMetrics, Metrics, RunResult
from gaintrace.store import FolderStore, open_store
from gaintrace.sweeps.plan import DataReference, Plan, PlannedRun, make_plan, write_plan

EPOCHS = 6


def main() -> None:
    """Make the store, aggregate it, and say what that took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--targets", type=int, default=125_000)
    parser.add_argument("--store", type=Path, help="kept; without it the store is made and removed")
    options = parser.parse_args()
    folder = options.store or Path(tempfile.mkdtemp())
    try:
        store = open_store(folder)
        plan = make(store, options.runs, options.targets)
        before = resource.getrusage(resource.RUSAGE_SELF)
        began = time.monotonic()
        summary = aggregate(store, plan.sweep_id)
        seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF)
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        written = {key.split("/")[-1]: len(store.read(key)) for key in store.keys(f"sweeps/{plan.sweep_id}")}
        print(f"{summary.coverage.succeeded} runs, {len(summary.comparison.runs)} with predictions read")
        print(f"{seconds:.1f} s ({processor:.1f} s of processor), {after.ru_maxrss / 1024:.0f} MB at most")
        print(", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sorted(written.items()) if size > 1e5))
    finally:
        if options.store is None:
            shutil.rmtree(folder)


def make(store: FolderStore, count: int, targets: int) -> Plan:
    """A sweep of `count` runs in a store; those that rank first and last have predictions."""
    steps = round(count**0.25)
    values = [round(0.5 + place / steps, 4) for place in range(steps)]
    grid = dict.fromkeys(("beta_skill_init", "m_sat_init", "gamma_student_init", "sigmoid_offset"), values)
    text = "name: many\ngrid:\n" + "".join(f"  learning_curve.{name}: {v}\n" for name, v in grid.items())
    text = text.replace(f"m_sat_init: {values}", f"m_sat_init: {[round(v / 2, 4) for v in values]}")
    plan = make_plan(parse_spec(text, "benchmark"), DataReference(uri=None, name="made", hash="0123456789abcdef"))
    write_plan(store, plan)
    random = np.random.default_rng(1)
    e1, e2 = 0.70 + random.normal(0, 0.001, len(plan.runs)), 0.55 + random.normal(0, 0.004, len(plan.runs))
    order = np.argsort(-(e1 + 0.5 * e2))
    read = {int(index) for index in [*order[: RUNS_READ - 1], order[-1]]}
    for run in plan.runs:
        own = store.root / "runs" / run.run_id
        own.mkdir(parents=True, exist_ok=True)
        a, b = float(e1[run.index]), float(e2[run.index])
        (own / "result.json").write_text(result(run, plan, a, b).model_dump_json())
        epochs = np.arange(1, EPOCHS + 1)
        frame = pd.DataFrame({"epoch": epochs, "valid_e1_auc": a - 0.1 / epochs, "valid_e2_auc": b - 0.1 / epochs})
        (own / "epochs.csv").write_text(frame.to_csv(index=False))
        if run.index in read:
            (own / "predictions.parquet").write_bytes(predictions(random, targets))
    return plan


def result(run: PlannedRun, plan: Plan, e1: float, e2: float) -> RunResult:
    """result.json of one run."""
    metrics = Metrics(e1=EncoderMetrics(auc=e1), e2=EncoderMetrics(auc=e2))
    return RunResult(
        run_id=run.run_id,
        status="succeeded",
        config_hash=run.config_hash,
        data=DataName(name=plan.data.name, hash=plan.data.hash),
        code_version=plan.code_version,
        best_epoch=EPOCHS,
        epochs_trained=EPOCHS,
        valid=metrics,
        test=metrics,
        seconds=60.0,
    )


def predictions(random: np.random.Generator, targets: int) -> bytes:
    """predictions.parquet of one run: students with about 33 answers each."""
    fixed = np.random.default_rng(2)
    student = np.sort(fixed.integers(0, max(1, targets // 33), targets)).astype("int32")
    response = (fixed.random(targets) < 0.73).astype("int8")
    scores = {side: (0.2 * response + random.random(targets)).astype("float32") for side in ("e1", "e2")}
    buffer = io.BytesIO()
    pd.DataFrame({"student": student, "response": response} | scores).to_parquet(buffer, index=False)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
