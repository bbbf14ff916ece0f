"""Consoles that print what they are given: names may hold brackets and colons, which rich takes for markup."""

from typing import Any

from rich.console import Console


def plain(**options: Any) -> Console:
    """A console for which every text is only a text. `options`: of rich's Console."""
    return Console(markup=False, emoji=False, highlight=False, **options)
