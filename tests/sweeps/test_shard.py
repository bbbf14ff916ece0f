"""Training shards: nothing finished is trained again, and one bad run spoils none of the others."""

import json
import re
from contextlib import nullcontext
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from safetensors.torch import load
from scipy.stats import mannwhitneyu

from gaintrace.config import SweepSpec
from gaintrace.data.synthetic import generate
from gaintrace.errors import ConfigError, DataError, DeviceError, InterruptedRunError
from gaintrace.report.aggregate import aggregate
from gaintrace.report.trajectories import load_encoder
from gaintrace.runs.predictions import read_predictions
from gaintrace.runs.result import PyktAucs, RunResult
from gaintrace.runs.writer import Common, RunWriter
from gaintrace.store import open_store
from gaintrace.sweeps import shard as module
from gaintrace.sweeps.data import load_data, reference
from gaintrace.sweeps.plan import make_plan, write_plan
from gaintrace.sweeps.shard import ShardTrainer
from gaintrace.training import loop
from gaintrace.training.reporter import Silent
from tests.conftest import small_run, thorough


class Heard(Silent):
    def __init__(self):
        self.finished_runs, self.notes = [], []

    def finished(self, run, status, summary):
        self.finished_runs.append((run, status))

    def note(self, text):
        self.notes.append(text)


def sweep(store, grid, runs_per_shard=None, members=100, interrupted=lambda: False, **sections):
    spec = SweepSpec(name="s", base=small_run(**sections), grid=grid)
    dataset = load_data(spec.base)
    plan = make_plan(spec, reference(spec.base, dataset), runs_per_shard)
    write_plan(store, plan)
    heard = Heard()
    trainer = ShardTrainer(store, plan, dataset, lambda: torch.device("cpu"), heard, interrupted, members)
    for number in range(plan.shards):
        trainer.train(number)
    return plan, heard


def result(store, run):
    return RunResult.model_validate_json(store.read(f"runs/{run.run_id}/result.json"))


FILES = {"config.json", "epochs.csv", "predictions.parquet", "model.safetensors", "vocabulary.json", "result.json"}
"""Of a run that is done."""


def test_a_shard_leaves_complete_results(tmp_path):
    store = open_store(tmp_path)
    plan, heard = sweep(store, {"training.bce_loss_weight": [0.3, 0.7]})
    assert len(heard.finished_runs) == 2
    for run in plan.runs:
        found = result(store, run)
        names = {key.split("/")[-1] for key in store.keys(f"runs/{run.run_id}")}
        assert names == FILES
        epochs = pd.read_csv(tmp_path / "runs" / run.run_id / "epochs.csv")
        assert epochs.loc[epochs["epoch"] == found.best_epoch, "valid_e1_auc"].item() == found.valid.e1.auc
        predictions = pd.read_parquet(tmp_path / "runs" / run.run_id / "predictions.parquet")
        assert len(predictions) == found.test.targets
        assert predictions["mastery"].corr(predictions["true_mastery"]) == pytest.approx(
            found.mastery_recovery, abs=1e-6
        )
        frame = generate(run.config.data.synthetic).interactions
        row = predictions.iloc[7]
        at = frame[(frame["student"] == row["student"])].iloc[int(row["position"])]
        assert (at["skill"], at["response"]) == (row["skill"], row["response"])
        weights = load(store.read(f"runs/{run.run_id}/model.safetensors"))
        assert found.learned["threshold"].mean == pytest.approx(float(weights["e2.curve.threshold"]))
        assert found.learned["threshold"].start == 0.6
        assert found.interpretability.mastery_falls == 0
        assert (predictions["ability"] == 0).all()
        assert 0 < found.gain.std < found.gain.mean < 1
        assert found.spread["e2"].std == pytest.approx(predictions["e2"].std(ddof=0))
        assert found.spread["e1"].max == pytest.approx(predictions["e1"].max())
        assert 0 < found.spread["mastery"].among_equals < found.spread["mastery"].std
        assert found.simulator == "curve"


