"""`gaintrace reproduce`: a run trained again is compared number by number, and the original is only read."""

import json
from pathlib import Path

import pandas as pd
import pytest

from gaintrace.cli.reproduce import reproduce
from gaintrace.cli.sweep import sweep
from gaintrace.errors import ConfigError, DataError, RegressionError
from gaintrace.runs.reproduction import Reproduction
from gaintrace.store import open_store
from tests.conftest import SMALL_SWEEP


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A store with runs trained one at a time."""
    store = tmp_path_factory.mktemp("alone")
    sweep(SMALL_SWEEP, out=str(store), device="cpu", threads=1, members=1)
    return store


def first_run(store):
    return pd.read_csv(next(store.glob("sweeps/*/results.csv")))["run_id"].iloc[0]


def again(store, run, **options):
    reproduce(run, out=str(store), **({"device": "cpu", "threads": 1} | options))
    last = max((store / "reproductions" / run).iterdir(), key=lambda path: int(path.name))
    return Reproduction.model_validate_json((last / "comparison.json").read_text())


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_trained_again_alike_is_the_same_to_the_bit_and_stays_untouched(alone, capsys):
    run = first_run(alone)
    before = contents(alone / "runs")
    found = again(alone, run)
    assert (found.verdict, found.explanations) == ("identical", [])
    assert len(found.compared) == 12 + 6 + 3
    assert all(item.difference == 0 for item in found.compared)
    assert contents(alone / "runs") == before
    output = capsys.readouterr().out
    assert "identical: every number is the recorded one to the last bit" in output
    assert max(map(len, output[output.index("number") :].splitlines())) <= 80
    assert again(alone, run).number == found.number + 1, "asked again, it trains again"


def test_rounding_is_told_from_a_difference_and_its_causes_are_named(tmp_path):
    """Runs trained side by side sum in another order than one alone."""
    sweep(SMALL_SWEEP, out=str(tmp_path), device="cpu", threads=1, members=2)
    found = again(tmp_path, first_run(tmp_path))
    assert found.verdict == "within rounding"
    assert found.explanations == ["side by side 2, now 1"]


def doctored(store, run, change):
    """The run with something else recorded of it, in the same store."""
    path = store / "runs" / run / "result.json"
    text = path.read_text()
    result = json.loads(text)
    change(result)
    path.write_text(json.dumps(result))
    return path, text


def shift_auc(result):
    result["test"]["e2"]["auc"] += 0.01
    result["environment"]["torch"] = "1.0"
    result["code_version"] = "0.0.1+12345678"


def other_epoch(result):
    result["best_epoch"] = result["best_epoch_e1"] = result["best_epoch_e2"] = 1
    result["epochs_trained"] = 5


@pytest.mark.parametrize(
    ("change", "text"),
    [(shift_auc, "test E2 AUC differs by -0.01, more than rounding explains"),
     (other_epoch, "epoch 2 was picked of 3, recorded is 1 of 5")],
)  # fmt: skip
def test_other_numbers_are_a_regression_with_what_could_explain_them(alone, capsys, change, text):
    run = first_run(alone)
    path, original = doctored(alone, run, change)
    try:
        with pytest.raises(RegressionError, match="is not reproduced") as error:
            again(alone, run)
    finally:
        path.write_text(original)
    assert text in str(error.value)
    if change is shift_auc:
        output = capsys.readouterr().out
        assert "- code 0.0.1+12345678, now " in output
        assert "- torch 1.0, now " in output


def test_an_interrupted_reproduction_is_continued(alone):
    run = first_run(alone)
    found = again(alone, run)
    place = Path(alone, "reproductions", run, str(found.number))
    (place / "comparison.json").unlink()
    assert again(alone, run).number == found.number


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda r: r.update(status="failed", error={"type": "E", "message": "why"}), ConfigError, r"failed \(why\)"),
        (lambda r: r.update(code_version="imported"), ConfigError, "another program trained it"),
        (lambda r: r["data"].update(hash="0" * 16), DataError, "Name the one it was trained on with --data"),
    ],
)
def test_what_cannot_be_reproduced_is_refused(alone, change, error, message):
    run = first_run(alone)
    path, original = doctored(alone, run, change)
    try:
        with pytest.raises(error, match=message):
            again(alone, run)
    finally:
        path.write_text(original)


def test_an_unknown_run_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no finished run nothing, nor any other"):
        reproduce("nothing", out=str(tmp_path))
    assert not open_store(tmp_path).keys()
