"""Plans: every run once, shards of the asked size, ids that come from what is computed."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.analysis.summary import analyse
from gaintrace.config import SweepSpec, load_spec, parse_spec
from gaintrace.errors import ConfigError, StoreError
from gaintrace.identity import code_version, population_key
from gaintrace.store import open_store
from gaintrace.sweeps.plan import make_plan, read_plan, read_shard, write_plan
from tests.made_results import DATA, PHASE2, fail, planned, succeed


@given(
    weights=st.lists(st.floats(0, 1), min_size=1, max_size=5, unique=True),
    widths=st.lists(st.sampled_from([16, 32]), min_size=1, max_size=2, unique=True),
    per_shard=st.integers(1, 12),
)
def test_a_plan_holds_every_run_once(weights, widths, per_shard):
    spec = SweepSpec(name="s", grid={"training.bce_loss_weight": weights, "model.d_model": widths})
    plan = make_plan(spec, DATA, per_shard)
    assert len({run.run_id for run in plan.runs}) == len(plan.runs) == len(weights) * len(widths)
    shards = [plan.shard(number) for number in range(plan.shards)]
    assert sorted(run.index for shard in shards for run in shard) == list(range(len(plan.runs)))
    assert all(0 < len(shard) <= per_shard for shard in shards)
    populations = sum(len({population_key(run.config) for run in shard}) for shard in shards)
    assert populations <= plan.shards + len(widths) - 1


def test_ids_come_from_what_is_computed():
    spec = load_spec("phase2")
    plan = make_plan(spec, DATA, 6)
    elsewhere = make_plan(load_spec("phase2", ["base.data.dataset=/other/place"]), DATA, 1)
    assert elsewhere.sweep_id == plan.sweep_id
    assert [run.run_id for run in elsewhere.runs] == [run.run_id for run in plan.runs]
    other_data = make_plan(spec, DATA.model_copy(update={"hash": "f" * 16}), 6)
    assert {run.run_id for run in other_data.runs}.isdisjoint(run.run_id for run in plan.runs)
    wider = make_plan(load_spec("phase2", ["grid.training.bce_loss_weight=[0.3, 0.9]"]), DATA, 6)
    assert wider.runs[0].run_id == plan.runs[0].run_id
    assert wider.sweep_id != plan.sweep_id
    assert code_version().startswith("0.")


def test_a_plan_comes_back_from_the_store(tmp_path):
    store = open_store(tmp_path)
    plan = planned(store, runs_per_shard=4)
    assert read_plan(store, plan.sweep_id) == plan
    assert load_spec(str(tmp_path / "sweeps" / plan.sweep_id / "spec.yaml")) == plan.spec
    with pytest.raises(ConfigError, match=rf"no sweep nothing; sweeps there: {plan.sweep_id}"):
        read_plan(store, "nothing")
    with pytest.raises(ConfigError, match="its shards are 0 to 1"):
        plan.shard(2)
    store.write(f"sweeps/{plan.sweep_id}/plan.json", b"{")
    with pytest.raises(StoreError, match="damaged"):
        read_plan(store, plan.sweep_id)


def test_a_shard_has_a_plan_of_its_own_that_says_the_same(tmp_path):
    store = open_store(tmp_path)
    plan = planned(store, runs_per_shard=4)
    key = f"sweeps/{plan.sweep_id}/plan.json"
    whole = store.read(key)
    store.delete(key)
    for shard in range(2):
        own = read_shard(store, plan.sweep_id, shard)
        assert own.shard(shard) == own.runs == plan.shard(shard)
        assert (own.spec.base, own.spec.name, own.data) == (plan.spec.base, plan.spec.name, plan.data)
    store.write(key, whole)
    with pytest.raises(ConfigError, match="its shards are 0 to 1"):
        read_shard(store, plan.sweep_id, 2)
    plan = planned(store, runs_per_shard=6)
    assert not store.keys(f"sweeps/{plan.sweep_id}/shards"), "one shard needs none"
    assert read_shard(store, plan.sweep_id, 0).runs == plan.runs, "as where a version of before planned"


@given(st.lists(st.sampled_from(["succeeded", "failed", "missing", "damaged"]), min_size=6, max_size=6))
@settings(max_examples=15)
def test_aggregation_loses_no_run(tmp_path_factory, fates):
    store = open_store(tmp_path_factory.mktemp("store"))
    plan = planned(store, PHASE2)
    for index, fate in enumerate(fates):
        if fate == "succeeded":
            succeed(store, plan, index, 0.7 - index / 100, 0.5)
        elif fate == "failed":
            fail(store, plan, index)
        elif fate == "damaged":
            store.write(f"runs/{plan.runs[index].run_id}/result.json", b'{"run_id": "x"')
    summary = analyse(store, plan).summary
    by_id = {row["run_id"]: row for row in summary.runs}
    assert len(summary.runs) == 6
    for run, fate in zip(plan.runs, fates, strict=True):
        assert by_id[run.run_id]["status"] == {"damaged": "failed"}.get(fate, fate)
        assert (by_id[run.run_id]["rank"] is not None) == (fate == "succeeded")
    assert summary.coverage.succeeded == fates.count("succeeded")
    assert (summary.best is None) == ("succeeded" not in fates)


def test_a_sweep_that_lies_elsewhere_is_named_and_not_written_to(tmp_path):
    there, here = open_store(tmp_path / "there"), open_store(tmp_path / "here")
    plan = make_plan(parse_spec("name: made\n", "test"), DATA)
    write_plan(there, plan)
    there.write(f"runs/{plan.runs[0].run_id}/result.json", b"{}")
    (tmp_path / "here" / "sweeps").mkdir(parents=True)
    for name in (plan.sweep_id, "linked"):
        (tmp_path / "here" / "sweeps" / name).symlink_to(tmp_path / "there" / "sweeps" / plan.sweep_id)
        with pytest.raises(ConfigError, match=rf"sweeps/{name} is a link into .*there.* --out {tmp_path}/there$"):
            read_plan(here, name)


def test_a_sweep_behind_a_link_is_found_where_its_runs_are_here(tmp_path):
    store = open_store(tmp_path / "here")
    plan = make_plan(parse_spec("name: made\n", "test"), DATA)
    write_plan(store, plan)
    store.write(f"runs/{plan.runs[0].run_id}/result.json", b"{}")
    own = tmp_path / "here" / "sweeps"
    (own / "again").symlink_to(plan.sweep_id)
    assert read_plan(store, "again") == plan
    (tmp_path / "archive" / "of" / "sweeps").mkdir(parents=True)
    (own / plan.sweep_id).rename(tmp_path / "archive" / "of" / "sweeps" / "moved")
    (own / plan.sweep_id).symlink_to(tmp_path / "archive" / "of" / "sweeps" / "moved")
    assert read_plan(store, plan.sweep_id) == plan


@pytest.mark.parametrize("shards", [1, 2])
def test_a_plan_that_another_version_wrote_is_said_to_be_one(tmp_path, shards):
    """A release is upgraded while a sweep runs, or an image goes back: one line, and no retry, for none can help."""
    store = open_store(str(tmp_path))
    plan = make_plan(load_spec("phase2"), DATA, 6 // shards)
    write_plan(store, plan)
    for key in [key for key in store.keys("sweeps") if key.endswith(".json")]:
        newer = json.loads(store.read(key)) | {"code_version": "9.0.0+new", "priority": 3}
        store.write(key, json.dumps(newer).encode())
    for read in (lambda: read_plan(store, plan.sweep_id), lambda: read_shard(store, plan.sweep_id, 0)):
        with pytest.raises(ConfigError) as refusal:
            read()
        said = str(refusal.value)
        assert said.startswith(f"sweep {plan.sweep_id} was planned by another gaintrace (9.0.0+new), and this one (")
        assert "priority" in said and "\n" not in said
    store.write(f"sweeps/{plan.sweep_id}/plan.json", b'{"sweep_id": "x", "ru')
    with pytest.raises(StoreError, match="is damaged"):
        read_plan(store, plan.sweep_id)