def test_a_run_whose_mastery_is_evidence_leaves_what_is_read_of_it(tmp_path):
    store = open_store(tmp_path)
    plan, _ = sweep(store, {}, model={"gain": "evidence", "curve": "per_skill", "ability": "inferred"})
    run = plan.runs[0]
    found, predictions = result(store, run), pd.read_parquet(tmp_path / "runs" / run.run_id / "predictions.parquet")
    assert (predictions["growth"] >= 0).all()
    assert found.interpretability.mastery_falls is None
    assert found.interpretability.curve_recovery is None
    assert found.interpretability.mastery_within_skill_auc is not None
    assert found.gain.after_wrong < 0 < found.gain.after_correct
    assert found.learned["retention"].start == 0.8
    assert found.learned["retention"].mean != pytest.approx(0.8, abs=1e-4)
    assert set(found.learned) >= {"start", "prior_share", "transfer", "growth", "discrimination", "threshold"}


def test_a_third_encoder_is_in_the_results_of_a_sweep_that_has_one_and_in_no_other(tmp_path):
    grid = {"model.aggregate": ["none", "mastery"]}
    model = {"gain": "evidence", "curve": "per_skill", "ability": "inferred"}
    stores = {name: open_store(tmp_path / name) for name in ("with", "without")}
    (plan, _), (plain, _) = (
        sweep(store, axes, model=model, training={"selection_metric": "per_encoder"})
        for store, axes in zip(stores.values(), (grid, {}), strict=True)
    )
    lacking, having = (result(stores["with"], run) for run in plan.runs)
    assert (lacking.test.e1, lacking.test.e2) == (having.test.e1, having.test.e2)
    assert having.test.e3.auc > 0.5
    assert having.picked.count("/") in (0, 2)
    assert having.interpretability.calibration.keys() == {"e1", "e2", "e3"}
    assert "e3" not in stores["with"].read(f"runs/{plan.runs[0].run_id}/result.json").decode()
    frame = read_predictions(stores["with"], plan.runs[1].run_id)
    right, wrong = (frame["e3"][frame["response"] == response] for response in (1, 0))
    pairs = len(right) * len(wrong)
    assert having.test.e3.auc == pytest.approx(mannwhitneyu(right, wrong).statistic / pairs, abs=1e-6)
    files = {}
    for (name, store), swept in zip(stores.items(), (plan, plain), strict=True):
        aggregate(store, swept.sweep_id)
        folder = tmp_path / name / "sweeps" / swept.sweep_id
        files[name] = {file.name: file.read_text() for file in folder.iterdir() if file.is_file()}
    table = pd.read_csv(tmp_path / "with" / "sweeps" / plan.sweep_id / "results.csv").set_index("run_id")
    own = {"best_epoch_e3", "valid_e3_auc", "test_e3_auc", *(f"test_e3_{name}" for name in PyktAucs.model_fields)}
    assert own == set(table) - set(files["without"]["results.csv"].splitlines()[0].split(",")) - {"aggregate"}
    assert table.loc[plan.runs[1].run_id, "test_e3_auc"] == having.test.e3.auc
    assert pd.isna(table.loc[plan.runs[0].run_id, "test_e3_auc"])
    for name, said in (("with", True), ("without", False)):
        assert all(("E3" in files[name][file]) == said for file in ("report.html", "report.md"))
        assert ('"test_e3_auc"' in files[name]["results.json"]) == said


def test_finished_runs_are_not_trained_again(tmp_path):
    store = open_store(tmp_path)
    sweep(store, {"training.bce_loss_weight": [0.3, 0.7]})
    _, heard = sweep(store, {"training.bce_loss_weight": [0.3, 0.7]})
    assert heard.finished_runs == []
    plan, heard = sweep(store, {"training.bce_loss_weight": [0.3, 0.5, 0.7]}, runs_per_shard=1)
    assert heard.finished_runs == [(plan.runs[1].run_id, "succeeded")]


def test_shards_of_any_size_give_the_same_results(tmp_path):
    tables = []
    for size in (1, 2, 3):
        store = open_store(tmp_path / str(size))
        plan, _ = sweep(store, {"training.bce_loss_weight": [0.2, 0.5, 0.8]}, runs_per_shard=size)
        tables.append([result(store, run).test.model_dump() for run in plan.runs])
    for table in tables[1:]:
        for a, b in zip(table, tables[0], strict=True):
            assert a["e1"] == pytest.approx(b["e1"], abs=1e-3)
            assert a["e2"] == pytest.approx(b["e2"], abs=1e-3)


