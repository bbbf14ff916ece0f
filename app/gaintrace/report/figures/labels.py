"""Names beside points, so that none lies on another, on a point or outside."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes

from gaintrace.report.figures.style import INK, PAPER, Drawing

SIZE = 8
"""Points, of the letters."""
LETTER, LINE = 0.56 * SIZE, 1.3 * SIZE
"""Points that a letter takes across, and a line down."""
MARK = 5
"""Points around a point that stay free."""
RINGS = (9.0, 16.0, 26.0, 38.0, 52.0, 70.0, 90.0)
"""Points from a point to its name, tried from the nearest on."""
ANGLES = (45, 135, -45, -135, 0, 180, 90, -90, 20, 160, -20, -160, 65, 115, -65, -115)
ALONE = 16.0
"""From here on a thin line joins a name to its point."""


class Box(NamedTuple):
    """In points, from the lower left of the axes."""

    left: float
    low: float
    right: float
    high: float

    def meets(self, other: "Box") -> float:
        """The area that both cover."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.high, other.high) - max(self.low, other.low)
        return max(0.0, across) * max(0.0, down)


def name_points(
    figure: Drawing, axes: Axes, named: Sequence[tuple[float, float, str]], others: Sequence[tuple[float, float]]
) -> None:
    """Write names beside points, the first ones nearest to theirs. `others`: points without a name, kept free too."""
    figure.draw_without_rendering()  # now the axes have their size
    inches = axes.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
    room = Box(0, 0, 72 * inches.width, 72 * inches.height)
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()

    def place(x: float, y: float) -> tuple[float, float]:
        return (x - x0) / (x1 - x0) * room.right, (y - y0) / (y1 - y0) * room.high

    marks = [_around(*place(x, y)) for x, y in [*((x, y) for x, y, _ in named), *others]]
    taken: list[Box] = []
    for x, y, text in named:
        across, down = place(x, y)
        offset, box = min(_candidates(across, down, text), key=lambda found: _cost(found[1], room, taken, marks))
        taken.append(box)
        far = math.hypot(*offset) > ALONE
        axes.annotate(
            text, (x, y), offset, textcoords="offset points", fontsize=SIZE, va="center",
            ha="left" if offset[0] > 1 else "right" if offset[0] < -1 else "center",
            arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.5, "shrinkB": 4} if far else None,
            bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 0.4},
        )  # fmt: skip


def _candidates(x: float, y: float, text: str) -> list[tuple[tuple[float, float], Box]]:
    """Places for a name, the nearest first: its offset from the point, and what it covers."""
    wide = LETTER * len(text)
    found = []
    for ring in RINGS:
        for angle in ANGLES:
            dx, dy = ring * math.cos(math.radians(angle)), ring * math.sin(math.radians(angle))
            left = x + dx - (0 if dx > 1 else wide if dx < -1 else wide / 2)
            box = Box(left, y + dy - LINE / 2, left + wide, y + dy + LINE / 2)
            found.append(((dx, dy), box))
    return found


def _cost(box: Box, room: Box, taken: Sequence[Box], marks: Sequence[Box]) -> float:
    """What a name covers that it should not, other names the worst of it; of equals, `min` takes the nearest."""
    outside = (box.right - box.left) * (box.high - box.low) - box.meets(room)
    return 30 * outside + 30 * sum(map(box.meets, taken)) + sum(map(box.meets, marks))


def _around(x: float, y: float) -> Box:
    return Box(x - MARK, y - MARK, x + MARK, y + MARK)
