"""The verdict on a sweep: what came first, and how far to believe it. Two sentences, and what else must be known."""

from typing import NamedTuple

from gaintrace.analysis.comparison import FEW_STUDENTS, Comparison
from gaintrace.analysis.findings.finding import SIDE_NAMES, Finding, several
from gaintrace.analysis.findings.noise import named
from gaintrace.analysis.summary import Summary
from gaintrace.config import weighted
from gaintrace.report.words import configuration_label, four, interval_text, metric_names, sides_of, signed

NAMED = 6
"""Configurations that a sentence names; more are counted."""


class Verdict(NamedTuple):
    """`result`: what came first. `trust`: what that is worth. `notes`: criteria, gaps and other rankings."""

    result: str
    trust: str
    notes: list[str]


def verdict(summary: Summary) -> Verdict:
    """The verdict on what a sweep has trained so far. Every sentence is about what its finding or number names."""
    coverage = summary.coverage
    if summary.best is None and coverage.succeeded:
        return Verdict(
            f"{coverage.succeeded} of {coverage.planned} runs succeeded, and none has the AUC that ranks "
            f"({summary.objective.rank_by}): only one kind of response was there to predict.",
            "There is nothing to rank.",
            [],
        )
    if summary.best is None:
        return Verdict(
            f"None of the {coverage.planned} runs succeeded "
            f"({coverage.failed} failed, {coverage.missing} not finished).",
            "There is nothing to rank.",
            [],
        )
    return Verdict(_result(summary), _trust(summary), _notes(summary))


def _result(summary: Summary) -> str:
    objective, comparison = summary.objective, summary.comparison
    best, count = comparison.configurations[0], len(comparison.configurations)
    sides = {
        side: f"{side.upper()} {four(auc)}"
        for side in sides_of(summary)
        if (auc := getattr(best, f"test_{side}_auc")) is not None
    }
    runs = f", means of {len(best.runs)} runs" if len(best.runs) > 1 else ""
    score = four(getattr(best, objective.rank_by))
    if objective.on_validation:
        on_test = {"combined": f"{objective.words} {four(best.combined)}, "}.get(objective.scored, "")
        aucs = f"test AUC: {on_test}{', '.join(sides.values())}"
        reached = f"{objective.words} = {score} on validation"
    else:
        aucs = "test AUC: " + ", ".join(text for side, text in sides.items() if side != objective.scored)
        reached = f"{objective.words} = {score}" + ("" if objective.scored == "combined" else " on test")
    if count == 1:
        name = configuration_label(best.swept) if best.swept else "The configuration"
        return f"{name} reached {reached} ({aucs}{runs})."
    first = [c for c in comparison.configurations if c.rank == 1]
    if len(first) == count:
        return f"All {count} configurations reached the same: {reached} ({aucs}{runs})."
    last = comparison.lead
    if len(first) > 1:
        which = named([c.swept for c in first]) if len(first) <= NAMED else f"{len(first)} configurations"
        return f"{which} share the first rank of {count}, with {reached}, {four(last)} above the last."
    return (
        f"{configuration_label(best.swept)} ranks first of {count} configurations, with {reached} ({aucs}{runs}), "
        f"{four(last)} above the last."
    )


def _trust(summary: Summary) -> str:
    comparison = summary.comparison
    if len(comparison.configurations) == 1:
        return "With one configuration there is nothing to compare."
    return _worth(summary)


def _worth(summary: Summary) -> str:
    """What the lead of the first of several configurations is worth."""
    comparison = summary.comparison
    if all(configuration.rank == 1 for configuration in comparison.configurations):
        return "So nothing came out best."
    picked = _selection(summary)
    if picked is not None:
        return f"But {_told(picked)}{_and_noise(summary)}."
    idle = _idle(summary)
    if len(comparison.together) > 1:
        if len(comparison.together) == comparison.compared and comparison.reference == 0:
            expected = f", as is to be expected: {idle}" if idle and _all_idle(summary) else ""
            aside = f", and {idle}" if idle and not expected else ""
            return f"But that is within noise{expected}; {_together(summary)}{aside}."
        return f"But {_together(summary)}{f', and {idle}' if idle else _and_edges(summary)}."
    if idle and _all_idle(summary):
        return f"But {idle}, so look for another cause{_and_noise(summary)}."
    return f"{_beyond(summary)}{f', and {idle}' if idle else _and_edges(summary)}."


