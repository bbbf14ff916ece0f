"""What each figure of a report asks, and how to read it."""

from typing import NamedTuple

from gaintrace.analysis.summary import Summary
from gaintrace.report.words import configuration_label, sides_of


class Caption(NamedTuple):
    """`question`: what the figure answers. `reading`: how. `alt`: what it is, for who cannot see it."""

    question: str
    reading: str
    alt: str


def captions(summary: Summary, undrawn: int, curves: int) -> dict[str, Caption]:
    """By figure. `undrawn`: configurations that the figure of differences leaves out; `curves`: those with curves."""
    sides = sides_of(summary)
    encoders = "both encoders" if len(sides) == 2 else "the three encoders"
    panels = "Both panels" if len(sides) == 2 else "All panels"
    objective, comparison = summary.objective, summary.comparison
    several = comparison.repetitions > 1
    repeated = " and ".join(f"{name}s" for name in comparison.repeated)
    half = " Half: beyond the choice of students, but another seed might undo it." if comparison.undecided else ""
    hidden = f" {undrawn} more, of lower rank, are not drawn." if undrawn else ""
    best = configuration_label(comparison.configurations[0].swept) if comparison.configurations else ""
    count = len(comparison.configurations)
    swept = " · ".join(comparison.configurations[0].swept) if comparison.configurations else ""
    known = any(found.low is not None for c in comparison.configurations for found in c.by_side.values())
    bars = " Bars: 95 % intervals of the difference to ★." if known else ""
    rows = f"Rows: {swept}. " if swept else ""
    return {
        "differences": Caption(
            f"Which configurations are worse than ★ by more than noise, in {objective.words} on test?",
            f"{rows}Lines are 95 % intervals. Filled: more than noise. Hollow: cannot be told from ★.{half}{hidden}",
            "Difference of each configuration to the one that they are compared with, with 95 % intervals; the numbers "
            "are in the table below",
        ),
        "spread": Caption(
            f"Do configurations differ by more than their own {repeated} do?",
            f"{rows}A point is a run, a line the mean of a configuration."
            + (" Folds are other students, so compare points of one colour." if "fold" in comparison.repeated else ""),
            f"{objective.rank_by} of every run, a row a configuration",
        ),
        "trade-off": Caption(
            "What does one encoder gain, and the other lose, along the swept parameter?",
            f"{panels} span the same height in AUC. ★ and the dotted line: what the others are compared with.{bars}"
            + (" Hollow points are runs." if several else ""),
            f"Test AUC of {encoders} against the swept parameter; the numbers are in the ranking table",
        ),
        "search-history": Caption(
            "Did the search go on to better ones?",
            "The line is what was best so far; thin lines part the rounds."
            + (" Hollow: stopped, as it stood then." if summary.coverage.stopped else ""),
            "Score of every configuration of the search, in the order of suggestion, and the best so far",
        ),
        "search-front": Caption(
            "What can be had of the one for how much of the other?",
            "On validation, which the search looked at. Joined: no other configuration beats these in both. Shaded: "
            "what they dominate.",
            "The two scores that were searched for, a point a configuration",
        ),
        "importance": Caption(
            f"Which parameters does {objective.words} depend on?",
            "Shares of the variance of what ranks, over configurations: of each parameter by itself, and what only "
            "several together explain.",
            "Share of the variance by parameter, as bars; the numbers stand beside them",
        ),
        "effects": Caption(
            "What does each parameter do to each encoder?",
            "A circle is a configuration, a dash the mean over all that have the value. All panels span the same "
            "height in AUC.",
            f"Test AUC of {encoders} by value of each swept parameter; the numbers are in the table below",
        ),
        "interaction": Caption(
            "Does the effect of one parameter depend on the other?",
            "Parallel lines would mean that it does not.",
            "Means over one parameter, a line for each value of the other",
        ),
        "heatmap": Caption(
            "Where do the two parameters that matter most work best together?",
            f"Means of {objective.words} over all configurations with both values, {_split(summary)}; the stronger the "
            "colour, the better, ★ the highest.",
            "Mean score by the values of two parameters, as a table of shades",
        ),
        "plane": Caption(
            "Where in the plane of the two parameters that matter most do good configurations lie?",
            f"A point is a configuration, {_split(summary)}; the scale beside it is {objective.words}.",
            "Configurations by the values of two parameters, coloured by score",
        ),
        "parallel": Caption(
            "Which values do the best configurations share?",
            f"A line is a configuration, through its values to {objective.words}; the best tenth in colour, the "
            "best one thick.",
            "Configurations as lines through their parameters' values, to the score",
        ),
        "pareto": Caption(
            "Must one encoder be given up for the other?",
            "Joined: the Pareto front, configurations that no other beats in both. ★ ranks first"
            + (f"; along the dotted line {objective.words} is the same." if objective.scored == "combined" else "."),
            "Test E2 AUC against test E1 AUC, a point a configuration",
        ),
        "learning-curves": Caption(
            "Were configurations compared at equal epochs, and had they ended rising?",
            "Where diamonds, the selected epochs, differ, test AUC compares epochs as well as parameters."
            + (" Lines are means over runs, bands their range." if several else "")
            + (f" The {curves} best of {count} configurations." if count > curves else ""),
            f"Validation AUC of {encoders} by epoch, one line a configuration",
        ),
        "fit": Caption(
            f"Does {best or 'the run'} learn what holds for other students, or its own by heart?",
            "Where the lines part, more training helps only the students trained on. Training AUC is taken during the "
            "epoch, with dropout, so it may lie below."
            + (" Means over runs, in bands of their range." if several else ""),
            "AUC of the best configuration in training and on validation, by epoch",
        ),
        "reliability": Caption(
            "Can the best run's probabilities be read as frequencies?",
            "On the dotted line they are; the larger a point, the more answers. Calibration error: the mean distance "
            "of points to that line, weighted by their answers.",
            f"Share of correct answers against predicted probability, for {encoders}",
        ),
    }  # fmt: skip


def _split(summary: Summary) -> str:
    return "on validation" if summary.objective.on_validation else "on test"
