"""What the test on a real cluster submits does here what it counts on there."""

from pathlib import Path

import pandas as pd
import pytest

from gaintrace.cli import sweep
from gaintrace.cluster.workflow import workflow_for
from gaintrace.errors import ConfigError, IncompleteError
from tests.cluster.scenarios import DEMO, IMPOSSIBLE, LENIENT, UNKNOWN_FIELD, seeded

SMALL = "; base.data.synthetic.students=60"


def rows(store: Path, overrides: str) -> pd.DataFrame:
    """Plan, train and aggregate as the workflow's steps do; the rows of results.csv."""
    outputs = store / "outputs"
    sweep.plan("demo", None, str(store), None, 6, "", overrides + SMALL, outputs)
    sweep_id = (outputs / "sweep-id").read_text()
    sweep.train_shard(sweep_id, 0, str(store), None, "auto", 1, None, gpus=0)
    try:
        sweep.aggregate(sweep_id, str(store))
    finally:
        table = pd.read_csv(store / "sweeps" / sweep_id / "results.csv")
    return table


def test_one_impossible_run_of_six_and_the_threshold(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError, match="5 of 6 runs succeeded"):
        rows(tmp_path, IMPOSSIBLE)
    table = rows(tmp_path, LENIENT)  # another threshold only: nothing is trained again
    assert sorted(table["status"]) == ["failed"] + ["succeeded"] * 5
    assert table.loc[table["status"] == "failed", "error"].str.len().min() > 0


def test_an_unknown_field_is_refused_by_the_plan(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no_such_field"):
        rows(tmp_path, UNKNOWN_FIELD)


def test_parameters_are_of_the_form_that_submit_takes() -> None:
    given = workflow_for("demo", [*DEMO, seeded(3, IMPOSSIBLE)])["spec"]["arguments"]["parameters"]
    assert {p["name"]: p["value"] for p in given}["set"] == f"base.training.seed=3; {IMPOSSIBLE}"
