"""Finding: configurations that cannot be told from the best."""

from collections.abc import Iterator
from typing import Any

from gaintrace.analysis.comparison import Comparison
from gaintrace.analysis.findings.finding import Finding, several


def within_noise(comparison: Comparison) -> Iterator[Finding]:
    """The difference between the best configuration and some others is no more than noise."""
    together = comparison.together
    if len(together) < 2:
        return
    count = compared(comparison)
    if len(together) == count:
        which = f"None of {count} configurations" if count > 2 else "Neither configuration"
        rest = f" ({named([c.swept for c in together])})" if count <= 8 else ""
        text = f"{which} can be told from the best{rest}"
    else:
        text = f"{len(together)} of {count} configurations cannot be told apart: {named([c.swept for c in together])}"
    yield Finding(
        name="within_noise",
        text=f"{text}. Their differences to the best are within noise; the intervals (95 %) cover {comparison.covers}.",
        numbers={
            "metric": comparison.metric,
            "compared": count,
            "together": [configuration.swept for configuration in together],
            "repetitions": comparison.repetitions,
            "students": comparison.students,
        },
    )


def compared(comparison: Comparison) -> int:
    """How many configurations have an interval of their difference to the best, that one counted in."""
    return 1 + sum(configuration.apart is not None for configuration in comparison.configurations)


def named(configurations: list[dict[str, Any]]) -> str:
    """Configurations in a sentence, each by its swept values; the parameter's name once where there is one."""
    names = list(configurations[0])
    if len(names) == 1:
        return f"{names[0]} {several([str(c[names[0]]) for c in configurations])}"
    return several(["(" + ", ".join(f"{k} {v}" for k, v in c.items()) + ")" for c in configurations], most=3)
