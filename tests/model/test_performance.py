"""What the performance encoder reads of the past besides its streams."""

import math

import pytest
import torch

from gaintrace.model.performance import counts
from tests.model.test_mastery import batch_of


@pytest.mark.parametrize("skills_per_answer", [1, 3])
def test_counts_are_of_answers_on_the_targets_skill_before_its_own(skills_per_answer):
    batch, inputs = batch_of(members=3, skills_per_answer=skills_per_answer)
    found = counts(inputs, 7)
    for k in range(3):
        for n in batch.targets.real[k % 2].nonzero()[:, 0].tolist():
            first = n - int(inputs.position[n])
            before = slice(first, n + 2 - int(inputs.steps_to_last_answer[k, n]))
            same = batch.inputs.skill[k % 2, before] == inputs.target_skill[k, n]
            right = inputs.token[k, before] >= 7
            expected = [(same & right).sum(), (same & ~right).sum(), n - first]
            assert torch.allclose(found[k, n], torch.tensor([math.log1p(int(e)) for e in expected]), atol=1e-5)
