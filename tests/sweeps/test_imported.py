"""Results of others, read from CSV files, come out as a sweep of ours."""

import pytest

from gaintrace.config import load_spec
from gaintrace.errors import ConfigError, DataError
from gaintrace.report.aggregate import aggregate
from gaintrace.report.verdict import verdict
from gaintrace.report.words import four
from gaintrace.store import open_store
from gaintrace.sweeps.imported import import_results
from gaintrace.sweeps.results import read_results
from tests.conftest import SHARED_DATA

EPOCHS = """bce_loss_weight,epoch,valid_e1_auc,valid_e2_auc
0.3,1,0.68,0.53
0.3,2,0.69,0.54
0.8,1,0.69,0.53
0.8,2,0.68,0.54
"""
TEST = "bce_loss_weight,test_e1_auc,test_e2_auc\n0.3,0.6853,0.5438\n0.8,0.6856,0.5343\n"


def write(folder, epochs=EPOCHS, test=TEST):
    folder.mkdir(exist_ok=True)
    (folder / "their_epochs.csv").write_text(epochs)
    (folder / "their_test.csv").write_text(test)
    return folder


def test_runs_are_ranked_and_examined_as_our_own(tmp_path):
    store = open_store(tmp_path / "store")
    plan = import_results(write(tmp_path / "theirs"), store, load_spec("phase2"))
    summary = aggregate(store, plan.sweep_id)
    assert [(row["bce_loss_weight"], row["best_epoch"]) for row in summary.runs] == [(0.3, 2), (0.8, 1)]
    assert summary.best["combined"] == pytest.approx(0.6853 + 0.5 * 0.5438)
    assert "selection_epoch" in [finding.name for finding in summary.findings]
    assert import_results(tmp_path / "theirs", store, load_spec("phase2")).sweep_id == plan.sweep_id


@pytest.mark.parametrize(
    ("files", "error", "message"),
    [
        ({"test": "bce_loss_weight,test_e1_auc\n0.3,0.6\n"}, DataError, "line 1: no column test_e2_auc"),
        ({"test": "weight,test_e1_auc,test_e2_auc\n0.3,0.6,0.5\n"}, DataError, "weight is not in both"),
        ({"test": "test_e1_auc,test_e2_auc\n0.6,0.5\n"}, DataError, "no column is not in both"),
        ({"test": TEST + "0.9,0.7,0.5\n"}, DataError, "no epochs for the run with bce_loss_weight 0.9"),
        ({"test": TEST.replace("0.5343", "good")}, DataError, "line 3: test_e2_auc is 'good', not a number"),
        ({"test": ""}, DataError, "the file is empty"),
        (
            {"test": TEST.replace("bce_loss", "x"), "epochs": EPOCHS.replace("bce_loss", "x")},
            ConfigError,
            "x_weight is no parameter",
        ),
    ],
)
def test_wrong_files_are_named(tmp_path, files, error, message):
    with pytest.raises(error, match=message):
        import_results(write(tmp_path / "theirs", **files), open_store(tmp_path / "store"), load_spec("phase2"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"test": TEST.replace("0.6853", "68.53")}, "test.csv: line 2: test_e1_auc is 68.53, not between 0 and 1; if"),
        ({"epochs": EPOCHS.replace("0.54", "54%")}, "epochs.csv: line 3: valid_e2_auc is '54%', not a number"),
        ({"test": TEST.replace("0.6853", "-0.1")}, "line 2: test_e1_auc is -0.1, not between 0 and 1$"),
        ({"test": TEST.replace("0.5343", "inf")}, "test.csv: line 3: test_e2_auc is 'inf', not a finite number"),
        ({"epochs": EPOCHS.replace("0.69,0.54", "NaN,0.54")}, "line 3: valid_e1_auc is 'NaN', not a finite number"),
        ({"test": TEST.replace("0.6853", "1e999")}, "line 2: test_e1_auc is '1e999', not a finite number"),
        ({"test": TEST.replace("0.6853", "")}, "line 2: test_e1_auc is '', not a number"),
        ({"test": TEST.replace("0.6853", "0.68_53")}, "line 2: test_e1_auc is '0.68_53', not a number"),
        ({"test": TEST.replace("0.6853", "0,6853")}, "line 2: more cells than the header"),
        ({"test": TEST + "0.5,0.6\n"}, "line 4: 2 values for 3 columns"),
        ({"test": TEST.splitlines()[0]}, "test.csv: the table has a header and no rows"),
        ({"epochs": EPOCHS.splitlines()[0] + "\n\n"}, "epochs.csv: the table has a header and no rows"),
        ({"test": TEST + "0.30,0.7,0.5\n"}, "line 4: bce_loss_weight 0.3 twice, first in line 2"),
        ({"epochs": EPOCHS + "0.8,2,0.7,0.5\n"}, "line 6: epoch 2 of bce_loss_weight 0.8 twice, first in line 5"),
        ({"epochs": EPOCHS + "0.3,1,0.7,0.5\n"}, "line 6: epoch 1 of bce_loss_weight 0.3 after epoch 2, which"),
        ({"epochs": EPOCHS.replace("0.3,2", "0.3,1.5")}, "line 3: epoch is 1.5, not a whole number from 0"),
        ({"epochs": EPOCHS.replace("0.3,1", "0.3,-1")}, "line 2: epoch is -1, not a whole number from 0"),
        ({"epochs": EPOCHS + "0.5,1,0.7,0.5\n"}, "line 6: their_test.csv has no test metrics of the run"),
        ({"test": TEST.replace("test_e2_auc", "test_e2_auc,test_e2_auc")}, "more than one column test_e2_auc"),
        ({"test": TEST.replace("test_e2_auc", "test_e2_auc,", 1)}, "line 1: a column has no name"),
        ({"test": TEST.replace("0.8", "1.8"), "epochs": EPOCHS.replace("0.8", "1.8")}, "bce_loss_weight is 1.8: Input"),
        ({"test": TEST + '0.9,"0.7,0.5\n'}, "line 4: unbalanced quotation mark"),
    ],
)  # fmt: skip
def test_a_number_that_cannot_be_is_refused_with_its_place_and_nothing_is_written(tmp_path, files, message):
    with pytest.raises(DataError, match=message):
        import_results(write(tmp_path / "theirs", **files), open_store(tmp_path / "store"), load_spec("phase2"))
    assert not (tmp_path / "store").exists()


