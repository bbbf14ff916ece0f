"""The weights of a default stay, whatever becomes of the runs."""

import shutil

import pandas as pd
import pytest
import torch

from gaintrace.data.synthetic import generate
from gaintrace.defaults.promotion import promote
from gaintrace.defaults.weights import default_weights
from gaintrace.errors import ConfigError
from gaintrace.report.aggregate import aggregate
from gaintrace.store import open_store
from gaintrace.use.answered import of_dataset
from gaintrace.use.default import load_named
from gaintrace.use.predictions import predicted
from tests.cli.here import gaintrace
from tests.made_results import published
from tests.sweeps.test_shard import sweep

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path):
    """A folder with a store in which a sweep was promoted, and the sweep's plan."""
    store = open_store(tmp_path / "store")
    plan, _ = sweep(store, {"training.bce_loss_weight": [0.3, 0.7]}, training={"epochs": 1})
    aggregate(store, plan.sweep_id)
    return tmp_path, store, plan


def predictions(store, name):
    trained = load_named(store, name, CPU)
    tables = predicted(trained, of_dataset(trained, generate(trained.config.data.synthetic)), "last", None)
    return pd.concat([table.to_pandas() for table in tables])


def test_a_promotion_keeps_weights_that_outlive_the_runs(folder):
    path, store, plan = folder
    named = plan.runs[1].run_id
    default = promote(store, plan.sweep_id, named, True, "").default
    assert default.provenance.model == named
    before = predictions(store, named)
    shutil.rmtree(path / "store" / "runs")
    pd.testing.assert_frame_equal(predictions(store, "default"), before)
    done = gaintrace(path, "predict", "default", "--to", "p.parquet")
    assert (done.code, done.error) == (0, "")
    assert f"by run {named}" in done.output
    pd.testing.assert_frame_equal(pd.read_parquet(path / "p.parquet"), before.reset_index(drop=True))


def test_the_best_run_of_a_configuration_is_kept_unless_one_is_named(tmp_path):
    store = open_store(tmp_path)
    plan, _ = sweep(store, {"training.seed": [1, 2, 3]}, training={"epochs": 1})
    summary = aggregate(store, plan.sweep_id)
    default = promote(store, plan.sweep_id, None, True, "").default
    assert default.provenance.model == summary.best["run_id"]
    assert promote(store, plan.sweep_id, plan.runs[2].run_id, True, "").already
    assert default_weights(store)[0] == summary.best["run_id"]


def test_without_a_promotion_or_weights_the_error_says_so(folder):
    path, store, _ = folder
    done = gaintrace(path, "predict", "default", "--to", "p.csv")
    assert (done.code, len(done.error.splitlines())) == (2, 1)
    assert "store has no promoted default, so no weights of one" in done.error
    plan = published(store)
    aggregate(store, plan.sweep_id)
    default = promote(store, plan.sweep_id, None, True, "").default
    assert default.provenance.model is None
    with pytest.raises(ConfigError, match=r"default 1 of .* has no weights: none of its runs"):
        default_weights(store)


def test_a_default_of_before_weights_were_kept_uses_its_run(folder):
    _, store, plan = folder
    default = promote(store, plan.sweep_id, None, True, "").default
    for key in store.keys("defaults/models"):
        store.delete(key)
    run, where = default_weights(store)
    assert run == default.provenance.model
    assert where.uri.endswith(f"runs/{run}")
    assert promote(store, plan.sweep_id, None, True, "").already
    assert default_weights(store)[1].uri.endswith(f"defaults/models/{run}"), "promoting again keeps them"
