"""Figures of what the encoders' probabilities are worth."""

from gaintrace.report.figures.style import E1, E2, E3, INK, NARROW, Drawing, canvas
from gaintrace.runs.result import Calibration


def reliability(calibration: dict[str, Calibration], width: float) -> Drawing:
    """Share of correct answers against predicted probability, a point a bin, by encoder; the area counts targets."""
    with canvas("reliability", width, 3.6 if width == NARROW else 4.4) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
        for (side, found), colour, marker in zip(calibration.items(), (E1, E2, E3), "os^", strict=False):
            x, y = [b.predicted for b in found.bins], [b.observed for b in found.bins]
            largest = max(b.targets for b in found.bins)
            axes.plot(x, y, color=colour, linewidth=1)
            label = f"{side.upper()}, calibration error {found.error:.3f}"
            area = [6 + 60 * b.targets / largest for b in found.bins]
            points = axes.scatter(x, y, area, color=colour, marker=marker, label=label)
            figure.tip(points, [_said(side, b.predicted, b.observed, b.targets) for b in found.bins])
        axes.set_xlabel("predicted probability of a correct answer")
        axes.set_ylabel("share of correct answers")
        figure.legend(loc="outside lower center", ncols=1 if width == NARROW else 3, fontsize=8)
    return figure


def _said(side: str, predicted: float, observed: float, targets: int) -> str:
    return f"{side.upper()}: {predicted:.2f} predicted, {observed:.2f} correct of {targets:,} answers"
