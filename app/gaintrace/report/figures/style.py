"""How figures look: SVG text, deterministic, with text as text, in the page's own colour."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

E1, E2, E3 = "#0072b2", "#d55e00", "#009e73"  # Okabe and Ito: told apart by colour-blind readers and in grey
INK = "#010203"  # stands for the page's text colour until the SVG is written
WIDE, NARROW = 7.2, 3.7
"""Widths in inches, of a page and of a phone; text keeps its size."""
MANY = 500
"""More points than this are drawn as a picture, so that a sweep of thousands fits a page."""
NAMES = {"test_e1_auc": "E1", "test_e2_auc": "E2", "test_e3_auc": "E3"}
COLOURS = {"test_e1_auc": E1, "test_e2_auc": E2, "test_e3_auc": E3, "combined": INK}
STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.12,
    "grid.color": INK,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": INK,
}


@contextmanager
def canvas(name: str, width: float, height: float) -> Iterator[Figure]:
    """A figure of a size in inches. Its name makes the ids inside it its own, so that a page can hold several."""
    with mpl.rc_context(STYLE | {"svg.hashsalt": f"{name} {width}"}):
        yield Figure(figsize=(width, height), layout="constrained")


def svg(figure: Figure) -> str:
    """The figure as an `<svg>` element that takes the colour of the text around it."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, dpi=150, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace(INK, "currentColor")
