"""Laws of all encoders: nothing from the future, nothing from padding, nothing from neighbours."""

import pytest
import torch

from gaintrace.config import DataConfig, ModelConfig, RunConfig
from gaintrace.data.batches import DeviceData, Members
from gaintrace.model.dual import build_mastery, build_performance, build_side, member_state, member_tensors, stack
from gaintrace.model.layers import ComposedEmbedding, Dropout, no_dropout
from tests.conftest import small_run
from tests.data.test_batches import made

CPU = torch.device("cpu")
ONE = Members.of([0], 1, CPU)


def encoders(config, skills=7, students=20):
    return {side: build_side(side, config, skills, students, None) for side in config.sides}


def predict(encoder, data, layout, members=ONE):
    with torch.no_grad():
        output = encoder(data.gather(data.test, layout).inputs.for_members(members), no_dropout)
    return output if isinstance(output, torch.Tensor) else output.logit


NEW = {
    "gain": "linear",
    "curve": "per_skill",
    "ability": "inferred",
    "target": "past",
    "position": "distance",
    "interaction": "composed",
}
AGGREGATE = NEW | {"gain": "evidence", "aggregate": "mastery"}


@pytest.mark.parametrize("model", [{"gain": "scalar"}, {"gain": "per_skill"}, NEW, AGGREGATE])
@pytest.mark.parametrize("skills_per_answer", [1, 3])
@pytest.mark.parametrize("cut", [{"max_sequence_length": 40}, {"max_sequence_length": 16, "evaluation_overlap": 12}])
def test_a_prediction_reads_only_what_came_before_its_answer(model, skills_per_answer, cut):
    dataset = made([30] * 25, skills_per_answer)
    config = small_run(model=model)
    data = DeviceData(dataset, DataConfig(**cut), CPU)
    layout = data.test.evaluation(60)[0]
    steps = data.gather(data.test, layout).inputs.steps_to_last_answer
    rows = data.target_rows(data.test, layout)
    frame = dataset.interactions
    for name, encoder in encoders(config).items():
        encoder.eval()
        before = predict(encoder, data, layout)[0]
        for token in (3, 11, 25):
            row = int(rows[token])
            changed = DeviceData(dataset, DataConfig(**cut), CPU)
            first_of_answer = row - int(steps[0, token]) + 1
            changed.response[first_of_answer:] = 1 - changed.response[first_of_answer:]
            changed.skill[row + 1 :] = (changed.skill[row + 1 :] + 1) % 7
            after = predict(encoder, changed, layout)[0]
            assert after[token] == pytest.approx(before[token].item(), abs=1e-6), (name, frame.iloc[row])
            changed.response[first_of_answer - 1] = 1 - changed.response[first_of_answer - 1]
            if name in ("e1", "e3"):
                assert predict(encoder, changed, layout)[0][token] != before[token]


@pytest.mark.parametrize("model", [{}, AGGREGATE])
def test_padding_changes_nothing(model):
    dataset = made([5, 9, 30, 12, 7] * 10)
    data = DeviceData(dataset, DataConfig(max_sequence_length=40), CPU)
    for encoder in encoders(small_run(model=model)).values():
        encoder.eval()
        together, apart = (
            {
                int(row): float(logit)
                for layout in data.test.evaluation(tokens)
                for row, logit, real in zip(
                    data.target_rows(data.test, layout),
                    predict(encoder, data, layout)[0],
                    data.gather(data.test, layout).targets.real[0],
                    strict=True,
                )
                if real
            }
            for tokens in (10_000, 1)
        )
        assert together.keys() == apart.keys()
        assert list(together.values()) == pytest.approx(list(apart.values()), abs=1e-5)


