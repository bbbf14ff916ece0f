"""How a search is summed up: fronts, the area they dominate, and what was stopped."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.analysis.search import area, front, summarise_search
from gaintrace.config import parse_spec
from gaintrace.runs.result import DataName, EncoderMetrics, Metrics, RunResult, Stopped
from gaintrace.sweeps.plan import DataReference, make_plan, planned_runs

TWO = """
name: two
search:
  sampler: nsga2
  rounds: 3
  runs_per_round: 4
  space:
    training.bce_loss_weight: {low: 0.1, high: 0.9}
    training.learning_rate: {low: 1.0e-4, high: 0.1, log: true}
  objectives: [valid_e1_auc, valid_e2_auc]
"""
ONE = TWO.replace("  objectives: [valid_e1_auc, valid_e2_auc]", "  stop: {first: 1, eta: 2}").replace("nsga2", "tpe")


def planned(text, count=12):
    spec = parse_spec(text, "here")
    plan = make_plan(spec, DataReference(uri=None, name="d", hash="0" * 16))
    for number in range(count // 4):
        values = [
            {"training.bce_loss_weight": 0.1 + (4 * number + n) * 0.05, "training.learning_rate": 0.01}
            for n in range(4)
        ]
        swept = [pair for one in values for pair in spec.repeated(one)]
        plan = plan.with_runs([*plan.runs, *planned_runs(swept, plan.data.hash, None, plan, number)])
    return plan


def result(run, e1, e2=0.6, **more):
    valid = Metrics(e1=EncoderMetrics(auc=e1), e2=EncoderMetrics(auc=e2))
    known = {"status": "succeeded", "valid": valid, "epochs_trained": 12} | more
    return RunResult(run_id=run.run_id, config_hash="", data=DataName(name="d", hash=""), code_version="", **known)


def test_a_front_is_what_nothing_beats_in_both():
    scores = {0: [0.7, 0.6], 1: [0.8, 0.5], 2: [0.6, 0.6], 3: [0.7, 0.55], 4: [0.5, 0.9], 5: [0.7, 0.6]}
    assert front(scores) == [1, 0, 4]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=6))
def test_an_area_counts_the_squares_that_some_point_dominates(points):
    counted = sum(any(x < p and y < q for p, q in points) for x, y in itertools.product(range(2, 6), range(1, 6)))
    assert area([[float(p), float(q)] for p, q in points], (2.0, 1.0)) == pytest.approx(counted)


def test_two_scores_have_a_front_and_an_area_that_grows():
    plan = planned(TWO)
    results = {
        run.run_id: result(run, 0.6 + run.index * 0.01, 0.75 - (run.index - 6) ** 2 * 0.003) for run in plan.runs
    }
    found = summarise_search(plan, results)
    assert (found.rounds, found.planned_rounds, found.sought) == (3, 3, ["valid_e1_auc", "valid_e2_auc"])
    assert found.front == [11, 10, 9, 8, 7, 6]
    areas = [attempt.best for attempt in found.attempts]
    assert areas == sorted(areas)
    assert found.area == areas[-1] > areas[0] > 0
    assert found.importance["valid_e1_auc"]["training.bce_loss_weight"] > 0.7


def test_one_score_has_its_best_so_far_and_what_was_stopped():
    plan = planned(ONE, 8)
    scores = [0.7, 0.8, 0.75, None, 0.9, 0.85, None, 0.6]
    stopped = {"status": "stopped", "stopped": Stopped(epoch=3, reason="2 of 2 …"), "epochs_trained": 3}
    results = {
        run.run_id: result(run, score if score else 0.95, **({} if score else stopped))
        for run, score in zip(plan.runs, scores, strict=True)
    }
    del results[plan.runs[7].run_id]
    found = summarise_search(plan, results)
    assert [attempt.status for attempt in found.attempts][2:5] == ["finished", "stopped", "finished"]
    assert found.attempts[-1].status == "missing"
    best = [0.7, 0.8, 0.8, 0.8, 0.9, 0.9, 0.9, 0.9]  # a stopped run's score counts for nothing
    assert [attempt.best for attempt in found.attempts] == pytest.approx([auc + 0.5 * 0.6 for auc in best])
    assert [(one.epoch, one.epochs, one.round) for one in found.stopped] == [(3, 12, 0), (3, 12, 1)]
    assert (found.epochs_trained, found.epochs_spared) == (5 * 12 + 2 * 3, 18)
    assert (found.front, found.area, found.importance) == ([], None, {})


def test_where_all_are_equal_nothing_is_important():
    plan = planned(ONE)
    assert summarise_search(plan, {run.run_id: result(run, 0.7) for run in plan.runs}).importance == {}


def test_a_grid_has_no_search():
    spec = parse_spec("name: g\ngrid: {training.bce_loss_weight: [0.2, 0.4]}", "here")
    assert summarise_search(make_plan(spec, DataReference(uri=None, name="d", hash="0" * 16)), {}) is None
