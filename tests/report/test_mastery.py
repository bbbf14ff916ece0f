"""What the report shows of mastery: the best run's students, and the best beside a run chosen by a stated rule."""

import pytest

from gaintrace.config import SweepSpec
from gaintrace.report.aggregate import aggregate
from gaintrace.report.mastery import other_run
from gaintrace.store import open_store
from tests.conftest import small_run
from tests.made_results import planned, succeed
from tests.sweeps.test_shard import sweep

WEIGHTS = "training.bce_loss_weight"


def made(store, text, e1):
    plan = planned(store, f"name: made\n{text}")
    for index, value in enumerate(e1):
        succeed(store, plan, index, value, 0.5)
    return aggregate(store, plan.sweep_id)


@pytest.mark.parametrize(
    ("text", "e1", "expected"),
    [
        (f"grid: {{{WEIGHTS}: [0.3, 0.5, 0.8]}}", [0.72, 0.70, 0.71], {"bce_loss_weight": 0.8}),
        (f"grid: {{{WEIGHTS}: [0.3, 0.5, 0.8]}}", [0.70, 0.71, 0.72], {"bce_loss_weight": 0.3}),
        (f"grid: {{{WEIGHTS}: [0.3, 0.8]}}\nseeds: [1, 2]", [0.70, 0.71, 0.72, 0.73],
         {"bce_loss_weight": 0.3, "seed": 2}),
        ("grid: {model.gain: [scalar, per_skill, linear]}", [0.71, 0.72, 0.70], {"gain": "linear"}),
        (f"grid: {{{WEIGHTS}: [0.3, 0.8], model.gain: [scalar, linear]}}", [0.70, 0.71, 0.72, 0.73],
         {"bce_loss_weight": 0.3, "gain": "scalar"}),
    ],
    ids=["other end", "other end, from above", "its own seed", "words: the last", "several: the last"],
)  # fmt: skip
def test_the_best_is_set_beside_a_run_chosen_by_rule(tmp_path, text, e1, expected):
    other = other_run(made(open_store(tmp_path), text, e1))
    assert {name: other[name] for name in expected} == expected


def test_seeds_alone_leave_nothing_to_set_it_beside(tmp_path):
    assert other_run(made(open_store(tmp_path), "seeds: [1, 2]", [0.7, 0.71])) is None


def test_runs_without_weights_have_no_such_section(tmp_path):
    store = open_store(tmp_path)
    summary = made(store, f"grid: {{{WEIGHTS}: [0.3, 0.8]}}", [0.7, 0.71])
    assert "Mastery over time" not in store.read(f"sweeps/{summary.sweep_id}/report.html").decode()


@pytest.mark.figures
def test_the_report_shows_ten_students_and_the_best_beside_another(tmp_path):
    store = open_store(tmp_path)
    plan, _ = sweep(store, {WEIGHTS: [0.2, 0.8]}, training={"epochs": 1})
    aggregate(store, plan.sweep_id)
    folder = f"sweeps/{plan.sweep_id}"
    page, text = (store.read(f"{folder}/report.{form}").decode() for form in ("html", "md"))
    section = page[page.index('id="mastery"') :]
    section = section[: section.index("</section>")]
    assert section.count('aria-label="Mastery over time of student-') == 10
    assert section.count('aria-label="Mean mastery of ') == 5
    for words in ("these are the 10 at equal steps of their rank", "The best run beside bce_loss_weight 0."):
        assert words in section
        assert words in text
    aggregate(store, plan.sweep_id)
    assert store.read(f"{folder}/report.html").decode() == page


@pytest.mark.parametrize(
    ("breaks", "reason"),
    [
        (lambda store, run: store.write(f"runs/{run}/model.safetensors", b"\xff" * 300), "is damaged"),
        (lambda store, run: store.delete(f"runs/{run}/predictions.parquet"), "has no predictions of a run"),
    ],
)
def test_what_cannot_be_shown_is_said_and_the_report_is_made(tmp_path, breaks, reason):
    store = open_store(tmp_path)
    plan, _ = sweep(store, {}, training={"epochs": 1})
    breaks(store, plan.runs[0].run_id)
    aggregate(store, plan.sweep_id)
    page = store.read(f"sweeps/{plan.sweep_id}/report.html").decode()
    assert "Mastery is not shown: " in page
    assert reason in page


def test_a_data_set_that_changed_or_went_away_is_said(tmp_path):
    store = open_store(tmp_path)
    plan, _ = sweep(store, {}, training={"epochs": 1})
    path = f"sweeps/{plan.sweep_id}/plan.json"
    store.write(
        path,
        plan.model_copy(update={"data": plan.data.model_copy(update={"hash": "f" * 16})}).model_dump_json().encode(),
    )
    aggregate(store, plan.sweep_id)
    assert "is no longer the data set of this sweep" in store.read(f"sweeps/{plan.sweep_id}/report.md").decode()
    gone = small_run(data={"synthetic": None, "dataset": str(tmp_path / "gone")})
    runs = [run.model_copy(update={"config": gone}) for run in plan.runs]
    spec = SweepSpec(name="s", base=gone)
    store.write(path, plan.model_copy(update={"runs": runs, "spec": spec}).model_dump_json().encode())
    aggregate(store, plan.sweep_id)
    assert "no prepared data set there" in store.read(f"sweeps/{plan.sweep_id}/report.md").decode()
