"""`gaintrace promote` and `defaults`: what supports a new default, and a history that loses none."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
import yaml

from gaintrace.cli import defaults as commands
from gaintrace.config import content_hash, load_spec, parse_spec
from gaintrace.defaults import history
from gaintrace.defaults.promotion import promote
from gaintrace.errors import ConfigError, RefusedError, StoreError
from gaintrace.report.aggregate import aggregate
from gaintrace.store import open_store
from tests.made_results import fail, planned, succeed

SEEDS = """
name: made
grid: {training.bce_loss_weight: [0.2, 0.5, 0.8]}
seeds: [1, 2, 3]
success: {test_e1_auc: 0.65}
"""
LEADS = {0.2: 0.70, 0.5: 0.69, 0.8: 0.68}


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)


def swept(store, text=SEEDS, means=LEADS, noise=0.0001, skip=(), alternate=False):
    """A sweep whose configurations differ by far more than their seeds do, unless `alternate` mixes them."""
    plan = planned(store, text)
    for index, run in enumerate(plan.runs):
        seed = run.swept.get("training.seed", 0)
        e1 = means[run.swept["training.bce_loss_weight"]] + noise * (seed if index % 2 or not alternate else -seed)
        if index in skip:
            fail(store, plan, index)
        else:
            succeed(store, plan, index, e1 + 1e-5 * index, 0.55)
    aggregate(store, plan.sweep_id)
    return plan


def promoted(store, plan, run=None, force=False):
    return promote(store, plan.sweep_id, run, force, "gaintrace promote")


def run_of(plan, weight):
    return next(run.run_id for run in plan.runs if run.swept["training.bce_loss_weight"] == weight)


def test_a_lead_beyond_noise_becomes_the_default_with_its_provenance(store):
    plan = swept(store)
    default = promoted(store, plan).default
    assert (default.number, default.spec.base.training.bce_loss_weight) == (1, 0.2)
    assert default.spec.size() == 1
    assert default.spec.base.training.seed == plan.spec.base.training.seed, "no seed is better than another"
    origin = default.provenance
    assert (origin.sweep_id, len(origin.runs), origin.data_hash) == (plan.sweep_id, 3, plan.data.hash)
    assert origin.metrics["test_e1_auc"] == pytest.approx(0.70, abs=1e-3)
    assert origin.overruled == []
    assert history.current(store) == default
    assert store.read("defaults/current.yaml") == store.read("defaults/history/0001.yaml")


def test_repeating_a_promotion_changes_nothing(store):
    plan = swept(store)
    first = promoted(store, plan)
    before = {key: store.read(key) for key in store.keys("defaults")}
    again = promoted(store, plan)
    assert (first.already, again.already) == (False, True)
    assert {key: store.read(key) for key in store.keys("defaults")} == before


@pytest.mark.parametrize(
    ("options", "run", "reason"),
    [
        ({"skip": (7,)}, None, "the sweep is not done: 8 of 9 runs succeeded, 9 must"),
        ({"means": dict.fromkeys(LEADS, 0.64)}, None, "success criterion missed: test E1 AUC is 0.64"),
        ({"means": dict.fromkeys(LEADS, 0.7), "alternate": True, "noise": 0.01}, None, "is within noise (difference "),
        ({"text": SEEDS.replace("[1, 2, 3]", "[]")}, None, "is more than noise; add seeds"),
        ({"text": SEEDS.replace("[0.2, 0.5, 0.8]", "[0.2]")}, None, "the sweep has one configuration"),
        ({}, 0.5, "bce_loss_weight 0.5 is worse in combined test AUC than bce_loss_weight 0.2 by more than noise"),
    ],
)
def test_what_the_numbers_do_not_support_is_refused_and_force_is_recorded(store, options, run, reason):
    plan = swept(store, **options)
    run = run and run_of(plan, run)
    with pytest.raises(RefusedError, match=re.escape(reason)) as refusal:
        promoted(store, plan, run)
    assert "--force overrules" in str(refusal.value)
    assert not store.keys("defaults")
    default = promoted(store, plan, run, force=True).default
    assert any(reason in overruled for overruled in default.provenance.overruled)


def test_the_default_in_force_is_compared_where_the_sweep_has_it(store):
    plan = swept(store)
    promoted(store, plan, run_of(plan, 0.5), force=True)
    default = promoted(store, plan).default
    assert default.number == 2
    assert default.provenance.comparison == "default 1 has combined test AUC 0.9652 in this sweep, 0.9752 here"
    other = swept(store, SEEDS.replace("0.2, 0.5, 0.8", "0.3, 0.6"), {0.3: 0.72, 0.6: 0.7})
    assert promoted(store, other).default.provenance.comparison.startswith("not compared: default 2 is no config")


def test_the_default_in_force_is_not_replaced_by_what_cannot_be_told_from_it(store):
    """Even where the next one can."""
    plan = swept(store)
    promoted(store, plan, run_of(plan, 0.8), force=True)
    document = store.read(f"sweeps/{plan.sweep_id}/results.json").decode()
    summary = yaml.safe_load(document)
    summary["comparison"]["configurations"][2]["apart"] = False
    store.write(f"sweeps/{plan.sweep_id}/results.json", json.dumps(summary).encode())
    with pytest.raises(RefusedError, match=r"over the current default, bce_loss_weight 0.8, is within noise"):
        promoted(store, plan)


def test_every_configuration_that_cannot_be_told_from_it_speaks_against_it(store):
    """Not the next alone: a noisy one further down may be the better one. The worst are counted, not listed."""
    means = {weight / 10: 0.7 - weight / 1e5 for weight in range(10)}
    text = SEEDS.replace("[0.2, 0.5, 0.8]", str(list(means)))
    plan = swept(store, text, means, noise=0.01, alternate=True)
    with pytest.raises(RefusedError, match="2 more configurations cannot be told from it") as refusal:
        promoted(store, plan)
    assert str(refusal.value).count("is within noise") == 3


def test_of_promotions_at_one_time_none_is_lost_and_the_last_is_in_force(store):
    plan = swept(store)
    runs = [run_of(plan, weight) for weight in LEADS] * 4
    with ThreadPoolExecutor(6) as pool:
        ends = list(pool.map(lambda run: promoted(store, plan, run, force=True), runs))
    entries = history.history(store)
    new = [end.default.number for end in ends if not end.already]
    assert sorted(new) == [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert all(a.hash != b.hash for a, b in pairwise(entries))
    assert store.read("defaults/current.yaml") == store.read(f"defaults/history/{len(entries):04}.yaml")


def test_a_promotion_that_died_half_way_is_finished_by_the_next_command(store):
    plan = swept(store)
    promoted(store, plan, run_of(plan, 0.5), force=True)
    old = store.read("defaults/current.yaml")
    promoted(store, plan)
    store.write("defaults/current.yaml", old)
    assert history.current(store).number == 2
    assert promoted(store, plan).already
    assert store.read("defaults/current.yaml") == store.read("defaults/history/0002.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("      bce_loss_weight: 0.2", "      bce_loss_weight: 0.9"), "was altered"),
        (lambda text: "name: mine\n", "is no default that was promoted"),
        (lambda text: "a: [", "is no default that was promoted"),
    ],
)
def test_a_default_changed_by_hand_is_noticed(store, change, message):
    promoted(store, swept(store))
    text = store.read("defaults/current.yaml").decode()
    assert change(text) != text
    store.write("defaults/current.yaml", change(text).encode())
    with pytest.raises(StoreError, match=message):
        history.current(store)


def test_a_default_written_before_a_field_existed_is_still_whole(store):
    promoted(store, swept(store))
    tree = yaml.safe_load(store.read("defaults/current.yaml"))
    del tree["spec"]["base"]["training"]["selection_metric"]
    spec = {key: value for key, value in tree["spec"].items() if key not in ("name", "description")}
    tree["hash"] = content_hash(spec)
    store.write("defaults/current.yaml", yaml.safe_dump(tree).encode())
    store.delete("defaults/history/0001.yaml")
    assert history.current(store).spec.base.training.selection_metric == "valid_e1_auc"


def test_wrong_names_are_named(store):
    plan = swept(store, skip=(0,))
    with pytest.raises(ConfigError, match="has no succeeded run nothing"):
        promoted(store, plan, "nothing")
    with pytest.raises(ConfigError, match="its status is failed"):
        promoted(store, plan, plan.runs[0].run_id)
    unfinished = planned(store, SEEDS.replace("0.2, 0.5, 0.8", "0.4"))
    with pytest.raises(ConfigError, match=r"has no results yet; `gaintrace aggregate"):
        promoted(store, unfinished)
    aggregate(store, unfinished.sweep_id)
    with pytest.raises(ConfigError, match="nothing to promote"):
        promoted(store, unfinished, force=True)
    with pytest.raises(ConfigError, match="has no default 7; there is none"):
        history.entry(store, 7)


def test_the_commands_say_what_is_was_and_changed(store, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = str(store.root)
    commands.show(out=out)
    assert parse_spec(capsys.readouterr().out, "shown") == load_spec("production")
    plan = swept(store)
    commands.promote(plan.sweep_id, out, run_of(plan, 0.5), force=True)
    commands.promote("made", out)
    assert "default 2" in capsys.readouterr().out
    commands.diff(out=out)
    assert capsys.readouterr().out.split()[-3:] == ["base.training.bce_loss_weight", "0.5", "0.2"]
    commands.diff("1", "1", out=out)
    assert "no difference" in capsys.readouterr().out
    commands.diff("published", out=out)
    assert "base.training.clip_scope" in capsys.readouterr().out
    commands.list_history(out)
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows[1:] if row[0] != " "] == ["2", "1"]
    assert "(forced)" in "".join(rows)
    assert max(map(len, rows)) <= 80
    commands.show(out=out)
    shown = parse_spec(capsys.readouterr().out, "shown")
    assert (shown.size(), shown.base.training.bce_loss_weight) == (1, 0.2)