@pytest.mark.parametrize("model", [{"gain": "per_skill"}, NEW, AGGREGATE])
def test_stacked_members_compute_what_they_compute_alone(model):
    dataset = made([5, 9, 30, 12, 7] * 10, 2)
    data = DeviceData(dataset, DataConfig(max_sequence_length=40), CPU)
    layout = data.test.evaluation(10_000)[0]
    configs = [small_run(training={"seed": seed}, model=model) for seed in (1, 2, 3)]
    for name in configs[0].sides:
        alone = [encoders(config)[name].eval() for config in configs]
        stacked = stack(alone).eval()
        together = predict(stacked, data, layout, Members.of([0, 0, 0], 1, CPU))
        for member, encoder in enumerate(alone):
            assert torch.allclose(together[member], predict(encoder, data, layout)[0], atol=1e-5)
            for key, value in member_state(stacked, member).items():
                assert torch.equal(value, member_tensors(encoder)[key][0])
        assert not torch.allclose(together[0], together[1], atol=1e-3)


@pytest.mark.parametrize("interaction", ["own", "composed"])
def test_looked_up_projections_are_those_of_the_embeddings(monkeypatch, interaction):
    """With more tokens than rows the first block's projections come from tables; with fewer from products."""
    data = DeviceData(made([5, 9, 30, 12, 7] * 10), DataConfig(max_sequence_length=40), CPU)
    config = small_run(data={"max_sequence_length": 40})
    members = Members.of([0, 0], 1, CPU)
    layout = data.test.evaluation(10_000)[0]
    for name in ("e1", "e2"):
        model = {"interaction": interaction}
        pair = [encoders(small_run(training={"seed": seed}, model=model))[name].eval() for seed in (1, 2)]
        encoder = stack(pair)
        rows = encoder.stack.context.table().shape[1] + config.data.max_sequence_length - 1
        assert layout.tokens > rows
        looked_up = predict(encoder, data, layout, members)
        with monkeypatch.context() as patch:
            patch.setattr(encoder.stack, "_first_projections", lambda *arguments: None)
            assert torch.allclose(predict(encoder, data, layout, members), looked_up, atol=1e-5)


def test_the_published_model_has_its_published_size():
    """About 4.95 M for both stacks, of which 0.26 M, the last feed-forward network of encoder 2, feeds nothing."""
    built = encoders(RunConfig(), skills=100, students=0)
    count = sum(p.numel() for encoder in built.values() for p in encoder.parameters())
    unused = 2 * 256 * 512 + 512 + 256 + 2 * 2 * 256
    assert count + unused == pytest.approx(4.95e6, rel=0.002)


def test_initial_weights_belong_to_the_seed_and_the_encoder():
    one, same, other = (build_performance(small_run(training={"seed": s}), 5) for s in (1, 1, 2))
    assert torch.equal(one.target.weight, same.target.weight)
    assert not torch.equal(one.target.weight, other.target.weight)
    scalar, per_skill = (build_mastery(small_run(model={"gain": g}), 5, 3) for g in ("scalar", "per_skill"))
    assert torch.equal(scalar.stack.value.weight, per_skill.stack.value.weight)


def test_dropout_keeps_the_mean_and_follows_streams():
    drop = Dropout(0.2, [1, 2], torch.tensor([0, 1, 0]))
    kept = drop(torch.ones(3, 400, 50))
    assert float((kept == 0).float().mean()) == pytest.approx(0.2, abs=0.01)
    assert float(kept.mean()) == pytest.approx(1, abs=0.01)
    assert torch.equal(kept[0], kept[2])
    assert not torch.equal(kept[0], kept[1])
    alone = Dropout(0.2, [2], torch.tensor([0]))(torch.ones(1, 400, 50))
    assert torch.equal(alone[0], kept[1])


def test_wide_models_are_valid_configurations():
    assert ModelConfig(d_model=64, n_heads=8).gain == "scalar"


def test_a_composed_embedding_is_what_skill_and_response_share_and_what_they_do_not():
    embedding = ComposedEmbedding(skills=7, width=4)
    table = embedding.table()
    for skill, response in ((0, 0), (3, 1), (6, 0), (6, 1)):
        own = embedding.own[0, skill + 7 * response]
        assert torch.equal(
            table[0, skill + 7 * response], embedding.skill[0, skill] + embedding.response[0, response] + own
        )
