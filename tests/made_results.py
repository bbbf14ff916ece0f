"""Results written into a store without training, for tests of what comes after."""

import io

import numpy as np
import pandas as pd

from gaintrace.config import parse_spec
from gaintrace.runs.result import DataName, EncoderMetrics, Metrics, RunError, RunResult
from gaintrace.sweeps.plan import DataReference, make_plan, write_plan

DATA = DataReference(uri="d", name="made", hash="0123456789abcdef")
PUBLISHED = {
    0.3: (0.6853, 0.5438),
    0.4: (0.6849, 0.5433),
    0.5: (0.6848, 0.5430),
    0.6: (0.6853, 0.5350),
    0.7: (0.6855, 0.5347),
    0.8: (0.6856, 0.5343),
}
PHASE2 = """
name: made
grid: {training.bce_loss_weight: [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]}
objective: {rank_by: combined}
success: {test_e1_auc: 0.685, test_e2_auc: 0.540}
"""


def spec_of(text, overrides=()):
    return parse_spec(text, "test", overrides)


def planned(store, text=PHASE2, overrides=(), runs_per_shard=None):
    plan = make_plan(spec_of(text, overrides), DATA, runs_per_shard)
    write_plan(store, plan)
    return plan


def metrics(e1, e2):
    def encoder(auc):
        return EncoderMetrics(loss=0.5, auc=auc, accuracy=0.7)

    return Metrics(e1=encoder(e1), e2=encoder(e2), targets=100)


def made_result(plan, run, e1, e2, best_epoch=3, valid=None):
    """`valid`: E1 and E2 on validation; a thousandth more than on test without it."""
    return RunResult(
        run_id=run.run_id,
        status="succeeded",
        config_hash=run.config_hash,
        data=DataName(name=plan.data.name, hash=plan.data.hash),
        code_version=plan.code_version,
        best_epoch=best_epoch,
        epochs_trained=5,
        valid=metrics(*(valid or (e1 + 0.001, e2 + 0.001))),
        test=metrics(e1, e2),
        seconds=2.5,
        environment={"torch": "2"},
    )


def succeed(store, plan, index, e1, e2, best_epoch=3, valid=None):
    run = plan.runs[index]
    result = made_result(plan, run, e1, e2, best_epoch, valid)
    rows = [
        {"epoch": n, "valid_e1_auc": (e1 or 0.5) - abs(n - best_epoch) / 100, "valid_e2_auc": (e2 or 0.5) + n / 1000}
        for n in range(1, 6)
    ]
    store.write(f"runs/{run.run_id}/epochs.csv", pd.DataFrame(rows).to_csv(index=False).encode())
    store.write(f"runs/{run.run_id}/result.json", result.model_dump_json().encode())


def predictions(seed, skill, students=200, each=25):
    """Predictions of a made run: the larger `skill`, the higher E1 and E2 (0: chance). Students and answers are fixed.

    `seed` moves the scores a little, as another training would.
    """
    fixed = np.random.default_rng(0)
    student = np.repeat(np.arange(students), each)
    ease = fixed.normal(size=students)[student]
    response = (fixed.random(len(student)) < 1 / (1 + np.exp(-ease))).astype("int8")
    noise = fixed.normal(size=(2, len(student))) + 0.1 * np.random.default_rng(seed).normal(size=(2, len(student)))
    scores = 1 / (1 + np.exp(-(skill * (2 * response - 1) + noise)))
    return pd.DataFrame({"student": student, "response": response, "e1": scores[0], "e2": scores[1]})


def auc(score, response):
    """By its definition: how often a right answer scores above a wrong one."""
    rank = score.rank().to_numpy()
    right = response.to_numpy() == 1
    count = right.sum()
    return float((rank[right].sum() - count * (count + 1) / 2) / (count * (len(rank) - count)))


def predict(store, plan, index, skill, students=200, valid=None):
    """A succeeded run with predictions, and the AUCs that they have."""
    run = plan.runs[index]
    frame = predictions(index, skill, students)
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    store.write(f"runs/{run.run_id}/predictions.parquet", buffer.getvalue())
    succeed(store, plan, index, *(auc(frame[side], frame["response"]) for side in ("e1", "e2")), valid=valid)


def fail(store, plan, index, message="epoch 2: loss is not finite"):
    run = plan.runs[index]
    result = RunResult(
        run_id=run.run_id,
        status="failed",
        error=RunError(type="NonFiniteLossError", message=message),
        config_hash=run.config_hash,
        data=DataName(name=plan.data.name, hash=plan.data.hash),
        code_version=plan.code_version,
    )
    store.write(f"runs/{run.run_id}/result.json", result.model_dump_json().encode())


def published(store):
    """The study's Phase 2, as its report gives it."""
    plan = planned(store)
    for index, (e1, e2) in enumerate(PUBLISHED.values()):
        succeed(store, plan, index, e1, e2)
    return plan
