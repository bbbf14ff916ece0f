"""Figures of what the mastery encoder says about students."""

from gaintrace.report.figures.style import E1, E2, E3, INK, NARROW, canvas, svg
from gaintrace.runs.result import Calibration


def reliability(calibration: dict[str, Calibration], width: float) -> str:
    """Share of correct answers against predicted probability, a point a bin, by encoder; the area counts targets."""
    with canvas("reliability", width, 3.6 if width == NARROW else 4.4) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
        for (side, found), colour, marker in zip(calibration.items(), (E1, E2, E3), "os^", strict=False):
            x, y = [b.predicted for b in found.bins], [b.observed for b in found.bins]
            largest = max(b.targets for b in found.bins)
            axes.plot(x, y, color=colour, linewidth=1)
            label = f"{side.upper()}, error {found.error:.3f}"
            area = [4 + 60 * b.targets / largest for b in found.bins]
            axes.scatter(x, y, area, color=colour, marker=marker, alpha=0.8, label=label)
        axes.set_xlabel("predicted probability")
        axes.set_ylabel("share of correct answers")
        axes.legend(loc="upper left", fontsize=8)
        return svg(figure)
