"""`gaintrace validate`: the verdict, its interval, and the whole command on a small data set."""

import math
import shutil
from pathlib import Path

import pytest

from gaintrace.cli.data import simulate
from gaintrace.cli.validate import validate
from gaintrace.config import load_spec
from gaintrace.defaults import history
from gaintrace.defaults.history import Provenance
from gaintrace.defaults.recalibration import recalibrate, recalibration_spec
from gaintrace.defaults.validation import Reference, Validation, conclude, difference
from gaintrace.errors import ConfigError, ExitCode, IncompleteError, RegressionError
from gaintrace.runs.result import RunResult
from gaintrace.store import FolderStore
from tests.made_results import planned, succeed

SMALL = "base.model={d_model: 8, n_heads: 2, n_blocks: 1, d_ff: 8};base.training.batch_size=16"


def test_the_interval_is_student_s() -> None:
    found = difference([0.70, 0.72, 0.71], [0.71, 0.71, 0.71])
    assert found.mean == pytest.approx(0.0)
    assert found.high == pytest.approx(4.302653 * 0.01 / math.sqrt(3))
    assert found.low == pytest.approx(-found.high)
    assert difference([0.70], [0.71]).high is None


@pytest.mark.parametrize(
    ("new", "verdict"),
    [
        ([0.700, 0.700, 0.700], "as recorded"),
        ([0.690, 0.691, 0.689], "regression"),
        ([0.690, 0.712, 0.694], "as recorded"),
        ([0.6996, 0.6995, 0.6997], "as recorded"),
        ([0.710, 0.711, 0.709], "better"),
        ([0.699], "not comparable"),
        ([0.700], "as recorded"),
    ],
    ids=["same", "worse", "noise", "rounding", "better", "one pair", "one pair, same"],
)
def test_an_interval_decides_and_neither_rounding_nor_one_pair_does(
    tmp_path: Path, new: list[float], verdict: str
) -> None:
    def validated(label: str, e2: list[float]) -> Validation:
        plan = planned(FolderStore(tmp_path / label), f"name: made\nseeds: {list(range(len(e2)))}\n")
        results = {}
        for index, (run_, auc) in enumerate(zip(plan.runs, e2, strict=True)):
            succeed(FolderStore(tmp_path / label), plan, index, 0.72, auc)
            text = FolderStore(tmp_path / label).read(f"runs/{run_.run_id}/result.json")
            results[run_.run_id] = RunResult.model_validate_json(text)
        return conclude(FolderStore(tmp_path), plan, results, label, record=False)

    assert validated("monday", [0.7] * len(new)).verdict == "recorded"
    assert validated("tuesday", new).verdict == verdict


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = str(tmp_path_factory.mktemp("data") / "simulated")
    simulate(out, students=60, skills=4, mean_length=12, name="synthetic")
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
    simulate(other, students=61, skills=4, mean_length=12, name="synthetic")
    with pytest.raises(IncompleteError, match="no verdict"):
        run(other, tmp_path, "tuesday")


def test_the_promoted_default_of_the_store_is_what_is_trained(data: str, tmp_path: Path) -> None:
    spec = load_spec("production", ["base.training.bce_loss_weight=0.7"])
    origin = dict.fromkeys(("sweep_id", "data", "data_hash", "code_version", "promoted", "command", "comparison"), "x")
    provenance = Provenance.model_validate(origin | {"runs": [], "swept": {}, "metrics": {}, "overruled": []})
    assert history.add(FolderStore(tmp_path), spec, provenance, after=0)
    run(data, tmp_path, "monday")
    configs = list((tmp_path / "validations" / "synthetic" / "monday" / "runs").glob("*/config.json"))
    assert configs
    assert all('"bce_loss_weight": 0.7' in config.read_text() for config in configs)


def test_a_data_set_that_cannot_be_read_stops_no_other(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"seeds": "1,2", "epochs": "1", "more": SMALL, "device": "cpu", "threads": 1, "label": "monday"}
    broken = tmp_path / "broken set"
    shutil.copytree(data, broken)
    (broken / "interactions.parquet").write_bytes(b"no parquet")
    with pytest.raises(IncompleteError, match="broken-set: no verdict") as error:
        validate([str(broken), data], str(tmp_path), **settings)  # type: ignore[arg-type]
    assert error.value.exit_code == ExitCode.DATA, "a retry cannot help"
    latest = tmp_path / "validations" / "broken-set" / "latest.json"
    verdict = Validation.model_validate_json(latest.read_text())
    assert verdict.verdict == "failed"
    assert "interactions.parquet is damaged" in verdict.text
    assert (tmp_path / "validations" / "synthetic" / "reference.json").exists()
    output = capsys.readouterr().out
    table = output[output.rindex("\ndata set ") + 1 :]
    assert [line.split()[0] for line in table.splitlines() if line[0] != " "] == ["data", "broken-set", "synthetic"]
    assert max(map(len, table.splitlines())) <= 80