def test_interrupting_and_running_again_continues(tmp_path):
    store, calls = open_store(tmp_path), [0]
    grid = {"training.bce_loss_weight": [0.3, 0.7]}

    def soon():
        calls[0] += 1
        return calls[0] > 12

    with pytest.raises(InterruptedRunError):
        sweep(store, grid, members=1, interrupted=soon)
    plan, _ = sweep(store, grid, members=1)
    straight = open_store(tmp_path / "straight")
    sweep(straight, grid, members=1)
    for run in plan.runs:
        a, b = result(store, run), result(straight, run)
        assert (a.test, a.valid, a.best_epoch, a.learned) == (b.test, b.valid, b.best_epoch, b.learned)
        assert not store.exists(f"runs/{run.run_id}/checkpoint.safetensors")


@pytest.mark.parametrize("members", [thorough(1), 2])
def test_wherever_training_is_stopped_it_goes_on_to_the_same_numbers(tmp_path, members):
    """Asked between batches, in validation, before a test and in it."""
    grid, training = {"training.epochs": [1, 2]}, {"batch_size": 40}
    straight, asked = open_store(tmp_path / "straight"), [0]

    def count():
        asked[0] += 1
        return False

    plan, _ = sweep(straight, grid, members=members, interrupted=count, training=training)
    places = set()
    for at in range(1, asked[0] + 1):
        store, calls = open_store(tmp_path / str(at)), iter(range(1, at + 1))
        with pytest.raises(InterruptedRunError) as stopped:
            sweep(
                store,
                grid,
                members=members,
                interrupted=lambda calls=calls, at=at: next(calls) == at,
                training=training,
            )
        places.add(re.sub(r"[0-9a-f]{12}|\d+", "N", str(stopped.value).split(";")[0]))
        sweep(store, grid, members=members, training=training)
        for run in plan.runs:
            a, b = result(store, run), result(straight, run)
            assert (a.test.e1.auc, a.test.e2.auc) == pytest.approx((b.test.e1.auc, b.test.e2.auc), abs=1e-6), at
            assert a.best_epoch == b.best_epoch
        assert "checkpoint" not in " ".join(store.keys("runs"))
    assert places == {
        "stopped in epoch N after N of N batches",
        "stopped in the validation of epoch N",
        "stopped before the test of run N",
        "stopped in the test of run N",
    }


def test_the_rules_that_pick_epochs_can_be_compared_in_one_sweep(tmp_path):
    """Each run reports each encoder at its own epoch, and the report says which."""
    store = open_store(tmp_path)
    rules = ["valid_e1_auc", "valid_combined", "per_encoder"]
    training = {"epochs": 6, "learning_rate": 0.02}
    plan, _ = sweep(store, {"training.selection_metric": rules}, training=training)
    found = {rule: result(store, run) for rule, run in zip(rules, plan.runs, strict=True)}
    for run in found.values():
        epochs = pd.read_csv(tmp_path / "runs" / run.run_id / "epochs.csv").set_index("epoch")
        assert run.valid.e1.auc == epochs.loc[run.best_epoch_e1, "valid_e1_auc"]
        assert run.valid.e2.auc == epochs.loc[run.best_epoch_e2, "valid_e2_auc"]
    own = found["per_encoder"]
    assert own.best_epoch is None
    assert own.best_epoch_e1 == found["valid_e1_auc"].best_epoch
    assert own.test.e1 == found["valid_e1_auc"].test.e1
    assert own.valid.e2.auc >= max(run.valid.e2.auc for run in found.values())
    aggregate(store, plan.sweep_id)
    page = store.read(f"sweeps/{plan.sweep_id}/report.html").decode()
    assert f">{own.best_epoch_e1}/{own.best_epoch_e2}</td>" in page


def test_a_failing_run_is_recorded_and_spoils_no_other(tmp_path, monkeypatch):
    """A fault that takes a whole population down is traced to its run by halving."""
    original = module.train

    def fragile(configs, data, **others):
        if any(config.training.bce_loss_weight == 0.5 for config in configs.values()):
            raise RuntimeError("a fault of this weight")
        original(configs, data, **others)

    monkeypatch.setattr(module, "train", fragile)
    store = open_store(tmp_path)
    plan, heard = sweep(store, {"training.bce_loss_weight": [0.3, 0.4, 0.5, 0.6]})
    assert [result(store, run).status for run in plan.runs] == ["succeeded", "succeeded", "failed", "succeeded"]
    assert result(store, plan.runs[2]).error.message == "a fault of this weight"
    assert any("trying fewer at a time" in note for note in heard.notes)
    monkeypatch.undo()
    _, heard = sweep(store, {"training.bce_loss_weight": [0.3, 0.4, 0.5, 0.6]})
    assert heard.finished_runs == [(plan.runs[2].run_id, "succeeded")]


