"""`gaintrace promote` and `defaults`: what supports a new default, and a history that loses none."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pandas as pd
import pytest
import yaml

from gaintrace.analysis.summary import analyse
from gaintrace.cli import defaults as commands
from gaintrace.config import content_hash, identifying, load_spec, parse_spec
from gaintrace.defaults import history
from gaintrace.defaults.promotion import promote
from gaintrace.defaults.records import Pair, Reference, write_record
from gaintrace.errors import ConfigError, DataError, RefusedError, StoreError
from gaintrace.identity import code_version
from gaintrace.pipeline.promotion import train_default
from gaintrace.pipeline.sweep import run_sweep
from gaintrace.runs.result import EncoderMetrics
from gaintrace.store import open_store
from gaintrace.sweeps.plan import make_plan
from tests.made_results import DATA, fail, made_result, planned, succeed

SEEDS = """
name: made
grid: {training.bce_loss_weight: [0.2, 0.5, 0.8]}
seeds: [1, 2, 3]
success: {test_e1_auc: 0.65}
"""
LEADS = {0.2: 0.69, 0.5: 0.70, 0.8: 0.68}
PRODUCTION = 0.67
"""E1 of the preset that is in force where nothing was promoted, where it is known."""
PEAK = pd.DataFrame(
    {"epoch": range(1, 6), "valid_e1_auc": [0.6, 0.61, 0.62, 0.61, 0.6], "valid_e2_auc": [0.5, 0.51, 0.52, 0.51, 0.5]}
)


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)


def swept(store, text=SEEDS, means=LEADS, noise=0.0001, skip=(), alternate=False, production=PRODUCTION, rising=False):
    """A sweep whose configurations differ by far more than their seeds do, unless `alternate` mixes them.

    `production`: E1 of the default that is in force at first, with the same seeds; None: it is not known there.
    """
    if production is not None:
        trained(store, load_spec("production", ["seeds=[1, 2, 3]"]), production)
    plan = planned(store, text)
    for index, run in enumerate(plan.runs):
        seed = run.swept.get("training.seed", 0)
        e1 = means[run.swept["training.bce_loss_weight"]] + noise * (seed if index % 2 or not alternate else -seed)
        if index in skip:
            fail(store, plan, index)
        else:
            succeed(store, plan, index, e1 + 1e-5 * index, 0.55)
            if not rising:
                store.write(f"runs/{run.run_id}/epochs.csv", PEAK.to_csv(index=False).encode())
    write_summary(store, plan)
    return plan


def write_summary(store, plan):
    """What a promotion reads of an aggregated sweep."""
    text = analyse(store, plan).summary.model_dump_json()
    store.write(f"sweeps/{plan.sweep_id}/results.json", text.encode())


def trained(store, spec, e1, spread=0.0001):
    """Finished runs of a default on the data of the sweeps here."""
    plan = make_plan(spec, DATA)
    for index, run in enumerate(plan.runs):
        succeed(store, plan, index, e1 + spread * run.config.training.seed, 0.55)


def promoted(store, plan, run=None, force=False):
    return promote(store, plan.sweep_id, run, force, "gaintrace promote")


def run_of(plan, weight):
    return next(run.run_id for run in plan.runs if run.swept["training.bce_loss_weight"] == weight)


def test_a_lead_beyond_noise_becomes_the_default_with_its_provenance(store):
    plan = swept(store)
    default = promoted(store, plan).default
    assert (default.number, default.spec.base.training.bce_loss_weight) == (1, 0.5)
    assert default.spec.size() == 1
    assert default.spec.base.training.seed == plan.spec.base.training.seed, "no seed is better than another"
    origin = default.provenance
    assert (origin.sweep_id, len(origin.runs), origin.data_hash) == (plan.sweep_id, 3, plan.data.hash)
    assert origin.metrics["test_e1_auc"] == pytest.approx(0.70, abs=1e-3)
    assert origin.overruled == []
    assert history.current(store) == default
    assert store.read("defaults/current.yaml") == store.read("defaults/history/0001.yaml")


def test_what_is_better_on_test_speaks_against_the_best_on_validation(store):
    plan = planned(store, SEEDS)
    for index, run in enumerate(plan.runs):
        mean = LEADS[run.swept["training.bce_loss_weight"]] + run.swept["training.seed"] / 1e4
        succeed(store, plan, index, mean, 0.55, valid=(1.4 - mean, 0.55))
    write_summary(store, plan)
    with pytest.raises(RefusedError, match=r"bce_loss_weight 0\.5 is better in combined test AUC by more than noise"):
        promoted(store, plan)
    with pytest.raises(RefusedError, match=r"comes after bce_loss_weight 0\.8 in combined validation AUC, which picks"):
        promoted(store, plan, run_of(plan, 0.2))


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
        (
            {"text": SEEDS.replace("[0.2, 0.5, 0.8]", "[0.2]"), "production": None},
            None,
            "the sweep has one configuration",
        ),
        ({}, 0.2, "bce_loss_weight 0.2 is worse in combined test AUC than bce_loss_weight 0.5 by more than noise"),
        ({"production": None}, None, "nothing compares it with the preset production, which is in force: it was not"),
        ({"production": 0.75}, None, "it is worse than the preset production, which is in force, by more than noise"),
        ({"production": 0.7}, None, "is no larger than rounding on another device may make"),
        (
            {"production": 0.7, "alternate": True, "noise": 0.002},
            None,
            "its lead over the preset production, which is in force, is within noise",
        ),
        ({"means": {0.2: 0.70, 0.5: 0.69, 0.8: 0.68}}, None, "The best bce_loss_weight, 0.2, is the smallest tried"),
        ({"rising": True}, None, "E2 was still rising at the last epoch of 9 of 9 runs"),
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


def test_the_default_in_force_is_compared_wherever_it_was_trained_on_the_same_data(store):
    plan = swept(store)
    promoted(store, plan, run_of(plan, 0.2), force=True)
    default = promoted(store, plan).default
    assert default.number == 2
    was, gap = "default 1 has combined test AUC 0.9652 on made, 0.9752 is new: ", "difference +0.0100 ["
    assert default.provenance.comparison.startswith(was + gap)
    # Another sweep, which does not have it, finds its runs in the store.
    worse = swept(store, SEEDS.replace("0.2, 0.5, 0.8", "0.3, 0.4, 0.6"), {0.3: 0.68, 0.4: 0.69, 0.6: 0.68})
    with pytest.raises(RefusedError, match="it is worse than default 2, which is in force, by more than noise"):
        promoted(store, worse)
    better = swept(store, SEEDS.replace("0.2, 0.5, 0.8", "0.7, 0.75, 0.9"), {0.7: 0.68, 0.75: 0.72, 0.9: 0.68})
    assert promoted(store, better).default.number == 3


def test_a_much_worse_sweep_does_not_replace_production_and_a_better_one_of_one_configuration_does(store):
    one = SEEDS.replace("[0.2, 0.5, 0.8]", "[0.2]")
    worse = swept(store, one, {0.2: 0.60})
    with pytest.raises(RefusedError, match="worse than the preset production"):
        promoted(store, worse)
    promoted(store, worse, force=True)
    better = swept(store, SEEDS.replace("[0.2, 0.5, 0.8]", "[0.6]"), {0.6: 0.69})
    default = promoted(store, better).default
    assert (default.number, default.provenance.overruled) == (2, [])
    assert "the sweep has one configuration" in default.provenance.remarks[0]


def test_as_good_as_another_of_its_sweep_is_a_remark_where_the_default_is_beaten(store):
    plan = swept(store, means={0.2: 0.69, 0.5: 0.70, 0.8: 0.70}, noise=0.001, alternate=True)
    default = promoted(store, plan).default
    assert default.provenance.overruled == []
    assert any("is within noise" in remark for remark in default.provenance.remarks)


def test_what_a_validation_recorded_of_the_default_is_as_good_as_its_runs(store):
    plan = swept(store, production=None)
    spec = load_spec("production")
    runs = [Pair(fold=0, seed=seed, e1=0.67 + 0.0001 * seed, e2=0.55) for seed in (1, 2, 3)]
    recorded = Reference(
        label="monday",
        config_hash=history.configuration_hash(spec.base),
        data_hash=DATA.hash,
        code_version=code_version(),
        runs=runs,
    )
    for other in (
        {"code_version": "older"},
        {"config_hash": "0" * 16},
        {"data_hash": "0" * 16},
        {"runs": [run.model_copy(update={"fold": 1}) for run in runs]},
    ):
        write_record(store, DATA, recorded.model_copy(update=other))
        with pytest.raises(RefusedError, match="nothing compares it with the preset production"):
            promoted(store, plan)
    write_record(store, DATA, recorded)
    assert "difference +0.0300" in promoted(store, plan).default.provenance.comparison


def test_one_run_of_each_tells_nothing_of_noise(store):
    plan = swept(store, SEEDS.replace("[1, 2, 3]", "[1]"))
    with pytest.raises(RefusedError, match="nothing says whether its difference to the preset production") as refusal:
        promoted(store, plan)
    assert "over 1 run of each" in str(refusal.value)


def test_the_best_of_many_by_the_same_test_students_needs_a_larger_lead(store):
    """Three seeds that tell one configuration from the default do not tell the best of nine from it."""
    noisy, weights = 0.0022, [round(0.1 + place / 20, 2) for place in range(9)]
    text = SEEDS.replace("[0.2, 0.5, 0.8]", str(weights)) + "objective: {rank_by: combined}\n"
    means = dict.fromkeys(weights, 0.68) | {weights[4]: 0.69}
    one = swept(store, text.replace(str(weights), str(weights[4:5])), means, noise=noisy, production=0.683)
    many = swept(store, text, means, noise=noisy, production=0.683)
    with pytest.raises(RefusedError, match="picked as the best of 9 on the same test students, its lead"):
        promoted(store, many)
    assert promoted(store, one).default.number == 1


def test_a_sweep_ranked_by_e3_is_not_compared_with_a_default_that_has_none(store):
    third = "base: {model: {gain: evidence, curve: per_skill, aggregate: mastery}}\nobjective: {rank_by: test_e3_auc}\n"
    plan = planned(store, SEEDS.replace("success: {test_e1_auc: 0.65}\n", third))
    for run in plan.runs:
        result = made_result(plan, run, 0.7, 0.6)
        e3 = EncoderMetrics(auc=LEADS[run.swept["training.bce_loss_weight"]] + 1e-4 * run.swept["training.seed"])
        test, valid = (split.model_copy(update={"e3": e3}) for split in (result.test, result.valid))
        result = result.model_copy(update={"test": test, "valid": valid})
        store.write(f"runs/{run.run_id}/result.json", result.model_dump_json().encode())
    write_summary(store, plan)
    trained(store, load_spec("production", ["seeds=[1, 2, 3]"]), PRODUCTION)
    with pytest.raises(RefusedError, match="has no third encoder, and E3 ranks this sweep"):
        promoted(store, plan)
    with pytest.raises(ConfigError, match="has no third encoder"):
        train_default(store, plan.sweep_id, None)
    default = promoted(store, plan, force=True).default
    assert default.spec.objective.rank_by == "test_e3_auc"
    assert default.provenance.swept == {"bce_loss_weight": 0.5}


def test_a_sweep_of_other_code_is_not_compared(store):
    plan = swept(store)
    key = f"sweeps/{plan.sweep_id}/plan.json"
    for version, reason in (
        ("0.0.1+old", "it was trained by gaintrace 0.0.1"),
        ("imported", "its results were imported"),
    ):
        store.write(key, plan.model_copy(update={"code_version": version}).model_dump_json().encode())
        with pytest.raises(RefusedError, match=re.escape(reason)):
            promoted(store, plan)
        with pytest.raises(ConfigError, match="cannot be trained for a comparison"):
            train_default(store, plan.sweep_id, None)


def test_a_default_recorded_before_remarks_is_read(store):
    promoted(store, swept(store))
    for key in ("defaults/current.yaml", "defaults/history/0001.yaml"):
        tree = yaml.safe_load(store.read(key))
        del tree["provenance"]["remarks"]
        store.write(key, yaml.safe_dump(tree).encode())
    assert history.current(store).provenance.remarks == []


TRAINED = """
name: small
base:
  data: {synthetic: {students: 120, skills: 5, mean_length: 20, seed: 3}}
  model: {d_model: 16, n_heads: 2, n_blocks: 1, d_ff: 16}
  training: {epochs: 3, batch_size: 16, learning_rate: 0.01}
