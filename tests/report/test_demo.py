"""The first sweep that anybody runs: its grid has an effect that is seen, and its findings teach something."""

import pytest

from gaintrace.config import load_spec
from gaintrace.pipeline.sweep import run_sweep
from gaintrace.store import open_store


@pytest.mark.slow
def test_the_demo_shows_what_matters_and_what_cannot(tmp_path):
    summary = run_sweep(load_spec("demo"), open_store(tmp_path)).summary
    assert [finding.name for finding in summary.findings] == ["within_noise", "parameter_cannot_act"]
    assert [c.swept["items"] for c in summary.comparison.configurations] == ["difficulty"] * 2 + ["none"] * 2
    assert [c.apart for c in summary.comparison.configurations] == [None, False, True, True]
    assert summary.importance.shares["items"] > 0.99