def _beyond(summary: Summary) -> str:
    """What can be said of a lead over configurations of which none is within noise."""
    comparison = summary.comparison
    better = [c for c in comparison.configurations if c.apart and c.difference and c.difference.mean > 0]
    if better:
        most = max(better, key=lambda c: c.difference.mean if c.difference else 0.0)
        assert most.difference is not None
        return (
            f"But on test {configuration_label(most.swept)} is better, by {signed(most.difference.mean)} "
            f"{interval_text(most.difference)}, which is more than noise"
        )
    if comparison.compared < 2 or comparison.reference:
        known = comparison.students is None and comparison.repetitions < 2
        best_read = set(comparison.configurations[0].runs) <= comparison.runs.keys()
        why = f"Without all predictions of {'any other' if best_read else 'the best'}"
        why = "With one seed and one fold" if known else why
        return f"{why}, nothing here says whether that is more than noise"
    which = (
        "every other configuration"
        if comparison.compared == len(comparison.configurations)
        else f"each of the {comparison.compared - 1} configurations compared"
    )
    where = " on test" if summary.objective.on_validation else ""
    if comparison.repetitions > 1:
        return f"The lead{where} over {which} is more than noise (95 % intervals over {comparison.covers})"
    rest = (
        "whether it is more than the randomness of training, one seed and one fold cannot say"
        if comparison.undecided
        else "it is also more than the randomness of training is taken to make, which one seed and one fold cannot show"
    )
    return f"The lead{where} over {which} is beyond the intervals (95 %) over {_students(comparison)}; {rest}"


def _students(comparison: Comparison) -> str:
    few = " (few)" if (comparison.students or 0) < FEW_STUDENTS else ""
    return f"the choice of the {comparison.students:,} test students{few}"


def _selection(summary: Summary) -> Finding | None:
    """Of the findings that epochs explain a metric's differences, that of what ranks, and of two the larger."""
    ranks = summary.objective.weights
    found = [f for f in summary.findings if f.name == "selection_epoch" and f.numbers["metric"].split("_")[1] in ranks]
    return max(found, key=lambda f: f.numbers["range_at_selected_epochs"], default=None)


def _told(finding: Finding) -> str:
    numbers = finding.numbers
    side = SIDE_NAMES[numbers["metric"].split("_")[1]]
    return (
        f"{100 * numbers['share']:.0f} % of the difference in {side} is which epoch was picked "
        f"({four(numbers['range_at_selected_epochs'])} between the runs on validation at their selected epochs, "
        f"{four(numbers['range_at_matched_epoch'])} at epoch {numbers['matched_epoch']} of them all)"
    )


def _idle(summary: Summary) -> str:
    """What the loss weight's finding says, of the parameters that it names; empty without one."""
    found = next((f for f in summary.findings if f.numbers.get("scale_only")), None)
    if found is None:
        return ""
    names = found.numbers["parameters"]
    return f"{several(names)} {'has' if len(names) == 1 else 'have'} hardly a way to act"


def _all_idle(summary: Summary) -> bool:
    """Whether that finding is about everything that is swept but seeds and folds."""
    named_there = {name for f in summary.findings if f.numbers.get("scale_only") for name in f.numbers["parameters"]}
    return set(summary.comparison.configurations[0].swept) <= named_there


def _and_noise(summary: Summary) -> str:
    """What is known of noise, as the end of a sentence."""
    if len(summary.comparison.together) > 1:
        return f", and {_together(summary)}"
    if summary.comparison.covers == "nothing":
        return ", and with one seed and one fold nothing says whether the rest is more than noise"
    return ""


