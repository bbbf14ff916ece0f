"""Bayesian knowledge tracing (Corbett & Anderson, 1995), fitted by EM (Baum-Welch) to all skills at once.

Four numbers a skill: known before the first answer (prior), learned after each answer (learn), right though not known
(guess), wrong though known (slip); a fifth (forget) where it is asked for. A skill's own answers are joined by
`strength` interactions that go as those of all skills do, so that rare skills fall back on them.

pyBKT, which is the library for it, is not used. 1.4.3 neither imports with the scikit-learn nor fits with the numpy of
constraints.txt, and a pass of its loop takes 46 µs an interaction: half a minute for assist2017, of the many that a fit
takes. Here a pass handles the nth answers of all students and skills together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from history import History, Integers

Floats = np.ndarray[Any, np.dtype[np.float64]]

START = {"prior": 0.4, "learn": 0.1, "guess": 0.2, "slip": 0.1, "forget": 0.05}
MOST = {"prior": 0.99, "learn": 0.99, "guess": 0.5, "slip": 0.5, "forget": 0.5}
"""Who knows a skill answers it right more often than not, and who does not wrong: or the states may swap names."""
LEAST = 1e-3
CERTAIN = 1 - 1e-9
"""Nobody is surer to know than that: a state without any probability would have none to divide by."""
ENOUGH = 1e-6
"""EM ends when an interaction's mean log-likelihood gains less, in nats."""
PASSES = 300


@dataclass(frozen=True)
class Sequences:
    """Answers of students on skills, step by step: all first ones on a skill, all second ones, …

    `row`: of the interactions, in this order; `bounds`: where each step starts. Longer sequences come first in each
    step, so that the first n of a step go on with the n of the next.
    """

    row: Integers
    skill: Integers
    right: Floats
    bounds: Integers

    @classmethod
    def of(cls, history: History, rows: Integers) -> "Sequences":
        """The interactions `rows`, a sequence for each student (or chunk) and skill. An answer has a skill once."""
        sequence = history.began[rows] * (history.skill.max() + 1) + history.skill[rows]
        _, code, size = np.unique(sequence, return_inverse=True, return_counts=True)
        order = np.argsort(code, kind="stable")
        step = np.empty(len(rows), dtype=np.int64)
        step[order] = np.arange(len(rows)) - np.repeat(np.cumsum(size) - size, size)
        arranged = np.lexsort((code, -size[code], step))
        row = rows[arranged]
        bounds = np.concatenate([[0], np.cumsum(np.bincount(step))])
        return cls(row, history.skill[row], history.response[row].astype("float64"), bounds)

    @property
    def steps(self) -> Iterator[slice]:
        """Where each step lies."""
        for low, high in pairwise(self.bounds.tolist()):
            yield slice(low, high)


@dataclass(frozen=True)
class Bkt:
    """Parameters of C skills, by name: C each."""

    values: dict[str, Floats]

    def known(self, sequences: Sequences) -> tuple[Floats, Floats]:
        """Probability that the skill is known, before each answer and given it: one number an interaction, twice."""
        v = {name: value[sequences.skill] for name, value in self.values.items()}
        right = sequences.right == 1
        if_known, if_not = np.where(right, 1 - v["slip"], v["slip"]), np.where(right, v["guess"], 1 - v["guess"])
        before, after = np.empty_like(if_known), np.empty_like(if_known)
        last = np.empty(0)
        for at in sequences.steps:
            size = at.stop - at.start
            going, learned, forgotten = last[:size], v["learn"][at], v["forget"][at]
            known = v["prior"][at] if at.start == 0 else going * (1 - forgotten) + (1 - going) * learned
            before[at] = np.minimum(known, CERTAIN)
            joint = before[at] * if_known[at]
            last = after[at] = joint / (joint + (1 - before[at]) * if_not[at])
        return before, after

    def right(self, sequences: Sequences, before: Floats) -> Floats:
        """Probability of a right answer, of each interaction."""
        guess, slip = self.values["guess"][sequences.skill], self.values["slip"][sequences.skill]
        probability: Floats = before * (1 - slip) + (1 - before) * guess
        return probability


def fit(sequences: Sequences, skills: int, strength: float, forgets: bool = False) -> Bkt:
    """Parameters of `skills` skills, those of all skills alike where `strength` has nothing to join."""
    start = {name: np.full(1, value) for name, value in START.items()}
    if not forgets:
        start["forget"][:] = 0.0
    alike = Sequences(sequences.row, np.zeros_like(sequences.skill), sequences.right, sequences.bounds)
    pooled = _maximised(Bkt(start), alike, 0.0)
    return _maximised(
        Bkt({name: np.repeat(value, skills) for name, value in pooled.values.items()}), sequences, strength
    )


def _maximised(model: Bkt, sequences: Sequences, strength: float) -> Bkt:
    pooled, best = model.values, -np.inf
    for _ in range(PASSES):
        before, after = model.known(sequences)
        right = model.right(sequences, before)
        likelihood = float(np.log(np.where(sequences.right == 1, right, 1 - right)).mean())
        if likelihood - best < ENOUGH:
            break
        best = likelihood
        model = _next(model, sequences, before, after, pooled, strength)
    return model


def _next(
    model: Bkt, sequences: Sequences, before: Floats, after: Floats, pooled: dict[str, Floats], strength: float
) -> Bkt:
    """One step of EM: what the answers say of the states, and the parameters that fit that."""
    skill, count = sequences.skill, len(model.values["prior"])
    learn, forget = (model.values[name][skill] for name in ("learn", "forget"))
    given_all, learned, forgot = after.copy(), np.zeros_like(after), np.zeros_like(after)
    steps = list(sequences.steps)
    for now, then in zip(steps[-2::-1], steps[:0:-1], strict=True):
        on = slice(now.start, now.start + then.stop - then.start)  # those that have a next answer
        to_known, to_not = given_all[then] / before[then], (1 - given_all[then]) / (1 - before[then])
        learned[on] = (1 - after[on]) * learn[on] * to_known
        forgot[on] = after[on] * forget[on] * to_not
        given_all[on] = after[on] * (1 - forget[on]) * to_known + forgot[on]
    first = np.arange(len(skill)) < sequences.bounds[1]
    goes_on = np.zeros(len(skill), dtype=bool)
    for now, then in pairwise(steps):
        goes_on[now.start : now.start + then.stop - then.start] = True
    known, unknown, right = given_all, 1 - given_all, sequences.right
    shares = {
        "prior": (known * first, first),
        "learn": (learned, unknown * goes_on),
        "guess": (unknown * right, unknown),
        "slip": (known * (1 - right), known),
        "forget": (forgot, known * goes_on),
    }
    values = {}
    for name, (part, of) in shares.items():
        summed, total = (np.bincount(skill, weights=x, minlength=count) for x in (part, of))
        if name == "forget" and not pooled["forget"].any():
            values[name] = pooled["forget"]
            continue
        share = (summed + strength * pooled[name]) / np.maximum(total + strength, 1e-9)
        values[name] = np.clip(share, LEAST, MOST[name])
    return Bkt(values)