def test_a_data_set_of_the_store_is_found_by_its_name(data: str, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "datasets" / "mine")
    assert run("mine", tmp_path, "monday").verdict == "recorded"


def test_recalibration_says_which_weight_suits_and_whether_it_matters(data: str, tmp_path: Path) -> None:
    found = run(data, tmp_path, "monday", recalibrate=True, weights="0.0,0.3").recalibration
    assert found is not None
    assert sorted(score.weight for score in found.scores) == [0.0, 0.3, 0.5], "the default's weight is tried as well"
    assert found.runs == 2
    assert found.text.startswith(f"best loss weight {found.scores[0].weight:g} (validation combined ")
    assert found.scores[0].difference is None
    assert all(score.difference.mean <= 0 for score in found.scores[1:] if score.difference)
    configs = [path.read_text() for path in tmp_path.glob("validations/synthetic/monday/runs/*/config.json")]
    assert sum('"per_encoder"' in text and '"selection_metric": "per_encoder"' in text for text in configs) == 6
    with pytest.raises(ConfigError, match="less than or equal to 1"):
        run(data, tmp_path, "tuesday", recalibrate=True, weights="1.5")


def test_a_recalibration_fixes_a_weight_that_the_default_moves_or_learns() -> None:
    for change in ("loss_weighting=learned", "bce_loss_weight_end=0.8"):
        swept = recalibration_spec(load_spec("gaintrace", [f"base.training.{change}"]), [0.0, 0.5])
        found = [config.training for _, config in swept.runs()]
        assert [(t.bce_loss_weight, t.bce_loss_weight_end, t.loss_weighting) for t in found] == [
            (0.0, None, "fixed"),
            (0.5, None, "fixed"),
        ]


@pytest.mark.parametrize(
    ("e2", "matters", "text"),
    [
        ({0.3: [0.60, 0.61, 0.62], 0.7: [0.55, 0.56, 0.575]}, True, "worse by more than noise: 0.7"),
        ({0.3: [0.60, 0.61, 0.62], 0.7: [0.62, 0.58, 0.61]}, False, "so the weight does not matter here beyond noise"),
        (
            {0.3: [0.60, 0.61, 0.62], 0.7: [0.5995, 0.6096, 0.6194]},
            False,
            "does not matter here beyond noise and round",
        ),
        ({0.3: [0.60], 0.7: [0.55]}, None, "one run a weight cannot tell that from noise"),
        ({0.3: [0.60, 0.61], 0.7: [0.70]}, None, "no other weight to compare it with"),
    ],
)
def test_what_a_recalibration_says(tmp_path: Path, e2: dict[float, list[float]], matters: bool, text: str) -> None:
    store = FolderStore(tmp_path)
    seeds = list(range(max(map(len, e2.values()))))
    plan = planned(store, f"name: made\ngrid: {{training.bce_loss_weight: {list(e2)}}}\nseeds: {seeds}\n")
    results = {}
    for index, run_ in enumerate(plan.runs):
        aucs, seed = e2[run_.config.training.bce_loss_weight], run_.config.training.seed
        if seed < len(aucs):
            succeed(store, plan, index, 0.7, aucs[seed])
            results[run_.run_id] = RunResult.model_validate_json(store.read(f"runs/{run_.run_id}/result.json"))
    found = recalibrate(plan, results)
    assert found is not None
    assert found.scores[0].weight == 0.3, "a weight with a run missing is left out"
    assert found.matters is matters
    assert text in found.text
    assert recalibrate(plan, {}) is None


@pytest.mark.parametrize("options", [{"seeds": "1;2"}, {"folds": "a"}, {"label": "../x"}])
def test_wrong_options_are_named(data: str, tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        run(data, tmp_path, **({"label": "monday"} | options))  # type: ignore[arg-type]
