"""The benchmarks' own words; what they measure takes hours."""

from pathlib import Path

import pytest


def test_one_thread_is_no_plural(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    from bench import threads

    assert [threads(count) for count in (1, 2)] == ["1 thread", "2 threads"]
