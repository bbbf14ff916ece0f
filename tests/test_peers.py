"""Peers of the benchmarks on simulated students: what they learn, and that no target is told by its own answer.

The libraries that only the benchmarks need may be missing; the tests that need them are skipped then.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from gaintrace.config import DataConfig
from gaintrace.data.dataset import COLUMNS, Dataset
from gaintrace.data.split import split_students
from tests.conftest import small_run

PRIOR = np.array([0.2, 0.5, 0.7])
LEARN = np.array([0.05, 0.2, 0.1])
GUESS = np.array([0.15, 0.25, 0.1])
SLIP = np.array([0.1, 0.05, 0.2])


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))


def simulated(students: int, answers: int = 30, together: float = 0.0) -> Dataset:
    """Students of BKT, with four items a skill. A share `together` of the answers has a second skill, which decides
    nothing."""
    rng = np.random.default_rng(3)
    rows = []
    for student in range(students):
        known = rng.random(3) < PRIOR
        for step in range(answers):
            first = rng.integers(3)
            right = rng.random() < (1 - SLIP[first] if known[first] else GUESS[first])
            item = 4 * first + rng.integers(4)
            skills = [first, (first + 1) % 3] if rng.random() < together else [first]
            rows += [(student, step, item, skill, right) for skill in skills]
            known[first] |= rng.random() < LEARN[first]
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    people = pd.DataFrame({"uid": [str(s) for s in range(students)], "fold": split_students(students).fold})
    return Dataset("simulated", frame, people, ["a", "b", "c"])


def with_answer_flipped(dataset: Dataset, row: int) -> tuple[Dataset, np.ndarray[Any, Any]]:
    """The data set with the response of a row's answer turned round in all its rows, and which rows these are."""
    frame = dataset.interactions.copy()
    rows = ((frame["student"] == frame["student"][row]) & (frame["step"] == frame["step"][row])).to_numpy()
    frame.loc[rows, "response"] = 1 - frame.loc[rows, "response"]
    return Dataset(dataset.name, frame, dataset.students, dataset.skills), rows


def test_bkt_finds_what_students_were_simulated_with() -> None:
    from bkt import Sequences, fit
    from history import History

    history = History.of(simulated(2000), None)
    model = fit(Sequences.of(history, np.arange(len(history.student))), 3, strength=1.0)
    for name, true in {"prior": PRIOR, "learn": LEARN, "guess": GUESS, "slip": SLIP}.items():
        np.testing.assert_allclose(model.values[name], true, atol=0.05, err_msg=name)
    assert not model.values["forget"].any()


def test_bkt_reads_what_it_knows_by_bayes_rule() -> None:
    from bkt import Bkt, Sequences
    from history import History

    dataset = simulated(5, answers=4)
    history = History.of(dataset, None)
    model = Bkt({"prior": PRIOR, "learn": LEARN, "guess": GUESS, "slip": SLIP, "forget": np.full(3, 0.1)})
    sequences = Sequences.of(history, np.arange(len(history.student)))
    before, _ = model.known(sequences)
    found = dict(zip(sequences.row.tolist(), before, strict=True))
    for (_, skill), group in dataset.interactions.groupby(["student", "skill"]):
        known = PRIOR[skill]
        for row, right in group["response"].items():
            assert found[row] == pytest.approx(known)
            if_known, if_not = (1 - SLIP[skill], GUESS[skill]) if right else (SLIP[skill], 1 - GUESS[skill])
            after = known * if_known / (known * if_known + (1 - known) * if_not)
            known = after * 0.9 + (1 - after) * LEARN[skill]


def test_no_bkt_prediction_is_told_by_its_own_answer() -> None:
    from bkt import Bkt, Sequences
    from history import History

    model = Bkt({"prior": PRIOR, "learn": LEARN, "guess": GUESS, "slip": SLIP, "forget": np.zeros(3)})

    def known(dataset: Dataset) -> np.ndarray[Any, Any]:
        history = History.of(dataset, 20)
        sequences = Sequences.of(history, np.arange(len(history.student)))
        before = np.empty(len(sequences.row))
        before[sequences.row] = model.known(sequences)[0]
        return before

    dataset = simulated(3, together=0.5)
    before = known(dataset)
    moved = False
    for row in range(len(dataset.interactions)):
        flipped, own = with_answer_flipped(dataset, row)
        changed = known(flipped) != before
        assert not changed[: own.nonzero()[0][-1] + 1].any()
        moved |= bool(changed.any())
    assert moved


