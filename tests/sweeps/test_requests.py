"""How often a store is asked: a server in another building answers each in tens of milliseconds."""

from collections import Counter

from gaintrace.report.aggregate import aggregate
from gaintrace.store import open_store
from tests.sweeps.test_shard import FILES, sweep

WEIGHTS = [0.2, 0.4, 0.6, 0.8]


def test_requests_a_run_are_few(bucket):
    store, asked = open_store(f"s3://{bucket}/r"), Counter()

    def count(request, **_):
        if "/runs/" in request.url:
            asked[request.method, request.url.split("/")[-1].split("?")[0]] += 1

    store.client.meta.events.register("before-send.s3", count)
    plan, _ = sweep(store, {"training.bce_loss_weight": WEIGHTS}, training={"epochs": 1})
    runs = len(WEIGHTS)
    looked_up = {("GET", "result.json"), ("GET", "checkpoint.safetensors"), ("DELETE", "checkpoint.safetensors")}
    assert asked == dict.fromkeys({("PUT", name) for name in FILES} | looked_up, runs)
    asked.clear()
    sweep(store, {"training.bce_loss_weight": WEIGHTS}, training={"epochs": 1})
    assert asked == {("GET", "result.json"): runs, ("DELETE", "checkpoint.safetensors"): runs}
    asked.clear()
    aggregate(store, plan.sweep_id)
    for name in ("result.json", "epochs.csv", "predictions.parquet"):
        assert asked["GET", name] <= runs + 4, f"{name} is read once for each run, and of the runs that are shown"