def test_a_fault_of_the_device_ends_the_process_and_is_no_run_s_failure(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    grid = {"training.bce_loss_weight": [0.3, 0.4]}
    with monkeypatch.context() as patch:
        patch.setattr(module, "train", raising(RuntimeError("CUDA error: uncorrectable ECC error encountered")))
        patch.setattr(ShardTrainer, "device", torch.device("cuda"))
        patch.setattr(ShardTrainer, "_on_device", lambda self, config: None)
        patch.setattr(module, "joules", lambda device: None)
        with pytest.raises(DeviceError, match="uncorrectable ECC"):
            sweep(store, grid)
    assert not store.keys("runs")
    plan, _ = sweep(store, grid)
    assert [result(store, run).status for run in plan.runs] == ["succeeded"] * 2


def test_a_run_that_alone_does_not_fit_fails_with_what_to_lower(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    monkeypatch.setattr(module, "train", raising(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")))
    plan, heard = sweep(store, {"training.bce_loss_weight": [0.3, 0.4]})
    assert heard.notes == ["out of memory with 2 runs side by side; trying fewer at a time"]
    for run in plan.runs:
        assert result(store, run).status == "failed"
        assert "lower training.batch_size (now 16)" in result(store, run).error.message


def test_a_finished_shard_needs_no_device(tmp_path):
    store = open_store(tmp_path)
    plan, _ = sweep(store, {})

    def gone():
        raise DeviceError("no GPU here")

    def trainer(plan):
        dataset = load_data(plan.spec.base)
        return ShardTrainer(store, plan, dataset, gone, Silent(), lambda: False)

    trainer(plan).train(0)
    store.delete(f"runs/{plan.runs[0].run_id}/result.json")
    with pytest.raises(DeviceError):
        trainer(plan).train(0)


def raising(error):
    def train(*_, **__):
        raise error

    return train


class Refuses:
    """A device on which no step can be recorded."""

    def stream(self):
        return nullcontext()

    def record(self, step, generators):
        raise RuntimeError("operation not permitted")

    def seconds(self, work):
        work()
        return 0.0


def test_that_steps_are_not_replayed_is_said_once(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "recorder_for", lambda device: Refuses())
    _, heard = sweep(open_store(tmp_path), {"training.bce_loss_weight": [0.3, 0.7]}, members=1)
    assert [status for _, status in heard.finished_runs] == ["succeeded", "succeeded"]
    assert heard.notes == ["steps are launched one by one, not replayed: operation not permitted"]


def test_a_learning_rate_beyond_reason_is_a_failed_run(tmp_path):
    store = open_store(tmp_path)
    plan, _ = sweep(store, {"training.learning_rate": [3e-3, 1e38]}, runs_per_shard=1)
    assert [result(store, run).status for run in plan.runs] == ["succeeded", "failed"]
    assert result(store, plan.runs[1]).error.type == "NonFiniteLossError"


def test_a_failure_leaves_the_plain_names_to_the_success_after_it(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "np", SimpleNamespace(isfinite=lambda loss: False))
        plan, _ = sweep(store, {})
    (run,) = plan.runs
    assert result(store, run).files == {"epochs.csv": "epochs-failed.csv"}
    sweep(store, {})
    found = result(store, run)
    assert found.status == "succeeded"
    assert all(name == called for name, called in found.files.items())


def test_a_damaged_result_is_trained_again(tmp_path):
    store = open_store(tmp_path)
    plan, _ = sweep(store, {})
    store.write(f"runs/{plan.runs[0].run_id}/result.json", b'{"run_id"')
    _, heard = sweep(store, {})
    assert heard.finished_runs == [(plan.runs[0].run_id, "succeeded")]
    assert "damaged" in heard.notes[0]


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_processes_that_end_a_run_at_once_one_leaves_its_result_and_its_own_files(tmp_path, monkeypatch, first):
    store = open_store(tmp_path)
    publish, predict, waiting = RunWriter._publish, Common.stored, []

    def both(self, result):
        """Comes after the files. The first process waits here for the other to come as far."""
        waiting.append((self, result))
        if len(waiting) == 1:
            sweep(store, {})
            for trainer, found in (waiting[first], waiting[1 - first]):
                publish(trainer, found)
        return result

    monkeypatch.setattr(RunWriter, "_publish", both)
    monkeypatch.setattr(Common, "stored", lambda *arguments: predict(*arguments).eval(f"e2 = e2 / {len(waiting) + 1}"))
    plan, _ = sweep(store, {})
    (run,) = plan.runs
    found = result(store, run)
    assert found == waiting[first][1]
    assert read_predictions(store, run.run_id)["e2"].std(ddof=0) == pytest.approx(found.spread["e2"].std)
    names = {key.split("/")[-1] for key in store.keys(f"runs/{run.run_id}")}
    assert names == {"config.json", "result.json", *found.files.values()}


def test_files_of_an_attempt_that_died_are_not_taken_for_the_result_s(tmp_path):
    whole, store = open_store(tmp_path / "whole"), open_store(tmp_path / "died")
    plan, _ = sweep(whole, {})
    (run,) = plan.runs
    for name in ("epochs.csv", "predictions.parquet", "model.safetensors", "vocabulary.json"):
        store.write(f"runs/{run.run_id}/{name}", b"half")
    sweep(store, {})
    assert all(re.fullmatch(r"\w+-[0-9a-f]{12}\.\w+", name) for name in result(store, run).files.values())
    assert read_predictions(store, run.run_id).equals(read_predictions(whole, run.run_id))
    load_encoder(store, run.run_id, run.config, 5)
    assert len(aggregate(store, plan.sweep_id).comparison.runs) == 1


def test_a_result_of_before_that_names_no_files_is_read(tmp_path):
    store = open_store(tmp_path)
    plan, _ = sweep(store, {})
    key = f"runs/{plan.runs[0].run_id}/result.json"
    old = json.loads(store.read(key))
    del old["files"]
    store.write(key, json.dumps(old).encode())
    assert len(read_predictions(store, plan.runs[0].run_id)) == old["test"]["targets"]
    assert len(aggregate(store, plan.sweep_id).comparison.runs) == 1


def test_a_run_that_another_process_finished_first_stays_as_it_left_it(tmp_path):
    theirs, ours = open_store(tmp_path / "theirs"), open_store(tmp_path / "ours")
    plan, _ = sweep(theirs, {})
    objects = {key: theirs.read(key) for key in theirs.keys("runs")} | {
        f"runs/{plan.runs[0].run_id}/{name}": b"theirs" for name in ("epochs.csv", "predictions.parquet")
    }

    def finished_meanwhile():
        for key, data in objects.items():
            ours.write(key, data)
        return False

    _, heard = sweep(ours, {}, interrupted=finished_meanwhile)
    assert {key: ours.read(key) for key in ours.keys("runs")} == objects
    assert heard.finished_runs == [(plan.runs[0].run_id, "succeeded")]
    assert "another process was first" in heard.notes[0]


def test_shared_encoders_are_named(tmp_path):
    store = open_store(tmp_path)
    plan, _ = sweep(store, {"learning_curve.beta_skill_init": [1.5, 2.5]}, training={"clip_scope": "per_encoder"})
    first, second = (result(store, run) for run in plan.runs)
    assert (first.shared_e1_with, second.shared_e1_with) == ([second.run_id], [first.run_id])
    assert first.test.e1 == second.test.e1
    assert first.test.e2 != second.test.e2


def test_other_data_and_other_code_are_refused(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    spec = SweepSpec(name="s", base=small_run())
    dataset = load_data(spec.base)
    plan = make_plan(spec, reference(spec.base, dataset))

    def trainer(data):
        return ShardTrainer(store, plan, data, lambda: torch.device("cpu"), Silent(), lambda: False, 1)

    other = generate(spec.base.data.synthetic.model_copy(update={"seed": 99}))
    with pytest.raises(DataError, match="Plan the sweep again"):
        trainer(other)
    monkeypatch.setattr(module, "code_version", lambda: "9+x")
    with pytest.raises(ConfigError, match="was planned by gaintrace"):
        trainer(dataset)


def test_a_sweep_without_data_says_what_to_give():
    with pytest.raises(ConfigError, match="--data FOLDER"):
        load_data(SweepSpec(name="s").base)
