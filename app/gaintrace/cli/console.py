"""Consoles that print what they are given: names may hold brackets and colons, which rich takes for markup."""

from typing import IO

from rich.console import Console


def plain(*, stderr: bool = False, file: IO[str] | None = None) -> Console:
    """A console for which every text is only a text."""
    return Console(stderr=stderr, file=file, markup=False, emoji=False, highlight=False)
