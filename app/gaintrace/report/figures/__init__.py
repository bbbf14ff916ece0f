"""Figures of a sweep. Each is drawn for a page and for a phone."""

from collections.abc import Callable
from functools import cached_property

from gaintrace.report.figures.style import NARROW, WIDE, Drawing, pdf, svg


class Figure:
    """One figure at both widths, as SVG text in the colours of light; drawn when it is first asked for."""

    def __init__(self, draw: Callable[[float], Drawing]) -> None:
        self._draw = draw

    @cached_property
    def wide(self) -> str:
        """For a page."""
        return svg(self._draw(WIDE))

    @cached_property
    def narrow(self) -> str:
        """For a phone."""
        return svg(self._draw(NARROW))

    def in_format(self, form: str) -> bytes:
        """The figure of a page as the content of a file: svg or pdf."""
        return self.wide.encode() if form == "svg" else pdf(self._draw(WIDE))
