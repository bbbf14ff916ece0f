"""What a sweep cost, and what it was made on."""

import pytest

from gaintrace.analysis.provenance import build, cost
from gaintrace.store import open_store
from tests.analysis.findings.evidence import evidence

GRID = "grid: {training.bce_loss_weight: [0.3, 0.5, 0.8]}\n"


def results(tmp_path, **details):
    return evidence(open_store(tmp_path), GRID, lambda swept: (0.7, 0.5), **details).results


def test_seconds_are_told_by_device_and_energy_only_where_all_is_known(tmp_path):
    gpu = results(tmp_path, environment={"device": "cuda"}, seconds=100.0, joules=3.6e5)
    assert cost(gpu).seconds == {"cuda": 300.0}
    assert cost(gpu).joules == pytest.approx(1.08e6)
    some = results(tmp_path, seconds=1.0, joules=lambda s: 5.0 if s["training.bce_loss_weight"] < 0.5 else None)
    assert (cost(some).joules, cost(some).runs) == (None, 3)
    assert cost({}).runs == 0


def test_the_build_is_what_the_image_says(monkeypatch):
    monkeypatch.setenv("GAINTRACE_IMAGE", "registry/gaintrace@sha256:ab")
    monkeypatch.delenv("GAINTRACE_REVISION", raising=False)
    assert build() == {"image": "registry/gaintrace@sha256:ab"}
