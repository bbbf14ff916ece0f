"""Consoles that print what they are given: names may hold brackets and colons, which rich takes for markup."""

from typing import Any

from rich.console import Console

LASTS = "minutes on one core: about ten for 700,000 answers"
"""How long the preset gaintrace trains: on assist2015 467 CPU-seconds, and 1.13 times as much since growth is inferred
(benchmarks/RESULTS.md)."""


def plain(**options: Any) -> Console:
    """A console for which every text is only a text. `options`: of rich's Console."""
    return Console(markup=False, emoji=False, highlight=False, **options)
