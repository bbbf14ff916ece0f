"""`gaintrace validate`: the verdict, its interval, and the whole command on a small data set."""

import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from gaintrace.cli.data import simulate
from gaintrace.cli.validate import validate
from gaintrace.config import load_spec, parse_spec
from gaintrace.data.dataset import load_info
from gaintrace.defaults import history, judgement
from gaintrace.defaults.history import Provenance
from gaintrace.defaults.recalibration import recalibrate, recalibration_spec
from gaintrace.defaults.records import Reference
from gaintrace.defaults.validation import Validation, conclude, night
from gaintrace.errors import ConfigError, ExitCode, IncompleteError, RegressionError
from gaintrace.runs.result import RunResult
from gaintrace.store import FolderStore, layout
from gaintrace.sweeps.plan import DataReference, make_plan
from tests.made_results import DATA, made_result, planned, succeed

SMALL = "base.model={d_model: 8, n_heads: 2, n_blocks: 1, d_ff: 8};base.training.batch_size=16"


def nightly(
    tmp_path: Path,
    e2: dict[str, list[float]],
    *,
    a_look: int = 3,
    margin: float = 0.003,
    data: DataReference = DATA,
    record: bool = False,
) -> dict[str, Validation]:
    """Made validations of one store, by label: E2 of each seed, as far as looks go; E1 is the same in all."""
    store, found = FolderStore(tmp_path), {}
    for label, aucs in e2.items():
        spec = parse_spec(f"name: made\nfolds: [0]\nseeds: {list(range(len(aucs)))}\n", "test")
        tonight = night(store, data, spec, label, margin, a_look, record)
        if isinstance(tonight, Validation):
            found[label] = tonight
            continue
        seeds: list[int] = []
        for look, part in enumerate(tonight.looks, 1):
            seeds += part
            plan = make_plan(spec.model_copy(update={"seeds": list(seeds)}), data)
            results = {run.run_id: made_result(plan, run, 0.72, auc) for run, auc in zip(plan.runs, aucs, strict=False)}
            validation = tonight.judged(plan, results, look)
            if not tonight.goes_on(validation):
                break
        found[label] = conclude(store, tonight, plan, validation)
    return found


@pytest.mark.parametrize(
    ("new", "verdict"),
    [
        ([0.700, 0.700, 0.700], "same"),
        ([0.6996, 0.6995, 0.6997], "same"),
        ([0.7021, 0.7020, 0.7022], "same"),
        ([0.6501, 0.6500, 0.6499], "worse"),
        ([0.690, 0.690, 0.690], "worse"),
        ([0.69, 0.68, 0.70], "cannot tell"),
        ([0.690, 0.712, 0.694], "cannot tell"),
        ([0.66, 0.66], "worse"),
        ([0.52, 0.80], "cannot tell"),
        ([0.7501, 0.7500, 0.7499], "better"),
        ([0.699], "cannot tell"),
        ([0.700], "same"),
    ],
)
def test_same_worse_and_better_need_numbers_that_say_so(tmp_path: Path, new: list[float], verdict: str) -> None:
    found = nightly(tmp_path, {"monday": [0.7] * len(new), "tuesday": new})
    assert [validation.verdict for validation in found.values()] == ["recorded", verdict]


def test_what_cannot_be_told_says_how_many_pairs_would_tell(tmp_path: Path) -> None:
    noisy = [0.702, 0.698, 0.701, 0.697, 0.7025, 0.6975]
    text = nightly(tmp_path / "a", {"monday": [0.7] * 6, "tuesday": noisy}, margin=0.002, a_look=6)["tuesday"].text
    needed = re.search(r"Whether E2 changed by 0.002 or more, some (\d+) pairs would tell", text)
    assert needed is not None
    many = noisy * 10
    count = int(needed[1])
    for pairs, verdict in ((count, "same"), (6, "cannot tell")):
        tail = judgement.tail_of(1, 1)
        found = judgement.difference(many[:pairs], [0.7] * pairs, tail)
        assert found.judged(0.002) == verdict
    borderline = [0.6972, 0.6968, 0.6973, 0.6967, 0.697, 0.697]
    text = nightly(tmp_path / "b", {"monday": [0.7] * 6, "tuesday": borderline}, a_look=6)["tuesday"].text
    assert "hardly any number of seeds would tell: the difference is about as large as that" in text
    assert "One pair shows no more" in nightly(tmp_path / "c", {"monday": [0.7], "tuesday": [0.69]})["tuesday"].text