@pytest.mark.parametrize(("chunk", "last"), [(None, None), (7, None), (None, 5), (7, 3)])
def test_counts_are_of_earlier_answers_alone(chunk: int | None, last: int | None) -> None:
    from history import History

    dataset = simulated(6, answers=15, together=0.5)
    history = History.of(dataset, chunk)
    frame = dataset.interactions
    rows = np.arange(len(frame))
    wins, losses = history.counts(history.skill, rows, last)
    position = frame.groupby("student").cumcount()
    for row in rows:
        now = frame.loc[row]
        own = (frame["student"] == now["student"]) & (frame["step"] == now["step"])
        begins = row - position[row] % chunk if chunk else row - position[row]
        answer = max(int(own.idxmax()), begins)
        past = frame.loc[max(begins, answer - last if last else begins) : answer - 1]
        past = past[past["skill"] == now["skill"]]
        assert (wins[row], losses[row]) == (past["response"].sum(), (1 - past["response"]).sum())


def test_no_regression_reads_its_own_answer() -> None:
    from history import History
    from logistic import Features

    features = Features(items=True, windows=(3, 10))
    dataset = simulated(3, together=0.5)
    rows = np.arange(len(dataset.interactions))
    read = features.of(History.of(dataset, 20), rows)
    moved = False
    for row in rows:
        flipped, own = with_answer_flipped(dataset, row)
        changed = (features.of(History.of(flipped, 20), rows) != read).sum(axis=1) > 0
        assert not changed[: own.nonzero()[0][-1] + 1].any()
        moved |= bool(changed.any())
    assert moved


def test_targets_are_those_that_gaintrace_is_judged_by() -> None:
    from history import target_rows

    dataset = simulated(40, together=0.5)
    rows = target_rows(dataset, DataConfig(max_sequence_length=10))
    frame = dataset.interactions
    position = frame.groupby("student").cumcount()
    fold = dataset.students["fold"].to_numpy()[frame["student"]]
    began = np.arange(len(frame)) - position % 10
    first = frame.groupby(["student", "step"])["skill"].transform(lambda of: of.index[0])
    length = np.minimum(10, frame.groupby("student")["step"].transform("size") - (position - position % 10))
    real = (first > began) & (length >= 3)
    for name, inside in {"test": fold == -1, "valid": fold == 0, "train": fold > 0}.items():
        assert rows[name].tolist() == np.flatnonzero(real & inside).tolist()


@pytest.mark.parametrize("model", ["BKT", "BKT-forgets-whole", "PFA", "BestLR", "BestLR-windows-whole"])
def test_peers_without_a_network_tell_the_answers_of_a_skill_apart(model: str) -> None:
    if not model.startswith("BKT"):
        pytest.importorskip("sklearn")
    from classic import CLASSIC

    found = CLASSIC[model](simulated(300, together=0.2), DataConfig())
    assert found["test"] > 0.65
    assert found["within"] > 0.6
    if model.startswith("BKT"):
        assert found["mastery within"] == pytest.approx(
            found["within"], abs=1e-6
        )  # inside a skill one rises with the other


def akt(questions: bool, averaged: bool) -> Any:
    pytest.importorskip("pykt")
    from akt import Akt

    config = small_run(data={"max_sequence_length": 20}, training={"weight_average": 0.9, "epochs": 1})
    return Akt(simulated(60, together=0.3), config, questions, averaged)


@pytest.mark.parametrize("questions", [False, True])
def test_akt_does_not_see_the_answer_it_is_asked_for(questions: bool) -> None:
    model = akt(questions, averaged=False)
    model.model.eval()
    if questions:
        torch.nn.init.normal_(model.model.difficult_param.weight)
    split, data = model.data.test, model.data
    (layout, *_) = split.evaluation(1 << 16)

    def predicted() -> list[torch.Tensor]:
        with torch.no_grad():
            return [group for group, *_ in model._groups(model.model, split, layout)]

    before = predicted()
    chunk = -1  # the longest
    start = int(split.start[chunk])
    answer = start + 5
    rows = data.steps_to_last_answer
    first = answer - int(rows[answer]) + 1
    last = first
    while int(rows[last + 1]) > 1:
        last += 1
    data.response[first : last + 1] = 1 - data.response[first : last + 1]
    changed = (predicted()[0][chunk] != before[0][chunk]).nonzero().flatten() + 1 + start
    assert len(changed) > 0
    assert int(changed.min()) > last


def test_akt_averages_as_the_preset_does(tmp_path: Path) -> None:
    model = akt(questions=True, averaged=True)
    seen = []
    model.optimizer.register_step_post_hook(
        lambda *_: seen.append([p.detach().clone() for p in model.model.parameters()])
    )
    found = model.train(tmp_path / "akt.pt")
    average = seen[0]
    for steps, weights in enumerate(seen[1:], start=2):
        decay = min(0.9, (1 + steps) / (10 + steps))
        average = [decay * mine + (1 - decay) * now for mine, now in zip(average, weights, strict=True)]
    for mine, kept in zip(average, model.evaluated.parameters(), strict=True):
        torch.testing.assert_close(kept, mine)
    assert 0 < found["test"] < 1
    assert bool(model.model.difficult_param.weight[1:].any())  # items have been told apart
