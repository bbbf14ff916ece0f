"""Mastery with hindsight: its formula the slow way, and its laws."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.model.curves import natural
from gaintrace.model.dual import build_mastery
from gaintrace.model.items import PACE
from gaintrace.report.figures.mastery import trajectories
from gaintrace.report.smoothing import hindsight
from gaintrace.report.trajectories import StudentHistory, lines_in_words, mastery_over_time, panels, trajectory_table
from tests.conftest import small_run
from tests.model.test_evidence import EVIDENCE

SKILLS = 4
ITEMS = 3
ANSWERS = st.lists(
    st.tuples(st.integers(0, SKILLS - 1), st.integers(0, 1), st.integers(0, ITEMS)), min_size=1, max_size=25
)


def encoder_of(seed):
    """Learned parameters anywhere."""
    encoder = build_mastery(small_run(model=EVIDENCE | {"items": "difficulty"}), SKILLS, 1, torch.ones(ITEMS)).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.7 * torch.randn(parameter.shape, generator=generator))
        encoder.difficulty.weight.div_(PACE)
    return encoder


def difficulties(encoder, item):
    with torch.no_grad():
        return encoder.difficulty(torch.tensor(item)[None])[0].double().numpy()


def smooth(encoder, skill, response, item):
    answers = (np.array(skill), np.array(response), difficulties(encoder, item))
    return hindsight(encoder.curve, *answers, np.arange(SKILLS))


@given(ANSWERS, st.integers(0, 2**31))
@settings(max_examples=25)
def test_every_answer_weighs_by_its_distance_on_either_side_and_the_prior_once(answers, seed):
    encoder = encoder_of(seed)
    skill, response, item = zip(*answers, strict=True)
    hard = difficulties(encoder, item)
    value = {name: tensor[0].tolist() for name, tensor in natural(dict(encoder.curve.named_parameters())).items()}
    smoothed = smooth(encoder, skill, response, item).smoothed
    for s in range(SKILLS):
        start, retention, transfer = (value[name][s] for name in ("start", "retention", "transfer"))
        steps = [1 if c == s else transfer for c in skill]
        odds = start / (1 - start)
        for t in range(len(skill) + 1):
            weight = value["prior_share"][s] / (1 - retention) * retention ** sum(steps[:t])
            right = weight * start
            for k, (c, r, _) in enumerate(answers):
                between = steps[k + 1 : t] if k < t else steps[t:k]
                easier = 1 if c == s else odds * (1 - value["start"][c]) / value["start"][c]
                surprise = 1 / (1 + (easier * np.exp(hard[k])) ** (-1 if r else 1))
                unit = (1 if c == s else transfer) * 2 * surprise * retention ** sum(between)
                weight, right = weight + unit, right + unit * r
            assert smoothed[s, t] == pytest.approx(right / weight, rel=1e-4)


@given(ANSWERS, st.integers(0, 2**31))
@settings(max_examples=40)
def test_laws(answers, seed):
    encoder = encoder_of(seed)
    skill, response, item = (np.array(column, dtype=np.int64) for column in zip(*answers, strict=True))
    smoothed, monotone = smooth(encoder, skill, response, item)
    history = StudentHistory(0, "s", skill, response, item)
    filtered = mastery_over_time(encoder, history, range(SKILLS), SKILLS)
    assert smoothed.shape == monotone.shape == filtered.shape
    assert smoothed[:, -1] == pytest.approx(filtered[:, -1], abs=1e-5), "no later answers: nothing to know better"
    assert ((smoothed >= 0) & (smoothed <= 1)).all()
    assert (np.diff(monotone, axis=1) >= 0).all()
    assert (monotone.min(axis=1) >= smoothed.min(axis=1) - 1e-12).all()
    assert (monotone.max(axis=1) <= smoothed.max(axis=1) + 1e-12).all()
    rising = (np.diff(smoothed, axis=1) >= 0).all(axis=1)
    assert monotone[rising] == pytest.approx(smoothed[rising], abs=1e-12)
    # One answer right in place of wrong lowers mastery of no skill, before it or after.
    for k in np.flatnonzero(response == 0)[:3]:
        better = response.copy()
        better[k] = 1
        assert (smooth(encoder, skill, better, item).smoothed >= smoothed - 1e-12).all()


def test_a_student_who_learns_late_is_seen_earlier_with_hindsight_and_one_who_forgets_falls():
    encoder = build_mastery(small_run(model=EVIDENCE), 1, 1).eval()

    def one(answers):
        same = np.zeros(12, int)
        filtered = mastery_over_time(encoder, StudentHistory(0, "s", same, answers, same), [0], 1)[0]
        found = hindsight(encoder.curve, same, answers, np.zeros(12), np.array([0]))
        return filtered, found.smoothed[0], found.monotone[0]

    filtered, smoothed, monotone = one(np.repeat([0, 1], 6))
    assert smoothed[6] > filtered[6] + 0.2
    assert monotone[-1] == pytest.approx(filtered[-1], abs=0.01)
    filtered, smoothed, monotone = one(np.repeat([1, 0], 6))
    assert smoothed[3] - smoothed[-1] > 0.3
    assert np.ptp(monotone[3:]) < 1e-12, "if nothing can be forgotten, it was never known so well"


def test_the_table_and_the_panels_have_hindsight_where_mastery_is_evidence_and_only_there():
    history = StudentHistory(0, "anna", np.array([2, 0, 2]), np.array([1, 0, 0]), np.array([1, 0, 3]))
    names = ["a", "b", "c", "d"]
    evidence, practice = encoder_of(1), build_mastery(small_run(), SKILLS, 2).eval()
    table = trajectory_table(evidence, [history], names)
    found = smooth(evidence, history.skill, history.response, history.item)
    for name in ("smoothed", "monotone"):
        wide = table.pivot(index="skill", columns="time", values=f"mastery_{name}").to_numpy()
        assert wide == pytest.approx(getattr(found, name), abs=1e-6)
        (panel,) = panels(evidence, [history], names, monotone=name == "monotone")
        assert panel.smoothed["c"] == pytest.approx(getattr(found, name)[2])
        assert panel.smoothed.keys() == panel.lines.keys() == {"a", "c"}
    assert [c for c in trajectory_table(practice, [history], names) if c.startswith("mastery")] == ["mastery"]
    assert panels(practice, [history], names)[0].smoothed == {}
    drawn = {which: trajectories(panels(of, [history], names)) for which, of in (("both", evidence), ("one", practice))}
    assert [("with hindsight" in figure, "so far" in figure) for figure in drawn.values()] == [
        (True,) * 2,
        (False,) * 2,
    ]
    assert drawn["both"].count("stroke-width: 0.6") > drawn["one"].count("stroke-width: 0.6")
    assert "Thin lines: with hindsight" in lines_in_words(evidence)
    assert "never falling" in lines_in_words(evidence, monotone=True)
    assert "There is none with hindsight" in lines_in_words(practice)
