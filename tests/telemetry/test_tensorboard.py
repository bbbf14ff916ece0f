"""Event files hold what epochs.csv holds, and their absence is said before anything is trained."""

import importlib.util

import pandas as pd
import pytest
from typer.testing import CliRunner

from gaintrace.cli import app
from gaintrace.errors import ConfigError
from gaintrace.pipeline.sweep import run_sweep
from gaintrace.pipeline.training import Machine
from gaintrace.store import open_store
from tests.made_results import spec_of

SPEC = """
name: small
base:
  data: {synthetic: {students: 60, skills: 4, mean_length: 10}}
  model: {d_model: 8, n_heads: 1, n_blocks: 1, d_ff: 8}
  training: {epochs: 2}
grid: {training.bce_loss_weight: [0.3, 0.7]}
"""


def test_event_files_hold_the_epochs(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    store = open_store(tmp_path / "store")
    done = run_sweep(spec_of(SPEC), store, machine=Machine(tensorboard=tmp_path / "events"))
    folders = {path.name.split()[-1]: path for path in (tmp_path / "events" / done.plan.sweep_id).iterdir()}
    assert folders.keys() == {run.run_id for run in done.plan.runs}
    for run, folder in folders.items():
        assert folder.name.startswith("bce_loss_weight=0.")
        events = EventAccumulator(str(folder))
        events.Reload()
        epochs = pd.read_csv(tmp_path / "store" / "runs" / run / "epochs.csv")
        for tag, column in (("auc/e1 valid", "valid_e1_auc"), ("loss/e2 train", "train_e2_loss")):
            found = events.Scalars(tag)
            assert [one.step for one in found] == [1, 2]
            assert [one.value for one in found] == pytest.approx(epochs[column].tolist(), abs=1e-6)


def test_where_it_is_not_installed_one_line_says_so(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "tensorboard" else found(name, *a)
    )
    with pytest.raises(ConfigError, match="--tensorboard needs the package tensorboard: pip install tensorboard"):
        raise (
            CliRunner()
            .invoke(app, ["sweep", "demo", "--out", str(tmp_path / "store"), "--tensorboard", str(tmp_path / "events")])
            .exception
        )
    assert not (tmp_path / "store" / "sweeps").exists()
