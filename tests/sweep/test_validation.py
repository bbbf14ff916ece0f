"""`gaintrace validate`: the verdict, its interval, and the whole command on a small data set."""

import math
from pathlib import Path

import pytest

from gaintrace.cli.data import simulate
from gaintrace.cli.validate import validate
from gaintrace.config import load_spec
from gaintrace.errors import ConfigError, IncompleteError, RegressionError
from gaintrace.store import FolderStore
from gaintrace.sweep import defaults
from gaintrace.sweep.defaults import Provenance
from gaintrace.sweep.validation import Reference, Validation, difference

SMALL = "base.model={d_model: 8, n_heads: 2, n_blocks: 1, d_ff: 8};base.training.batch_size=16"


def test_the_interval_is_student_s() -> None:
    found = difference([0.70, 0.72, 0.71], [0.71, 0.71, 0.71])
    assert found.mean == pytest.approx(0.0)
    assert found.high == pytest.approx(4.302653 * 0.01 / math.sqrt(3))
    assert found.low == pytest.approx(-found.high)
    assert difference([0.70], [0.71]).high is None


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = str(tmp_path_factory.mktemp("data") / "simulated")
    simulate(out, students=60, skills=4, mean_length=12)
    return out


def run(data: str, store: Path, label: str, **options: object) -> Validation:
    settings = {"seeds": "1,2", "epochs": "1", "more": SMALL, "device": "cpu", "threads": 1} | options
    validate([data], str(store), label=label, **settings)  # type: ignore[arg-type]
    return Validation.model_validate_json((store / "validations" / "synthetic" / "latest.json").read_text())


def worse(store: Path, by: float) -> None:
    """Record that the default did better than it does."""
    folder = FolderStore(store).child("validations/synthetic")
    reference = Reference.model_validate_json(folder.read("reference.json"))
    runs = [pair.model_copy(update={"e2": pair.e2 + by + 0.001 * pair.seed}) for pair in reference.runs]
    folder.write("reference.json", reference.model_copy(update={"runs": runs}).model_dump_json().encode())


def test_the_first_validation_is_recorded_and_a_repetition_equals_it(data: str, tmp_path: Path) -> None:
    first = run(data, tmp_path, "monday")
    second = run(data, tmp_path, "tuesday")
    assert (first.verdict, second.verdict) == ("recorded", "as recorded")
    assert second.runs == first.runs
    assert second.differences["e1"].mean == 0
    trained = [
        path.parent.name for path in (tmp_path / "validations" / "synthetic" / "tuesday" / "runs").glob("*/result.json")
    ]
    assert len(trained) == 2, "a validation trains anew"


def test_a_regression_has_an_exit_code_of_its_own_until_it_is_recorded(data: str, tmp_path: Path) -> None:
    run(data, tmp_path, "monday")
    worse(tmp_path, 0.05)
    with pytest.raises(RegressionError, match="synthetic: worse than recorded"):
        run(data, tmp_path, "tuesday")
    assert run(data, tmp_path, "wednesday", record=True).verdict == "recorded"
    assert run(data, tmp_path, "thursday").verdict == "as recorded"


def test_a_gain_is_said_and_no_failure(data: str, tmp_path: Path) -> None:
    run(data, tmp_path, "monday")
    worse(tmp_path, -0.05)
    assert run(data, tmp_path, "tuesday").verdict == "better"


def test_another_data_set_of_the_same_name_is_not_compared(data: str, tmp_path: Path) -> None:
    run(data, tmp_path, "monday")
    other = str(tmp_path / "other")
    simulate(other, students=61, skills=4, mean_length=12)
    with pytest.raises(IncompleteError, match="no comparison"):
        run(other, tmp_path, "tuesday")


def test_the_promoted_default_of_the_store_is_what_is_trained(data: str, tmp_path: Path) -> None:
    spec = load_spec("production", ["base.training.bce_loss_weight=0.7"])
    origin = dict.fromkeys(("sweep_id", "data", "data_hash", "code_version", "promoted", "command", "comparison"), "x")
    provenance = Provenance.model_validate(origin | {"runs": [], "swept": {}, "metrics": {}, "overruled": []})
    assert defaults.add(FolderStore(tmp_path), spec, provenance, after=0)
    run(data, tmp_path, "monday")
    configs = list((tmp_path / "validations" / "synthetic" / "monday" / "runs").glob("*/config.json"))
    assert configs
    assert all('"bce_loss_weight": 0.7' in config.read_text() for config in configs)


@pytest.mark.parametrize("options", [{"seeds": "1;2"}, {"folds": "a"}, {"label": "../x"}])
def test_wrong_options_are_named(data: str, tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        run(data, tmp_path, **({"label": "monday"} | options))  # type: ignore[arg-type]
