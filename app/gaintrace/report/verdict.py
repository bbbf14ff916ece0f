"""The verdict on a sweep: what came first, and how far to believe it. Two sentences, and what else must be known."""

from typing import NamedTuple

from gaintrace.analysis.findings.finding import SIDE_NAMES, Finding, several
from gaintrace.analysis.findings.noise import compared, named
from gaintrace.analysis.summary import Summary
from gaintrace.report.words import METRIC_NAMES, configuration_label, four, metric_name


class Verdict(NamedTuple):
    """`result`: what came first. `trust`: what that is worth. `notes`: criteria, gaps and other rankings."""

    result: str
    trust: str
    notes: list[str]


def verdict(summary: Summary) -> Verdict:
    """The verdict on what a sweep has trained so far."""
    coverage = summary.coverage
    if summary.best is None:
        return Verdict(
            f"None of the {coverage.planned} runs succeeded "
            f"({coverage.failed} failed, {coverage.missing} not finished).",
            "There is nothing to rank.",
            [],
        )
    return Verdict(_result(summary), _trust(summary), _notes(summary))


def _result(summary: Summary) -> str:
    comparison = summary.comparison
    best, count = comparison.configurations[0], len(comparison.configurations)
    metric = summary.objective.rank_by
    value = metric_name(metric, summary.objective.alpha)
    sides = {"test_e1_auc": f"E1 {four(best.test_e1_auc)}", "test_e2_auc": f"E2 {four(best.test_e2_auc)}"}
    aucs = "test AUC: " + ", ".join(text for side, text in sides.items() if side != metric)
    reached = (
        f"{value} = {four(best.combined)}" if metric == "combined" else f"test {value} {four(getattr(best, metric))}"
    )
    runs = f", means of {len(best.runs)} runs" if len(best.runs) > 1 else ""
    if count == 1:
        name = configuration_label(best.swept) if best.swept else "The configuration"
        return f"{name[0].upper()}{name[1:]} reached {reached} ({aucs}{runs})."
    last = getattr(comparison.configurations[-1], metric)
    return (
        f"{configuration_label(best.swept)} ranks first of {count} configurations, with {reached} ({aucs}{runs}), "
        f"{four(getattr(best, metric) - last)} above the last."
    )


def _trust(summary: Summary) -> str:
    comparison = summary.comparison
    if len(comparison.configurations) == 1:
        return "With one configuration there is nothing to compare."
    findings = {finding.name: finding for finding in reversed(summary.findings)}
    swept = " and ".join(comparison.configurations[0].swept)
    if "selection_epoch" in findings:
        return f"But {_selection(findings['selection_epoch'])}{_and_noise(summary)}."
    cause = findings.get("parameter_cannot_act")
    idle = f"{swept} has hardly a way to act" if cause and cause.numbers.get("scale_only") else ""
    if "within_noise" in findings:
        if len(comparison.together) == compared(comparison):
            return f"But that is within noise{f', as is to be expected: {idle}' if idle else ''}; {_together(summary)}."
        return f"But {_together(summary)}{f', and {idle}' if idle else _and_edges(summary)}."
    if idle:
        return f"But {idle}, so look for another cause{_and_noise(summary)}."
    if comparison.covers == "nothing":
        said = "With one seed and one fold, nothing here says whether that is more than noise"
    else:
        said = f"That is more than noise against every configuration compared (95 % intervals over {comparison.covers})"
    return f"{said}{_and_edges(summary)}."


def _selection(finding: Finding) -> str:
    numbers = finding.numbers
    side = SIDE_NAMES[numbers["metric"].split("_")[1]]
    return (
        f"{numbers['share']:.0%} of the difference in {side} is which epoch was picked "
        f"({four(numbers['range_at_selected_epochs'])} between the runs on validation at their selected epochs, "
        f"{four(numbers['range_at_matched_epoch'])} at epoch {numbers['matched_epoch']} of them all)"
    )


def _and_noise(summary: Summary) -> str:
    """What is known of noise, as the end of a sentence."""
    if len(summary.comparison.together) > 1:
        return f", and what is left is within noise: {_together(summary)}"
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
    together = summary.comparison.together
    count = compared(summary.comparison)
    if len(together) == count:
        return f"none of the {count} configurations can be told from the best"
    if len(together) <= 6:
        return f"{named([c.swept for c in together])} cannot be told apart"
    return f"{len(together)} of {count} configurations cannot be told apart"


def _notes(summary: Summary) -> list[str]:
    notes, coverage, comparison = [], summary.coverage, summary.comparison
    if summary.success:
        missed = [METRIC_NAMES[name] for name, criterion in summary.success.items() if not criterion.met]
        notes.append(f"Success criteria: missed on {', '.join(missed)}." if missed else "Success criteria: met.")
    if coverage.succeeded < coverage.planned:
        notes.append(f"{coverage.failed} failed and {coverage.missing} not finished of {coverage.planned} planned.")
    for alpha in comparison.configurations[0].by_alpha:
        first = next(c for c in comparison.configurations if c.by_alpha[alpha].rank == 1)
        if first is not comparison.configurations[0]:
            notes.append(f"By E1 + {alpha} · E2, {configuration_label(first.swept)} ranks first.")
    return notes
