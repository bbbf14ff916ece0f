"""A search over its configurations, and the front of two scores that it looked for."""

from matplotlib.ticker import MaxNLocator

from gaintrace.analysis.search import Attempt, SearchSummary
from gaintrace.report.figures.style import E1, GREY, INK, MANY, NARROW, Drawing, canvas
from gaintrace.report.words import four

LEAST_FRONT = 2
"""Points that a front is drawn from."""


def history(search: SearchSummary, width: float) -> Drawing:
    """What every configuration came to, in the order of suggestion, and the best so far."""
    two = search.area is not None
    with canvas("search-history", width, 3.0) as figure:
        axes = figure.subplots()
        for place, one in enumerate(search.attempts, start=1):
            if place > 1 and one.round != search.attempts[place - 2].round:
                axes.axvline(place - 0.5, color=GREY, linewidth=0.5)
            if not two and one.scores and len(search.attempts) <= MANY:
                finished = one.status == "finished"
                (mark,) = axes.plot(
                    place, one.scores[0], "o", color=E1 if finished else GREY, markersize=5,
                    markerfacecolor=E1 if finished else "none",
                )  # fmt: skip
                figure.tip(mark, [_said(one, search)])
        known = [(place, one.best) for place, one in enumerate(search.attempts, start=1) if one.best is not None]
        if known:
            axes.step(*zip(*known, strict=True), where="post", color=INK, linewidth=1.2)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlim(0.5, len(search.attempts) + 0.5)
        axes.set_xlabel("configuration, in the order of suggestion")
        axes.set_ylabel("area dominated so far" if two else f"{search.words[0]}, valid")
    return figure


def front(search: SearchSummary, width: float) -> Drawing:
    """Two scores on validation, a point a configuration; what the front dominates is shaded."""
    finished = [one for one in search.attempts if one.status == "finished" and one.scores]
    with canvas("search-front", width, 3.6 if width == NARROW else 3.9) as figure:
        axes = figure.subplots()
        best = [search.attempts[place] for place in search.front]
        steps = sorted((one.scores for one in best if one.scores), key=lambda scores: scores[0])
        x, y = ([one.scores[n] for one in finished if one.scores] for n in (0, 1))
        margin = [0.1 * max(1e-3, max(values) - min(values)) for values in (x, y)]
        corner = [min(x) - margin[0], min(y) - margin[1]]
        at = [corner[0], *(scores[0] for scores in steps)]
        height = [steps[0][1], *(scores[1] for scores in steps)]
        shade = axes.fill_between(at, height, corner[1], step="pre", color=E1, alpha=0.12, linewidth=0)
        figure.band(shade)
        axes.step(at, height, where="pre", color=E1, linewidth=1.2)
        for one in finished if len(finished) <= MANY else best:
            (mark,) = axes.plot(*(one.scores or ()), "o", color=E1 if one in best else GREY, markersize=6)
            figure.tip(mark, [_said(one, search)])
        axes.set_xlim(corner[0], max(x) + margin[0])
        axes.set_ylim(corner[1], max(y) + margin[1])
        axes.xaxis.set_major_locator(MaxNLocator(4 if width == NARROW else 6))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel(f"{search.words[0]}, valid")
        axes.set_ylabel(f"{search.words[1]}, valid")
    return figure


def _said(one: Attempt, search: SearchSummary) -> str:
    values = ", ".join(f"{path.rpartition('.')[2]} {value}" for path, value in one.swept.items())
    scores = ", ".join(f"{words} {four(score)}" for words, score in zip(search.words, one.scores or [], strict=False))
    return f"{values}: {scores}{'' if one.status == 'finished' else f' ({one.status})'}"
