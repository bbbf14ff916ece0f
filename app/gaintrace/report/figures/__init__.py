"""Figures of a sweep. Each is drawn for a page and for a phone."""

from collections.abc import Callable
from typing import NamedTuple

from gaintrace.report.figures.style import NARROW, WIDE


class Figure(NamedTuple):
    """One figure at both widths, as SVG text."""

    wide: str
    narrow: str


def both(draw: Callable[[float], str]) -> Figure:
    """A figure at both widths."""
    return Figure(draw(WIDE), draw(NARROW))
