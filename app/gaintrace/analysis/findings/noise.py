"""Findings about noise: configurations that cannot be told from the best, and predictions that cannot be read."""

from collections.abc import Iterator
from typing import Any

from gaintrace.analysis.comparison import Comparison
from gaintrace.analysis.findings.finding import Finding, several
from gaintrace.analysis.noise import ASSUMED
from gaintrace.config import Objective

TOLD = 4
"""Runs whose predictions cannot be read that a finding names."""


def within_noise(comparison: Comparison, objective: Objective) -> Iterator[Finding]:
    """The difference between the best configuration and some others is no more than noise."""
    together = comparison.together
    if len(together) < 2:
        return
    count = comparison.compared
    best = "the best" if comparison.reference == 0 else named([comparison.configurations[comparison.reference].swept])
    if len(together) == count:
        which = f"None of {count} configurations" if count > 2 else "Neither configuration"
        short = len(together[0].swept) == 1 and count <= 8
        rest = f" ({named([c.swept for c in together])})" if short else ""
        text = f"{which} can be told from {best}{rest}"
    else:
        others = [c.swept for c in together if c is not comparison.configurations[comparison.reference]]
        text = f"{len(others)} of the {count - 1} others cannot be told from {best}: {named(others)}"
    on_test = " on test" if objective.on_validation else ""
    at_once = f", all {count - 1} at once" if count > 2 else ""
    what, do = ("The difference", "is") if len(together) == 2 else ("Their differences", "are")
    yield Finding(
        name="within_noise",
        text=f"{text}. {what} to {best}{on_test} {do} within noise; the intervals (95 %{at_once}) cover "
        f"{comparison.covers}.",
        numbers={
            "metric": comparison.metric,
            "compared": count,
            "at_once": count - 1,
            "cannot_be_told_apart": len(together),
            "together": [configuration.swept for configuration in together],
            "best": comparison.configurations[comparison.reference].swept,
            "repetitions": comparison.repetitions,
            "students": comparison.students,
        },
    )


def training_unknown(comparison: Comparison) -> Iterator[Finding]:
    """Some configurations differ by more than the choice of students makes, but each was trained once."""
    undecided = comparison.undecided
    if not undecided:
        return
    reference = comparison.configurations[comparison.reference].swept
    differ = "differs" if len(undecided) == 1 else "differ"
    yield Finding(
        name="training_unknown",
        text=f"{len(undecided)} of {comparison.compared} configurations {differ} on test from {named([reference])} by "
        f"more than the choice of the {comparison.students:,} students makes, but by less than the randomness of "
        f"training may: one seed and one fold do not show that, so it is taken to be {ASSUMED:g} times as large as the "
        "choice of students makes an AUC vary. Add seeds.",
        numbers={
            "compared": comparison.compared,
            "count": len(undecided),
            "undecided": [configuration.swept for configuration in undecided],
            "best": reference,
            "students": comparison.students,
            "assumed": ASSUMED,
        },
    )


def predictions_unread(comparison: Comparison, swept: dict[str, dict[str, Any]]) -> Iterator[Finding]:
    """Some runs left predictions that cannot be read, and so have no part in what is said of noise.

    `swept`: what is swept in every run but seed and fold, by run id.
    """
    unread = comparison.unread
    if not unread:
        return
    runs = [f"{run} ({', '.join(f'{k} {v}' for k, v in swept[run].items())})" for run in unread]
    told = "; ".join(f"run {run}: {reason}" for run, reason in zip(runs[:TOLD], unread.values(), strict=False))
    told += f"; and {len(runs) - TOLD} more" if len(runs) > TOLD else ""
    asked = len(comparison.runs) + len(unread)
    best = comparison.configurations[0]
    if comparison.reference:
        other = named([comparison.configurations[comparison.reference].swept])
        cost = f" Nothing can be said of noise in the lead of {named([best.swept])}"
        cost += f"; others are compared with {other}." if comparison.compared > 1 else "."
    else:
        cost = " What is said of noise is without them."
    yield Finding(
        name="predictions_unread",
        text=f"The predictions of {len(unread)} of {asked} runs cannot be read ({told}).{cost} Delete the folder "
        "of a run and run the sweep again to train it anew.",
        numbers={"runs": unread, "unread": len(unread), "asked": asked},
    )


def named(configurations: list[dict[str, Any]]) -> str:
    """Configurations in a sentence, each by its swept values; the parameter's name once where there is one."""
    names = list(configurations[0])
    if not names:
        return "the configuration"
    if len(names) == 1:
        return f"{names[0]} {several([str(c[names[0]]) for c in configurations])}"
    return several(["(" + ", ".join(f"{k} {v}" for k, v in c.items()) + ")" for c in configurations], most=3)
