"""Findings about encoder 2: parameters that stayed where they started, a mastery that counts, or says little."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from statistics import median

from gaintrace.analysis.findings.finding import Evidence, Finding, several
from gaintrace.runs.result import GainStatistics, Interpretability, RunResult, Spread

STARTS = {
    "beta_skill": "beta_skill_init",
    "m_sat": "m_sat_init",
    "gamma_student": "gamma_student_init",
    "offset": "sigmoid_offset",
    "threshold": "mastery_threshold_init",
    "temperature": "threshold_temperature",
}
"""Learned parameter → where it starts."""

MOVED = {"grid": 0.25, "start": 0.1}
"""Shares of the grid's spacing, or without a grid of the start itself, below which a parameter has stayed put."""
SAME_GAIN = 0.05
"""Over the mean of the gains: their standard deviation, or the difference that a right answer makes to a wrong one."""
HARDLY_VARIES = 0.25
"""Standard deviation of the probabilities that mastery gives by itself over that of encoder 1's, among equals."""

MEASURES = (
    "mastery_within_skill_auc",
    "right_share_within_skill_auc",
    "mastery_auc",
    "skill_base_rate_auc",
    "mastery_exposure_correlation",
)
"""What tells mastery from exposure; see gaintrace.runs.mastery_measures."""


def parameters_did_not_move(evidence: Evidence) -> Iterator[Finding]:
    """Learned parameters that ended where they started, so that their initial values are constants of the model."""
    results = [result for result in _succeeded(evidence) if result.learned]
    stayed = {}
    for name, start in STARTS.items():
        found = [result.learned[name] for result in results if result.learned and name in result.learned]
        if not found:
            continue
        spacing = _spacing(evidence, f"learning_curve.{start}")
        # Skills that parted have moved, though their mean may be where it was.
        moved = median(max(abs(p.mean - p.start), (p.max - p.min) / 2) for p in found)
        scale = median(abs(parameter.start) for parameter in found) if spacing is None else spacing
        if moved < MOVED["start" if spacing is None else "grid"] * scale:
            stayed[name] = {"moved": moved, "scale": scale, "of": "start" if spacing is None else "grid"}
    if not stayed:
        return
    parts = [
        f"{name} by {numbers['moved']:.3f} ({'grid spacing' if numbers['of'] == 'grid' else 'start'} "
        f"{numbers['scale']:g})"
        for name, numbers in stayed.items()
    ]
    bound = _adam_bound(evidence, results)
    reach = (
        ""
        if bound is None
        else f" Adam can move a parameter that is in every batch by about {bound:.2g} in so many steps."
    )
    yield Finding(
        name="parameters_did_not_move",
        text=(
            f"Learned parameters stayed where they started: on average {several(parts)}.{reach} Their initial values "
            "act as constants; train longer or raise training.curve_learning_rate before calling them learned."
        ),
        numbers={"parameters": stayed, "adam_bound": bound},
    )


def degenerate_mastery(evidence: Evidence) -> Iterator[Finding]:
    """Gains that know nothing of the answer make mastery a count of practice; mastery that hardly varies says little.

    Each by its own numbers: what mastery gives without the ability and growth beside it, among targets of one skill
    with equally many earlier answers.
    """
    results = _succeeded(evidence)
    counting, told = _counting_gains([result.gain for result in results if result.gain])
    flat, more = _flat_mastery([result.spread for result in results if result.spread])
    if counting or flat:
        yield Finding(
            name="degenerate_mastery",
            text=f"Mastery says little: {'; and '.join(filter(None, (counting, flat)))}.",
            numbers=told | more | {"runs": len(results)},
        )


def _counting_gains(gains: list[GainStatistics]) -> tuple[str, dict[str, float | None]]:
    """What is to be said of the gains, nothing where they depend on the answer, and the numbers behind it."""
    if not gains:
        return "", {}
    mean = median(gain.mean for gain in gains)
    variation = median(_ratio(gain.std, abs(gain.mean)) for gain in gains)
    numbers: dict[str, float | None] = {"gain": mean, "gain_variation": variation}
    pairs = [
        (gain.after_correct, gain.after_wrong, gain.mean)
        for gain in gains
        if gain.after_correct is not None and gain.after_wrong is not None
    ]
    by_answer, shown = None, ""
    if pairs:
        by_answer = median(_ratio(abs(right - wrong), abs(mean)) for right, wrong, mean in pairs)
        right, wrong = (median(pair[place] for pair in pairs) for place in (0, 1))
        numbers |= {"gain_by_answer": by_answer, "after_correct": right, "after_wrong": wrong}
        shown = f"; {right:.3f} after a correct answer, {wrong:.3f} after a wrong one"
    several = f"; medians of {len(gains)} runs" if len(gains) > 1 else ""
    if variation < SAME_GAIN:
        what = f"the gains are nearly constant ({mean:.3f}, varying by {100 * variation:.1f} %{shown}{several})"
    elif by_answer is not None and by_answer < SAME_GAIN:
        what = f"the gains are the same whatever was answered ({mean:.3f}{shown}{several})"
    else:
        return "", numbers
    return f"{what}, so mastery counts practice", numbers