def test_a_table_of_spaces_marks_and_further_columns_is_read(tmp_path):
    plain = import_results(write(tmp_path / "a"), open_store(tmp_path), load_spec("phase2"))
    epochs = "\ufeff" + EPOCHS.replace(",", " , ").replace("\n", ",note\r\n", 1)
    epochs = epochs.replace("\n", ",n/a\n").replace("note\r,n/a", "note\r")
    odd = import_results(write(tmp_path / "b", epochs=epochs), open_store(tmp_path), load_spec("phase2"))
    assert [run.swept for run in odd.runs] == [run.swept for run in plain.runs]
    assert odd.data.hash == plain.data.hash


def test_epochs_may_count_from_0_and_leave_some_out(tmp_path):
    epochs = EPOCHS.replace(",1,", ",0,").replace("0.3,2", "0.3,5")
    store = open_store(tmp_path)
    plan = import_results(write(tmp_path / "theirs", epochs=epochs), store, load_spec("phase2"))
    assert [result.epochs_trained for result in read_results(store, plan).values()] == [6, 3]


@pytest.mark.parametrize("known", [("3", "1"), ("1,3", "2"), ("0,2", "1,2")])
def test_runs_of_which_other_epochs_are_known_are_taken_and_examined(tmp_path, known):
    rows = [f"{w},{epoch},0.7,0.6" for w, of in zip((0.3, 0.8), known, strict=True) for epoch in of.split(",")]
    header = "bce_loss_weight,epoch,valid_e1_auc,valid_e2_auc"
    store = open_store(tmp_path)
    plan = import_results(
        write(tmp_path / "theirs", epochs="\n".join([header, *rows]) + "\n"), store, load_spec("phase2")
    )
    assert len(aggregate(store, plan.sweep_id).runs) == 2


def test_a_folder_without_the_files_is_named(tmp_path):
    with pytest.raises(DataError, match=r"expected one file \*epochs\*.csv, found none"):
        import_results(tmp_path, open_store(tmp_path / "store"), load_spec("phase2"))


@pytest.mark.realdata
def test_the_published_phase_2_gives_its_own_figures_and_the_confound(tmp_path):
    published = SHARED_DATA.parent / "published"
    if not published.is_dir():
        pytest.skip(f"no published results at {published}")
    store = open_store(tmp_path)
    summary = aggregate(store, import_results(published, store, load_spec("phase2")).sweep_id)
    assert [row["bce_loss_weight"] for row in summary.runs] == [0.3, 0.4, 0.5, 0.7, 0.6, 0.8]
    assert round(summary.best["combined"], 4) == 0.9572
    figures = {
        metric: " ".join(four(getattr(found, name)) for name in ("mean", "median", "std", "min", "max", "range"))
        for metric, found in summary.statistics.items()
    }
    assert figures == {
        "test_e1_auc": "0.6852 0.6853 0.0003 0.6848 0.6856 0.0008",
        "test_e2_auc": "0.5390 0.5390 0.0048 0.5343 0.5438 0.0095",
        "combined": "0.9547 0.9546 0.0021 0.9528 0.9572 0.0044",
    }
    correlation = summary.correlations["bce_loss_weight"]
    assert (round(correlation["test_e1_auc"], 2), round(correlation["test_e2_auc"], 2)) == (0.63, -0.91)
    said = verdict(summary)
    assert said.result.startswith("bce_loss_weight 0.3 ranks first of 6 configurations, with E1 + 0.5 · E2 = 0.9572")
    assert said.trust.startswith("But 81 % of the difference in E2 is which epoch was picked (0.0097")
    assert said.notes[0] == "Success criteria: met."
    assert "the study's rule" in said.notes[1]
    found = {finding.name: finding for finding in summary.findings if finding.name != "too_few_epochs"}
    assert set(found) == {"selection_epoch"}
    assert found["selection_epoch"].numbers["matched_epoch"] == 5
    assert round(found["selection_epoch"].numbers["share"], 2) == 0.81
    rising = [f.numbers for f in summary.findings if f.name == "too_few_epochs"]
    assert [(n["metric"], n["rising"]) for n in rising] == [("valid_e2_auc", 6)]
    by_rule = {outcome.rule: outcome for outcome in summary.selection}
    assert {rule: round(outcome.range_combined, 4) for rule, outcome in by_rule.items()} == {
        "valid_e1_auc": 0.0048, "valid_combined": 0.0014, "per_encoder": 0.0025, "same_epoch": 0.0014,
    }  # fmt: skip
    assert {run.epoch_e1 for run in by_rule["same_epoch"].runs} == {5}
