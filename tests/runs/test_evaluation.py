"""`gaintrace evaluate`: a finished run in windows, beside what the run itself said of them."""

import html

import pandas as pd
import pytest
import torch

from gaintrace.analysis.table import pykt_columns
from gaintrace.cli.evaluate import evaluate
from gaintrace.cli.sweep import train
from gaintrace.config import SyntheticConfig
from gaintrace.data.dataset import save_dataset
from gaintrace.data.synthetic import generate
from gaintrace.errors import ConfigError, StoreError
from gaintrace.report.pykt import described, pykt_rows
from gaintrace.runs.auc import auc
from gaintrace.runs.evaluation import evaluate_in_windows
from gaintrace.runs.predictions import read_predictions
from gaintrace.runs.reproduction import RecordedRun
from gaintrace.store import layout, open_store
from tests.data.test_batches import made

SETTINGS = [
    "base.model={d_model: 16, n_heads: 2, n_blocks: 1, d_ff: 16, gain: linear}",
    "base.training={epochs: 2, batch_size: 16, learning_rate: 0.01}",
    "base.data={max_sequence_length: 16}",
]


def trained(folder, dataset, *more):
    """A store with one run on a data set of histories that are longer than a chunk, and the run."""
    save_dataset(dataset, open_store(f"{folder}/datasets/long"))
    train("published", data=f"{folder}/datasets/long", out=str(folder), overrides=[*SETTINGS, *more])
    store = open_store(str(folder))
    (run,) = layout.run_ids(store)
    return store, RecordedRun.read(store, run)


@pytest.mark.parametrize("skills_per_answer", [1, 2])
def test_windowed_aucs_of_a_run_are_those_of_its_weights_in_windows(tmp_path, skills_per_answer, capsys):
    dataset = made([40, 22, 9] * 12, skills_per_answer, seed=1)
    store, run = trained(tmp_path, dataset)
    own = run.result.pykt
    again = evaluate_in_windows(store, run, dataset, 12, torch.device("cpu"))
    assert own.window_overlap == again.window_overlap == 12
    assert own.window_targets == again.window_targets > run.result.test.targets
    for side in ("e1", "e2"):
        found, expected = getattr(own, side), getattr(again, side)
        assert found.windowaucconcepts == pytest.approx(expected.windowaucconcepts, abs=1e-6)
        assert found.windowaucconcepts != getattr(run.result.test, side).auc
        if skills_per_answer == 1:
            assert found.oriauclate_mean is found.windowauclate_mean is None
        else:
            assert found.windowauclate_vote == pytest.approx(expected.windowauclate_vote, abs=1e-6)
            assert expected.oriauclate_mean is None
            assert found.oriauclate_mean is not None
    (csv,) = tmp_path.glob("sweeps/*/results.csv")
    row = pd.read_csv(csv).iloc[0]
    assert row[pykt_columns(("e1", "e2"))].count() == (2 if skills_per_answer == 1 else 14)
    assert row["test_e2_windowaucconcepts"] == own.e2.windowaucconcepts
    report = csv.with_name("report.md").read_text()
    assert described(own) in report
    assert all(f"| {' | '.join(cells)} |" in report for cells in pykt_rows(own))
    assert "Beside pyKT's tables" in html.unescape(csv.with_name("report.html").read_text())
    capsys.readouterr()
    evaluate(run.result.run_id[:6], out=str(tmp_path), overlap=12)
    said = capsys.readouterr().out
    assert described(again) in said
    assert f"{again.e1.windowaucconcepts:.4f}" in said


def test_a_run_evaluated_in_windows_measures_what_its_windows_hold(tmp_path):
    """Its test predictions are the windowed ones, and mastery is followed inside them."""
    dataset = generate(SyntheticConfig(students=60, skills=4, mean_length=40))
    store, run = trained(tmp_path, dataset, "base.data.evaluation_overlap=8")
    frame = read_predictions(store, run.result.run_id)
    test = dataset.interactions[(dataset.students["fold"] == -1).to_numpy()[dataset.interactions["student"]]]
    assert len(frame) == run.result.test.targets == run.result.pykt.window_targets == len(test) - test.student.nunique()
    assert frame.groupby("student")["position"].apply(lambda own: own.diff().dropna().eq(1).all()).all()
    assert run.result.pykt.e1.windowaucconcepts == pytest.approx(
        auc(frame["e1"].to_numpy(), frame["response"].to_numpy())
    )
    assert run.result.pykt.e1.windowaucconcepts == pytest.approx(run.result.test.e1.auc, abs=1e-6)
    assert run.result.interpretability.mastery_falls == 0


def test_an_overlap_that_cannot_be_is_refused_and_damaged_weights_are_named(tmp_path):
    _, run = trained(tmp_path, made([40, 22, 9] * 12))
    for overlap in (0, 16):
        with pytest.raises(ConfigError, match=r"reads 16 interactions at once, of which windows can share 1 to 15$"):
            evaluate(run.result.run_id, out=str(tmp_path), overlap=overlap)
    evaluate(run.result.run_id, out=str(tmp_path))
    (tmp_path / layout.run(run.result.run_id, "model.safetensors")).write_bytes(b"no")
    with pytest.raises(StoreError, match=r"model.safetensors is damaged: .*Train the run again"):
        evaluate(run.result.run_id, out=str(tmp_path))