def test_seeds_are_trained_until_they_can_tell_and_recorded_until_they_find_what_must_be_found(tmp_path: Path) -> None:
    quiet = [0.7, 0.7001, 0.6999, 0.7] * 5
    found = nightly(tmp_path / "quiet", {"monday": quiet, "tuesday": quiet, "friday": [e2 - 0.01 for e2 in quiet]})
    # Three seeds that hardly differ may do so by luck: what is recorded takes three more, a night does not.
    assert [len(validation.runs) for validation in found.values()] == [6, 3, 3]
    assert found["friday"].verdict == "worse"
    noisy = [0.7 + 0.006 * math.sin(7 * seed) for seed in range(40)]
    # As many seeds as before, but other streams.
    moved = [0.7 + 0.006 * math.sin(7 * seed + 3) for seed in range(40)]
    found = nightly(tmp_path / "noisy", {"monday": noisy, "tuesday": noisy, "friday": moved}, a_look=5)
    runs = [len(validation.runs) for validation in found.values()]
    assert runs[0] > 20
    assert runs[1] == 5, "the same numbers again need no second look"
    assert 5 < runs[2] <= runs[0]
    monday = found["monday"]
    assert monday.finds is not None
    assert f"A night finds a drop of {monday.finds:.4f}" in monday.text
    few = nightly(tmp_path / "few", {"monday": noisy[:5]})["monday"]
    assert few.finds is not None
    assert few.finds > 0.01
    assert "record more --seeds to find smaller ones" in few.text
    wild = nightly(tmp_path / "wild", {"monday": [0.2, 0.9, 0.1, 0.8]})["monday"]
    assert "These differ too much to find any drop; record more --seeds" in wild.text
    (alone,) = nightly(tmp_path / "alone", {"monday": [0.7]}).values()
    assert "over 1 run;" in alone.text and "One run says nothing of how much they differ" in alone.text


def test_the_level_of_alarms_is_spent_once_over_the_looks_of_a_night() -> None:
    for looks in range(1, 9):
        spent = sum(judgement.tail_of(look, looks) for look in range(1, looks + 1))
        assert spent <= judgement.ALARMS + 1e-12
        assert 2 * 365 * spent <= 1 + 1e-9, "one false alarm in a year of nights, over both encoders"


def test_a_drop_that_is_said_to_be_found_is_found() -> None:
    """Drawn anew: independent AUCs of both, `smallest_found` apart."""
    draw = np.random.default_rng(5)
    found = 0
    for _ in range(2000):
        drop = judgement.smallest_found(0.003, 12, 0.003)
        recorded, new = draw.normal(0.7, 0.003, 12), draw.normal(0.7 - drop, 0.003, 12)
        found += judgement.difference(list(new), list(recorded), judgement.LAST).judged(0.003) == "worse"
    assert found / 2000 == pytest.approx(judgement.POWER, abs=0.012)


def test_data_sets_of_one_name_have_records_of_their_own(tmp_path: Path) -> None:
    other = DataReference(uri="elsewhere", name=DATA.name, hash="fedcba9876543210")
    assert nightly(tmp_path, {"monday": [0.7] * 3})["monday"].verdict == "recorded"
    assert nightly(tmp_path, {"monday": [0.6] * 3}, data=other)["monday"].verdict == "recorded"
    assert nightly(tmp_path, {"tuesday": [0.7] * 3})["tuesday"].verdict == "same"
    assert nightly(tmp_path, {"tuesday": [0.6] * 3}, data=other)["tuesday"].verdict == "same"
    assert nightly(tmp_path, {"friday": [0.65] * 3}, data=other, record=True)["friday"].verdict == "recorded"
    assert nightly(tmp_path, {"sunday": [0.7] * 3})["sunday"].verdict == "same", "recording one leaves the other alone"


def test_data_that_were_altered_where_they_lie_are_not_taken_for_another_data_set(tmp_path: Path) -> None:
    altered = DATA.model_copy(update={"hash": "fedcba9876543210"})
    nightly(tmp_path, {"monday": [0.7] * 3})
    found = nightly(tmp_path, {"tuesday": [0.7] * 3}, data=altered)["tuesday"]
    assert found.verdict == "not comparable"
    assert "monday was recorded there on other data (hash 0123456789abcdef, this is fedcba9876543210)" in found.text
    assert nightly(tmp_path, {"tuesday": [0.7] * 3}, data=altered, record=True)["tuesday"].verdict == "recorded"
    assert nightly(tmp_path, {"friday": [0.7] * 3})["friday"].verdict == "same"


def test_a_record_from_before_records_had_a_hash_in_their_place_stays_in_use(tmp_path: Path) -> None:
    nightly(tmp_path, {"monday": [0.7] * 3})
    (record,) = tmp_path.glob("validations/*/reference.json")
    tree = json.loads(record.read_text())
    del tree["place"]
    (tmp_path / "validations" / DATA.name).mkdir()
    (tmp_path / "validations" / DATA.name / "reference.json").write_text(json.dumps(tree))
    record.unlink()
    assert nightly(tmp_path, {"tuesday": [0.7] * 3})["tuesday"].verdict == "same"
    # It does not say where its data lay, so data of that name with another content may be the same data, altered.
    altered = DataReference(uri="elsewhere", name=DATA.name, hash="fedcba9876543210")
    assert nightly(tmp_path, {"tuesday": [0.7] * 3}, data=altered)["tuesday"].verdict == "not comparable"