def _flat_mastery(spreads: list[dict[str, Spread]]) -> tuple[str, dict[str, float | None]]:
    """The same of how far mastery varies."""
    found = [
        (spread["mastery"], own, other)
        for spread in spreads
        if "mastery" in spread
        and (own := spread["mastery"].among_equals) is not None
        and (other := spread["e1"].among_equals) is not None
    ]
    if not found:
        return "", {}
    ratio = median(_ratio(own, other) for _, own, other in found)
    low, high = min(alone.min for alone, _, _ in found), max(alone.max for alone, _, _ in found)
    numbers: dict[str, float | None] = {"mastery_ratio": ratio, "lowest": low, "highest": high}
    if ratio >= HARDLY_VARIES:
        return "", numbers
    return (
        "among students with equally many answers on a skill, the probabilities that mastery gives by itself have "
        f"{100 * ratio:.0f} % of the standard deviation of encoder 1's "
        f"(over all, they lie between {low:.2f} and {high:.2f})"
    ), numbers


def exposure_not_mastery(evidence: Evidence) -> Iterator[Finding]:
    """Mastery that ranks the answers on a skill worse than the share of right ones so far, which needs no model.

    Runs in which it is practice that adds up are told apart from those in which it is evidence.
    """
    measured = [result.interpretability for result in _succeeded(evidence) if result.interpretability]
    practice = [measures for measures in measured if measures.mastery_falls is not None]
    yield from _worse_than_counting(
        practice,
        len(measured),
        "This is exposure, not mastery",
        "base.model.gain=evidence, with base.model.curve=per_skill, is made for that",
    )
    yield from _worse_than_counting(
        [measures for measures in measured if measures.mastery_falls is None],
        len(measured),
        "This is less than counting right answers",
        "train longer, or read their share",
    )


def _worse_than_counting(measured: list[Interpretability], of: int, what: str, instead: str) -> Iterator[Finding]:
    """`of`: how many runs were measured, these and others."""
    found = {name: _known(getattr(measures, name) for measures in measured) for name in MEASURES}
    numbers = {name: median(values) for name, values in found.items() if values}
    within, share = numbers.get("mastery_within_skill_auc"), numbers.get("right_share_within_skill_auc")
    if within is None or share is None or within >= share:
        return
    parts = [
        f"among answers on one skill its AUC is {within:.3f}, where the share of right answers so far has {share:.3f}"
    ]
    if "mastery_auc" in numbers and "skill_base_rate_auc" in numbers:
        parts.append(
            f"over all skills it has {numbers['mastery_auc']:.3f}, and the skill's base rate, which knows no student, "
            f"{numbers['skill_base_rate_auc']:.3f}"
        )
    if "mastery_exposure_correlation" in numbers:
        parts.append(f"it correlates {numbers['mastery_exposure_correlation']:+z.3f} with earlier answers on the skill")
    runs = f" in {len(measured)} of {of} runs" if len(measured) < of else ""
    medians = " (medians)" if len(measured) > 1 else ""
    yield Finding(
        name="exposure_not_mastery",
        text=f"{what}{runs}: {'; '.join(parts)}{medians}. Do not read it as what a student knows; {instead}.",
        numbers=numbers | {"runs": len(measured)},
    )


def _succeeded(evidence: Evidence) -> list[RunResult]:
    return [evidence.results[run] for run in evidence.ranked["run_id"] if run in evidence.results]


def _spacing(evidence: Evidence, path: str) -> float | None:
    """Smallest step between the values of a swept parameter; None if it is not swept."""
    values = sorted(evidence.spec.grid.get(path, []))
    return min((b - a for a, b in pairwise(values)), default=None)


def _adam_bound(evidence: Evidence, results: list[RunResult]) -> float | None:
    """Learning rate × steps: Adam's steps are about the learning rate at most."""
    steps = [result.steps for result in results if result.steps is not None]
    training = evidence.spec.base.training
    own = "learning_rate" if training.curve_learning_rate is None else "curve_learning_rate"
    if {"training.learning_rate", "training.curve_learning_rate"} & set(evidence.columns) or not steps:
        return None
    return float(getattr(training, own) * median(steps))


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else 1.0


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
