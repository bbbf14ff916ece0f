"""The third encoder: what it reads of all skills, its formula, and that it trains nothing but itself."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.model.dual import build_aggregate, build_mastery, stack
from gaintrace.model.every_skill import every_skill
from gaintrace.model.layers import no_dropout
from tests.conftest import small_run
from tests.model.test_evidence import EVIDENCE, SKILLS, curve_of, hard, recursion
from tests.model.test_mastery import batch_of

AGGREGATE = EVIDENCE | {"ability": "inferred", "aggregate": "mastery"}
ANSWERS = torch.arange(30) % 9  # on each known item


def shaken_aggregate(seed=3, items="none", members=1):
    """An aggregate encoder of K members with parameters anywhere, what it reads of encoder 2 among them."""
    generator = torch.Generator().manual_seed(seed)
    config = small_run(model=AGGREGATE | {"items": items})
    encoder = stack([build_aggregate(config, SKILLS, ANSWERS) for _ in range(members)]).eval()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return encoder


@given(seed=st.integers(0, 2**31), spread=st.sampled_from([None, 1.0]))
@settings(max_examples=10)
def test_mastery_of_every_skill_is_the_recursion(seed, spread):
    _, inputs = batch_of(skills_per_answer=2, seeds=[4])
    curve = curve_of(seed, 1.0)
    difficulty = None if spread is None else hard(inputs, seed, spread)
    mastery, count = every_skill(curve, inputs, difficulty)
    difficulties = torch.zeros(inputs.skill.shape) if difficulty is None else difficulty
    response = (inputs.token[0] >= SKILLS).long()
    for group in (inputs.length_groups[0], inputs.length_groups[-1]):
        rows = slice(group.stop - group.positions, group.stop)  # its last sequence
        columns = (inputs.skill[0, rows], response[rows], difficulties[0, rows])
        answers = list(zip(*(column.tolist() for column in columns), strict=True))
        expected = torch.tensor([path[1:] for path in recursion(curve, answers)]).T
        assert torch.allclose(mastery[0, rows].double(), expected.double(), rtol=1e-6)
        own = torch.nn.functional.one_hot(inputs.skill[0, rows], SKILLS).cumsum(dim=0)
        assert torch.equal(count[0, rows].long(), own)


def test_members_with_seeds_of_their_own_track_their_own_skills():
    _, inputs = batch_of(members=2, seeds=[4, 5])
    curves = [curve_of(seed, 1.0) for seed in (1, 2)]
    together = every_skill(stack(curves), inputs, None)[0]
    for member, (curve, seed) in enumerate(zip(curves, (4, 5), strict=True)):
        _, alone = batch_of(seeds=[seed])
        assert torch.allclose(together[member], every_skill(curve, alone, None)[0][0], atol=1e-6)


@pytest.mark.parametrize("items", ["none", "difficulty"])
def test_the_logit_is_the_formula(items):
    _, inputs = batch_of(skills_per_answer=2, seeds=[4])
    encoder = shaken_aggregate(items=items)
    curve = encoder.read_curve
    with torch.no_grad():
        found = encoder(inputs, no_dropout)[0]
        harder = None if items == "none" else encoder.read_difficulty(inputs.item)
        mastery, count = (x[0] for x in every_skill(curve, inputs, harder))
        for n in range(0, len(found), 7):
            last, c = int(inputs.last_answered[0, n]), int(inputs.target_skill[0, n])
            m, k = mastery[last], count[last]
            state = (m - curve.logit_start[0].sigmoid()) @ encoder.mastery.weight[0] + encoder.mastery.bias[0, 0]
            state = state + (1 + k).log() @ encoder.answers.weight[0] + encoder.answers.bias[0, 0]
            alone = (m[c] - curve.threshold[0, c]) / curve.log_temperature[0, c].exp()
            own = torch.stack([alone, (1 + k[c]).log(), (1 + k.sum()).log()])
            own = own @ encoder.own.weight[0] + encoder.own.bias[0, 0]
            hidden = ((1 + encoder.scale[0, c]) * state + encoder.target.weight[0, c] + own).relu()
            expected = hidden @ encoder.logit.weight[0, :, 0] + encoder.logit.bias[0, 0, 0]
            if items == "difficulty":
                expected = expected - encoder.difficulty(inputs.target_item)[0, n]
            assert float(found[n]) == pytest.approx(float(expected), abs=1e-5)


def test_it_trains_itself_and_reads_encoder_2_without_a_gradient():
    _, inputs = batch_of(seeds=[4])
    encoder = shaken_aggregate(items="difficulty")
    encoder(inputs, no_dropout).sum().backward()
    reads = {name for name, parameter in encoder.named_parameters() if parameter.grad is None}
    assert reads == {name for name, _ in encoder.named_parameters() if name.startswith(("read_curve.", "read_diff"))}


def test_it_reads_encoder_2_as_it_is_when_it_follows():
    members, (_, inputs) = 2, batch_of(members=2, seeds=[4, 5])
    config = small_run(model=AGGREGATE | {"items": "difficulty"})
    second = stack([build_mastery(config, SKILLS, 1, ANSWERS) for _ in range(members)])
    encoder = shaken_aggregate(items="difficulty", members=members)
    before = encoder(inputs, no_dropout)
    with torch.no_grad():
        for parameter in second.parameters():
            parameter.add_(torch.randn(parameter.shape))
    encoder.follow(second)
    mastery, _ = every_skill(encoder.read_curve, inputs, encoder.read_difficulty(inputs.item))
    of_target = mastery.gather(2, inputs.target_skill[..., None])[..., 0]
    answered = inputs.one_skill_per_answer or inputs.steps_to_last_answer == 1
    expected = second.mastery(inputs)
    assert torch.allclose(of_target[answered], expected[answered], atol=1e-5)
    assert not torch.allclose(before, encoder(inputs, no_dropout), atol=1e-3)
