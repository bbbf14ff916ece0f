"""pyKT's levels and protocols against an example by hand, against its own loops, and in a run."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.config import DataConfig
from gaintrace.runs.auc import auc
from gaintrace.runs.pykt import answers, late_fusion, level_aucs, pykt_scores
from tests.data.test_batches import made


def test_late_fusion_by_hand():
    probability = np.array([0.9, 0.6, 0.2, 0.8, 0.4, 0.3, 0.1, 0.6, 0.7, 0.5, 0.49])
    answer = np.array([0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 5])
    found = late_fusion(probability, answer)
    assert found["late_mean"] == pytest.approx([1.7 / 3, 0.6, 0.2, 0.65, 0.5, 0.49])
    assert found["late_vote"] == pytest.approx([0.75, 0.8, 0.2, 0.65, 0.5, 0.49])  # a half is a majority
    assert found["late_all"] == pytest.approx([0.2, 0.4, 0.2, 0.65, 0.5, 0.49])


def pykts_late_fusion(rows):
    """As pyKT writes it, without its rounding."""
    high, low = [p for p in rows if p >= 0.5], [p for p in rows if p < 0.5]
    vote = np.mean(high) if len(high) / len(rows) >= 0.5 else np.mean(low)
    every = np.mean(high) if len(high) == len(rows) else np.mean(low)
    return {"late_mean": np.mean(rows), "late_vote": vote, "late_all": every}


@given(st.lists(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=5), min_size=1, max_size=12), st.randoms())
def test_late_fusion_is_pykts(rows_of_answers, random):
    rows = [(answer, p) for answer, own in enumerate(rows_of_answers) for p in own]
    random.shuffle(rows)
    answer, probability = (np.array(column) for column in zip(*rows, strict=True))
    found = late_fusion(probability, answer)
    for name, scores in found.items():
        assert scores == pytest.approx([pykts_late_fusion(own)[name] for own in rows_of_answers]), name


def scored(dataset, seed=0):
    """Every interaction as a target, in some order, with a probability that knows a little."""
    random = np.random.default_rng(seed)
    frame = dataset.interactions
    knowing = 1 / (1 + np.exp(-(frame["response"] + random.normal(0, 1.5, len(frame)))))
    made_up = {"index": frame.index, "response": frame["response"], "e1": knowing, "e2": random.random(len(frame))}
    return pd.DataFrame(made_up).sample(frac=1, random_state=seed, ignore_index=True)


def test_an_answer_is_a_target_once_at_the_level_of_questions():
    dataset = made([12, 9, 30], skills_per_answer=3)
    frame = scored(dataset)
    keys = list(zip(*dataset.interactions[["student", "step"]].to_numpy().T, strict=True))
    assert answers(dataset.interactions).tolist() == [sorted(set(keys)).index(key) for key in keys]
    truth, late = {}, {}
    for index, response, p in zip(frame["index"], frame["response"], frame["e1"], strict=True):
        truth[keys[index]] = response
        late.setdefault(keys[index], []).append(p)
    assert len(truth) < len(frame)
    found = level_aucs(frame, "e1", answers(dataset.interactions))
    assert found["concepts"] == pytest.approx(auc(frame["e1"].to_numpy(), frame["response"].to_numpy()))
    right = np.array(list(truth.values()))
    for name in ("late_mean", "late_vote", "late_all"):
        slow = np.array([pykts_late_fusion(rows)[name] for rows in late.values()])
        assert found[name] == pytest.approx(auc(slow, right)), name


def test_where_answers_have_one_skill_there_is_one_level():
    dataset = made([12, 9, 30])
    found = pykt_scores(scored(dataset), scored(dataset, 1), answers(dataset.interactions), DataConfig())
    assert found.e1.windowaucconcepts is not None
    others = found.e1.model_dump(exclude={"windowaucconcepts"}) | found.e2.model_dump(exclude={"windowaucconcepts"})
    assert set(others.values()) == {None}


def test_chunks_and_windows_are_told_apart():
    dataset = made([12, 9, 30], skills_per_answer=2)
    by_chunks, windowed = scored(dataset), scored(dataset, 1)
    found = pykt_scores(by_chunks, windowed, answers(dataset.interactions), DataConfig(max_sequence_length=20))
    assert found.e1.oriauclate_mean == level_aucs(by_chunks, "e1", answers(dataset.interactions))["late_mean"]
    assert found.e2.windowauclate_all == level_aucs(windowed, "e2", answers(dataset.interactions))["late_all"]
    assert (found.window_overlap, found.window_targets) == (15, len(windowed))
    sliding = DataConfig(max_sequence_length=20, evaluation_overlap=19)
    in_windows = pykt_scores(windowed, windowed, answers(dataset.interactions), sliding)
    assert in_windows.window_overlap == 19
    assert in_windows.e1.oriauclate_mean is None
    assert in_windows.e1.windowauclate_mean == found.e1.windowauclate_mean