grid: {training.bce_loss_weight: [0.3]}
seeds: [1, 2]
"""


def test_the_default_in_force_is_trained_on_the_sweep_s_data_and_compared(tmp_path, capsys):
    store = open_store(tmp_path)
    first = run_sweep(parse_spec(TRAINED, "test"), store)
    with pytest.raises(RefusedError, match=f"`gaintrace promote {first.plan.sweep_id} --train` trains the preset"):
        commands.promote(first.plan.sweep_id, str(tmp_path))
    commands.promote(first.plan.sweep_id, str(tmp_path), force=True)
    # Another data set, on which default 1 has no run yet, and too small a learning rate.
    worse = TRAINED.replace("seed: 3", "seed: 4").replace("learning_rate: 0.01", "learning_rate: 1.0e-6")
    second = run_sweep(parse_spec(worse, "test"), store)
    with pytest.raises(RefusedError, match="nothing compares it with default 1"):
        commands.promote(second.plan.sweep_id, str(tmp_path))
    with pytest.raises(RefusedError) as refusal:
        commands.promote(second.plan.sweep_id, str(tmp_path), train=True, device="cpu", threads=1)
    assert "nothing compares" not in str(refusal.value)
    assert re.search(r"default 1, .*, over 2 runs of each", str(refusal.value).replace("\n", " "))
    runs = len(store.keys("runs"))
    with pytest.raises(RefusedError):
        commands.promote(second.plan.sweep_id, str(tmp_path), train=True, device="cpu", threads=1)
    assert len(store.keys("runs")) == runs, "what is known is not trained again"
    with pytest.raises(DataError, match="no prepared data set"):
        commands.promote(second.plan.sweep_id, str(tmp_path), train=True, data=str(tmp_path / "nowhere"))


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
    with pytest.raises(RefusedError, match="6 more configurations cannot be told from it") as refusal:
        promoted(store, plan)
    assert str(refusal.value).count("is within noise (difference") == 3


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
    promoted(store, plan, run_of(plan, 0.2), force=True)
    old = store.read("defaults/current.yaml")
    promoted(store, plan)
    store.write("defaults/current.yaml", old)
    assert history.current(store).number == 2
    assert promoted(store, plan).already
    assert store.read("defaults/current.yaml") == store.read("defaults/history/0002.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("      bce_loss_weight: 0.5", "      bce_loss_weight: 0.9"), "was altered"),
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
    tree["hash"] = content_hash(spec | {"base": identifying(spec["base"])})
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
    write_summary(store, unfinished)
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
    commands.promote(plan.sweep_id, out, run_of(plan, 0.2), force=True)
    commands.promote("made", out)
    assert "default 2" in capsys.readouterr().out
    commands.diff(out=out)
    assert capsys.readouterr().out.split()[-3:] == ["base.training.bce_loss_weight", "0.2", "0.5"]
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
    assert (shown.size(), shown.base.training.bce_loss_weight) == (1, 0.5)
