"""Figures of a sweep. Each is drawn for a page and for a phone."""

from collections.abc import Callable
from typing import NamedTuple

from gaintrace.report.figures.style import NARROW, WIDE, Drawing, pdf, svg


class Figure(NamedTuple):
    """One figure at both widths, as SVG text in the colours of light, and how it is drawn."""

    wide: str
    narrow: str
    draw: Callable[[float], Drawing]

    def in_format(self, form: str) -> bytes:
        """The figure of a page as the content of a file: svg or pdf."""
        return self.wide.encode() if form == "svg" else pdf(self.draw(WIDE))


def both(draw: Callable[[float], Drawing]) -> Figure:
    """A figure at both widths."""
    return Figure(svg(draw(WIDE)), svg(draw(NARROW)), draw)