def _and_edges(summary: Summary) -> str:
    """That the optimum is not bracketed, as the end of a sentence."""
    edges = [f.numbers["parameter"] for f in summary.findings if f.name == "edge_of_the_grid"]
    if not edges:
        return ""
    swept = summary.comparison.configurations[0].swept
    if len(edges) > 1 and len(edges) == len(swept):
        return f", and the best value of all {len(edges)} parameters lies on the edge of its grid"
    return f", and the best {several(edges)} {'lies' if len(edges) == 1 else 'lie'} on the edge of the grid"


def _together(summary: Summary) -> str:
    comparison = summary.comparison
    together, count = comparison.together, comparison.compared
    if len(together) == count:
        which = "none" if count > 2 else "neither"
        if comparison.reference == 0:
            return f"{which} of the {count} configurations can be told from the best"
        reference = named([comparison.configurations[comparison.reference].swept])
        return f"{which} of the {count} configurations compared can be told from {reference}"
    star = comparison.configurations[comparison.reference]
    others = [c.swept for c in together if c is not star]
    best = "the best" if comparison.reference == 0 else named([star.swept])
    which = named(others) if len(others) <= NAMED else f"{len(others)} of the {count - 1} others"
    return f"{which} cannot be told from {best}"


def _notes(summary: Summary) -> list[str]:
    notes, coverage, comparison = [], summary.coverage, summary.comparison
    if summary.success:
        missed = [metric_names(summary)[name] for name, criterion in summary.success.items() if not criterion.met]
        notes.append(f"Success criteria: missed on {', '.join(missed)}." if missed else "Success criteria: met.")
    if coverage.stopped:
        notes.append(f"{coverage.stopped} of {coverage.planned} runs were stopped on their way, and are in no number.")
    if coverage.succeeded < coverage.wanted:
        notes.append(f"{coverage.failed} failed and {coverage.missing} not finished of {coverage.planned} planned.")
    for alpha in comparison.configurations[0].by_alpha:
        first = [c.swept for c in comparison.configurations if c.by_alpha[alpha].rank == 1]
        standing = comparison.configurations[0].by_alpha[alpha]
        behind = standing.difference is not None and four(standing.difference.mean) == four(0.0)
        if standing.rank > 1 and not behind and standing.apart is not False:
            on_test = " on test" if summary.objective.on_validation else ""
            which = f"{configuration_label(first[0])} ranks first"
            if len(first) > 1:
                which = (
                    f"{named(first) if len(first) <= NAMED else f'{len(first)} configurations'} share the first rank"
                )
            notes.append(f"By {weighted(float(alpha))}{on_test}, {which}.")
    if any(configuration.rank > 1 for configuration in comparison.configurations):
        notes.append(_rule(summary))
    if comparison.left_out and comparison.compared > 1:
        notes.append(
            f"Noise was looked at in {comparison.compared} of {len(comparison.configurations)} configurations, the "
            f"best and the last; of the other {len(comparison.left_out)} nothing is said."
        )
    return notes


def _rule(summary: Summary) -> str:
    """What picked the winner, and what that does to its number."""
    objective, comparison = summary.objective, summary.comparison
    count = len(comparison.configurations)
    if objective.on_validation:
        return (
            f"Picked by {objective.words} on validation; the test students had no part in it, so the winner's test AUC "
            "is not the best of many."
        )
    head = (
        f"Picked by {objective.words} on test (rank_by: {objective.rank_by}), the study's rule: as the best of "
        f"{count}, its number is flattered by"
    )
    if comparison.optimism is None:
        return f"{head} luck; by how much cannot be said without predictions."
    if comparison.optimism < 0.5e-4:
        return f"{head} luck, though not measurably so here (bootstrap over test students)."
    what = "test students and seeds or folds" if comparison.repetitions > 1 else "test students alone"
    return f"{head} about {four(comparison.optimism)} (bootstrap over {what})."