def test_nothing_is_trained_that_nothing_recorded_can_be_compared_with(tmp_path: Path) -> None:
    nightly(tmp_path, {"monday": [0.7] * 3})
    spec = parse_spec("name: made\nfolds: [1]\nseeds: [0, 1]\n", "test")
    found = night(FolderStore(tmp_path), DATA, spec, "tuesday", 0.003, 5, record=False)
    assert isinstance(found, Validation)
    assert "monday, which is recorded, has no fold and seed in common" in found.text


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = str(tmp_path_factory.mktemp("data") / "simulated")
    simulate(out, students=60, skills=4, mean_length=12, name="synthetic")
    return out


def run(data: str, store: Path, label: str, **options: object) -> Validation:
    settings = {"seeds": "1,2", "epochs": "1", "more": SMALL, "device": "cpu", "threads": 1} | options
    validate([data], str(store), label=label, **settings)  # type: ignore[arg-type]
    return Validation.model_validate_json((records(data, store) / "latest.json").read_text())


def records(data: str, store: Path) -> Path:
    """The folder of a data set's validations."""
    folder = store / "datasets" / data if "/" not in data else Path(data)
    return store / layout.validation("synthetic", load_info(str(folder)).hash)


def worse(data: str, store: Path, by: float) -> None:
    """Record that the default did better than it does."""
    folder = FolderStore(records(data, store))
    reference = Reference.model_validate_json(folder.read("reference.json"))
    runs = [pair.model_copy(update={"e2": pair.e2 + by + 0.00001 * pair.seed}) for pair in reference.runs]
    folder.write("reference.json", reference.model_copy(update={"runs": runs}).model_dump_json().encode())


def test_the_first_validation_is_recorded_and_a_repetition_equals_it(data: str, tmp_path: Path) -> None:
    first = run(data, tmp_path, "monday")
    second = run(data, tmp_path, "tuesday")
    assert (first.verdict, second.verdict) == ("recorded", "same")
    assert second.runs == first.runs
    assert second.differences["e1"].mean == 0
    trained = [path.parent.name for path in (records(data, tmp_path) / "tuesday" / "runs").glob("*/result.json")]
    assert len(trained) == 2, "a validation trains anew"


def test_a_regression_has_an_exit_code_of_its_own_until_it_is_recorded(data: str, tmp_path: Path) -> None:
    run(data, tmp_path, "monday")
    worse(data, tmp_path, 0.05)
    with pytest.raises(RegressionError, match="synthetic: worse than recorded"):
        run(data, tmp_path, "tuesday")
    assert run(data, tmp_path, "wednesday", record=True).verdict == "recorded"
    assert run(data, tmp_path, "thursday").verdict == "same"


def test_a_gain_is_said_and_no_failure(data: str, tmp_path: Path) -> None:
    run(data, tmp_path, "monday")
    worse(data, tmp_path, -0.05)
    assert run(data, tmp_path, "tuesday").verdict == "better"


def test_another_data_set_of_the_same_name_is_recorded_beside_it(data: str, tmp_path: Path) -> None:
    run(data, tmp_path, "monday")
    other = str(tmp_path / "other")
    simulate(other, students=61, skills=4, mean_length=12, name="synthetic")
    assert run(other, tmp_path, "monday").verdict == "recorded"
    assert run(data, tmp_path, "tuesday").verdict == "same"
    assert run(other, tmp_path, "tuesday").verdict == "same"


def test_a_data_set_that_was_altered_is_not_compared(data: str, tmp_path: Path) -> None:
    own = str(tmp_path / "own")
    shutil.copytree(data, own)
    run(own, tmp_path, "monday")
    simulate(own, students=61, skills=4, mean_length=12, name="synthetic", force=True)
    with pytest.raises(IncompleteError, match="no verdict"):
        run(own, tmp_path, "tuesday")


def test_the_promoted_default_of_the_store_is_what_is_trained(data: str, tmp_path: Path) -> None:
    spec = load_spec("production", ["base.training.bce_loss_weight=0.7"])
    origin = dict.fromkeys(("sweep_id", "data", "data_hash", "code_version", "promoted", "command", "comparison"), "x")
    provenance = Provenance.model_validate(origin | {"runs": [], "swept": {}, "metrics": {}, "overruled": []})
    assert history.add(FolderStore(tmp_path), spec, provenance, after=0)
    run(data, tmp_path, "monday")
    configs = list((records(data, tmp_path) / "monday" / "runs").glob("*/config.json"))
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
    assert (records(data, tmp_path) / "reference.json").exists()
    output = capsys.readouterr().out
    table = output[output.rindex("\ndata set ") + 1 :]
    named = dict.fromkeys(line.split()[0] for line in table.splitlines())
    assert list(named) == ["data", "broken-set", "synthetic"]
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
    configs = [path.read_text() for path in records(data, tmp_path).glob("monday/runs/*/config.json")]
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


@pytest.mark.parametrize(
    "options",
    [{"seeds": "1;2"}, {"seeds": "3-1"}, {"seeds": "1-99999999"}, {"folds": "a"}, {"label": "../x"}, {"margin": 0.0}],
)
def test_wrong_options_are_named(data: str, tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        run(data, tmp_path, **({"label": "monday"} | options))  # type: ignore[arg-type]
