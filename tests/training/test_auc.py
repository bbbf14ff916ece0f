"""AUC against a count of all pairs, and against what torchmetrics said."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.training import auc
from gaintrace.training.evaluation import score, scores

RECORDED = (
    (2, [0.6180076003074646, 0.5956701636314392, 0.5825092792510986]),
    (16, [0.6151434183120728, 0.5927433967590332, 0.6414707899093628]),
)
LEVELS = st.sampled_from([0.0, 0.25, 0.2500001, 0.5, 1.0])


@given(
    st.integers(1, 4).flatmap(
        lambda members: st.lists(
            st.tuples(st.lists(LEVELS, min_size=members, max_size=members), st.booleans()), min_size=1, max_size=30
        )
    )
)
def test_auc_is_the_share_of_pairs_in_order(rows):
    score, right = torch.tensor([levels for levels, _ in rows]).T, torch.tensor([right for _, right in rows])
    for own, found in zip(score, auc.aucs(score, right).tolist(), strict=True):
        won = [float(a > b) + float(a == b) / 2 for a in own[right].tolist() for b in own[~right].tolist()]
        assert found == pytest.approx(np.mean(won) if won else np.nan, abs=1e-15, nan_ok=True)


def test_auc_is_that_of_torchmetrics_within_its_rounding():
    """Recorded with torchmetrics 1.9.0's `binary_auroc`, which adds up in fp32."""
    random = np.random.default_rng(7)
    for digits, recorded in RECORDED:
        score = random.random((3, 500)).round(digits)
        right = random.random(500) < score.mean(0)
        found = auc.aucs(torch.tensor(score, dtype=torch.float32), torch.tensor(right))
        assert found.tolist() == pytest.approx(recorded, abs=2e-7)


def test_members_are_counted_in_blocks_as_all_at_once(monkeypatch):
    score, right = torch.rand(7, 50), torch.rand(50) < 0.4
    whole = auc.aucs(score, right)
    monkeypatch.setattr(auc, "COUNTED_AT_A_TIME", 100)
    assert auc.aucs(score, right).equal(whole)


def test_nothing_waits_for_the_device():
    """A meta tensor has no values, so whatever asked for one would fail."""
    found = auc.aucs(torch.empty(5, 90, device="meta"), torch.empty(90, dtype=torch.bool, device="meta"))
    assert (found.shape, found.dtype) == ((5,), torch.float64)


def test_members_score_as_each_alone_and_without_an_auc_where_there_is_none():
    logit, response = torch.randn(3, 400), (torch.rand(400) < 0.7).float()
    assert scores(logit, response) == [score(row, response) for row in logit]
    assert score(logit[0], torch.ones(400)).auc is None
    logit[1, 3] = torch.nan
    assert [found.auc is None for found in scores(logit, response)] == [False, True, False]
