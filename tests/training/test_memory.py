"""How many runs are trained side by side follows from what one takes and what is free."""

import torch

from gaintrace.data.batches import DeviceData
from gaintrace.data.synthetic import generate
from gaintrace.training import memory
from tests.conftest import small_run

CPU = torch.device("cpu")


def device_data(config):
    return DeviceData(generate(config.data.synthetic), config.data, CPU)


def test_a_wider_model_and_a_larger_batch_take_more():
    small, wide, large = (
        small_run(),
        small_run(model={"d_model": 64}),
        small_run(training={"batch_size": 64}),
    )
    data = device_data(small)
    taken = [memory.member_bytes(config, data) for config in (small, wide, large)]
    assert taken[1] > 3 * taken[0]
    assert taken[2] > 2 * taken[0]


def test_activations_are_what_a_step_keeps():
    """More than the inputs of every matrix product, less than a few hundred copies of a batch's embeddings."""
    config = small_run()
    data = device_data(config)
    tokens = max(layout.tokens for layout in data.train.training(16, 0, [0]))
    stream = tokens * config.model.d_model * 4
    assert 10 * stream < memory.member_bytes(config, data) < 200 * stream


def test_members_are_as_many_as_fit(monkeypatch):
    config = small_run(training={"clip_scope": "per_encoder"})
    data = device_data(config)
    one = memory.member_bytes(config, data)
    for free, members in ((one * 10, 6), (one * 100, 60), (one // 2, 1)):
        monkeypatch.setattr(memory, "free_bytes", lambda device, free=free: free)
        assert memory.most_members(config, data) == members
    assert memory.most_members(small_run(training={"clip_scope": "global"}), data) == 1


def test_free_memory_is_the_containers_if_that_is_less(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "CGROUP_LIMIT", tmp_path / "max")
    monkeypatch.setattr(memory, "CGROUP_USE", tmp_path / "use")
    machine = memory.free_bytes(CPU)
    assert machine > 1 << 20
    (tmp_path / "max").write_text("3000000\n")
    (tmp_path / "use").write_text("1000000\n")
    assert memory.free_bytes(CPU) == 2_000_000
    (tmp_path / "max").write_text("max\n")
    assert memory.free_bytes(CPU) > 1 << 20
