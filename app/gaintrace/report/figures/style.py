"""How figures look: deterministic, text as text, and in colours that a page in the light and one in the dark can show.

A figure is drawn once a width, in the colours of light. In a page every colour gives way to a variable of the page's
style (`palette`), so that lines and marks stand out from either background, 3 : 1 and more, and text 4.5 : 1.
"""

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from markupsafe import escape
from matplotlib.artist import Artist
from matplotlib.figure import Figure

E1, E2, E3, E4 = "#0072b2", "#b84700", "#007a5a", "#a3447e"  # as Okabe and Ito's: told apart by colour-blind readers
INK, PAPER, GREY = "#1b1f24", "#fffffe", "#6b7281"
"""Of text, of the page behind, and of what is there but not in question."""
KINDS = (E1, E2, E3, E4)
"""Of values that have no order."""
SCALE = ("#0d0887", "#370499", "#5801a4", "#7701a8", "#9410a2", "#ad2793", "#c33d80", "#d5536f", "#e56a5d")
"""Of values that have one (matplotlib's plasma, as far as it stands out from white)."""
_DARK_SCALE = ("#b12a90", "#c43e7f", "#d45270", "#e26660", "#ee7b51", "#f79342", "#fdac33", "#fdc627", "#f7e425")
PALETTE = {
    INK: ("ink", "#e6e8eb"),
    PAPER: ("page", "#14171b"),
    GREY: ("grey", "#9aa4b0"),
    E1: ("c1", "#58b0e3"),
    E2: ("c2", "#f08a4b"),
    E3: ("c3", "#3fc79f"),
    E4: ("c4", "#e39ac4"),
    **{light: (f"s{n}", dark) for n, (light, dark) in enumerate(zip(SCALE, _DARK_SCALE, strict=True))},
}
"""Colour of a figure → variable of the page, and its value in the dark."""
DASHES: Any = ("-", "--", "-.", ":")
WIDE, NARROW = 7.2, 3.7
"""Widths in inches, of a page and of a phone; text keeps its size."""
MANY = 500
"""More points than this are drawn as a picture, so that a sweep of thousands fits a page."""
PICTURE = "#808588"
"""Colour of that picture, which cannot change with the page: seen on both."""
NAMES = {"test_e1_auc": "E1", "test_e2_auc": "E2", "test_e3_auc": "E3"}
COLOURS = {"test_e1_auc": E1, "test_e2_auc": E2, "test_e3_auc": E3, "combined": INK}
STYLE: Any = {
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
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
FORMATS = ("svg", "pdf")


class Drawing(Figure):
    """A figure that knows its name, and values to show where a reader points at it."""

    def __init__(self, name: str, width: float, height: float) -> None:
        super().__init__(figsize=(width, height), layout="constrained")
        self.name = re.sub(r"[^a-z0-9]+", "-", f"{name} {width:g}".lower())
        self.described = ""
        self.tips: dict[str, list[str]] = {}
        self.bands = 0

    def tip(self, artist: Artist, texts: Sequence[str]) -> None:
        """What a line or its points are: one text for all of it, or one a point."""
        gid = f"{self.name}-tip{len(self.tips)}"
        artist.set_gid(gid)
        self.tips[gid] = list(texts)

    def band(self, artist: Artist) -> None:
        """Mark a surface as the spread around a line, which says the same with more contrast."""
        artist.set_gid(f"{self.name}-band{self.bands}")
        self.bands += 1


@contextmanager
def canvas(name: str, width: float, height: float) -> Iterator[Drawing]:
    """A figure of a size in inches. Its name makes the ids inside it its own, so that a page can hold several."""
    with mpl.rc_context(STYLE):
        yield Drawing(name, width, height)


def svg(figure: Drawing) -> str:
    """The figure as an `<svg>` element in the colours of light."""
    buffer = io.StringIO()
    with mpl.rc_context(STYLE | {"svg.hashsalt": figure.name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the browser has others
        figure.savefig(buffer, format="svg", transparent=True, dpi=150, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = _named_parts(text[text.index("<svg") :])
    for gid, texts in figure.tips.items():
        text = _with_tips(text, gid, texts)
    if figure.described:
        text = text.replace("<svg ", f'<svg role="img" aria-label="{escape(figure.described)}" ', 1)
    return text


def pdf(figure: Drawing) -> bytes:
    """The figure as a page of PDF, which is the same whenever it is made."""
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(buffer, format="pdf", transparent=True, dpi=300, metadata={"CreationDate": None})
    return buffer.getvalue()


def in_page(text: str) -> str:
    """An SVG whose colours are those of the page around it."""
    pattern = "|".join(PALETTE)
    return re.sub(pattern, lambda found: f"var(--{PALETTE[found[0]][0]})", text)


def palette(dark: bool) -> dict[str, str]:
    """The page's variables for the colours of figures."""
    return {
        name: in_dark if dark else light for light, (name, in_dark) in PALETTE.items() if name not in ("ink", "page")
    }


def shades(count: int) -> list[str]:
    """Colours for so many values in order."""
    last = len(SCALE) - 1
    return [SCALE[round(n * last / max(1, count - 1))] for n in range(count)]


_PARTS = {"axes": "axes", "matplotlib.axis": "axis", "xtick": "tick", "ytick": "tick", "legend": "legend"}


def _named_parts(text: str) -> str:
    """Matplotlib's ids, which repeat in every figure, as classes where they say something, and gone elsewhere."""

    def named(found: re.Match[str]) -> str:
        return f' class="{_PARTS[found[1]]}"' if found[1] in _PARTS else ""

    return re.sub(r' id="([A-Za-z0-9.]+)_\d+"', named, text)


def _with_tips(text: str, gid: str, texts: list[str]) -> str:
    """Put titles into an artist's group: into the group if there is one text, into its points if there are several."""
    start = text.find(f'<g id="{gid}"')
    if start < 0:
        return text
    titles = [f"<title>{escape(tip)}</title>" for tip in texts]
    if len(titles) == 1:
        place = text.index(">", start) + 1
        return text[:place] + titles[0] + text[place:]
    end = _end_of_group(text, start)
    group = text[start:end]
    if group.count("<use ") != len(titles):  # points outside the axes are not drawn
        return text
    rest = iter(titles)
    group = re.sub(r"(<use [^>]*?)/>", lambda use: f"{use[1]}>{next(rest)}</use>", group)
    return text[:start] + group + text[end:]


def _end_of_group(text: str, start: int) -> int:
    depth = 0
    for found in re.finditer(r"<g[ >]|</g>", text[start:]):
        depth += -1 if found[0] == "</g>" else 1
        if depth == 0:
            return start + found.end()
    return len(text)
