"""Who answers in a simulation: three kinds of students, each with a truth of its own about what mastery is.

curve   For student i, skill s, after n earlier answers of i on s:

            mastery      = M_sat[s] · sigmoid(β[s] · γ[i] · n − offset[s])
            p(correct)   = sigmoid((mastery − threshold[s]) / TEMPERATURE + ABILITY_WEIGHT · ability[i])

        That is the curve of the study's mastery encoder. Recovery by that encoder is circular: it shows that training
        finds the curve again where it holds, and nothing about students who learn otherwise.

bkt     Bayesian knowledge tracing (Corbett & Anderson, 1994). A student knows a skill or does not, and mastery is that,
        1 or 0. It is known at first with chance prior[s]; each answer on s teaches it with chance learn[s]; and with
        chance `forgetting` an interaction, on whatever skill, takes it away (0: nothing is forgotten).

            p(correct)   = 1 − slip[s] if it is known, else guess[s]

        Skills have nothing to do with each other, and students differ by what they know alone.

irt     Item response theory with growth and forgetting (like DAS3H: Choffin et al., 2019).

            practice     = Σ over earlier answers of i on s of (1 − forgetting)^(interactions since)
            mastery      = sigmoid(ability[i] + start[i,s] + growth[s] · log(1 + practice))
            p(correct)   = sigmoid(logit mastery − difficulty[item])

        Items belong to a skill and have ids, and their difficulties have mean 0: mastery is the chance of a right
        answer on an item of average difficulty. Students bring a start of their own to every skill.

Mastery is that just before the answer. N interactions are in order of student and time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import pandas as pd

from gaintrace.config import Simulator, SyntheticConfig

TEMPERATURE = 0.18
ABILITY_WEIGHT = 0.7
ITEMS = 20
"""Items a skill."""
OWN_START = 0.6
"""Standard deviation of what a student brings to a skill, in logits."""
FORGETTING = {"bkt": 0.0, "irt": 0.02}
"""What is lost an interaction unless the configuration says otherwise."""

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
Integers = np.ndarray[tuple[int], np.dtype[np.integer[Any]]]
Truths = np.ndarray[tuple[int], np.dtype[np.bool_]]


class Answers(NamedTuple):
    """N each: the responses, mastery of the skill just before them, and the items (None: there are none)."""

    response: Truths
    mastery: Floats
    item: Integers | None = None


class Students(Protocol):
    """What the students were simulated with."""

    def answers(self, rng: np.random.Generator, student: Integers, skill: Integers) -> Answers:
        """Let them answer; student, skill: N each."""
        ...


@dataclass(frozen=True)
class CurveStudents:
    """`curve`: `ability`, `velocity` (γ) a student; the others a skill."""

    ability: Floats
    velocity: Floats
    beta: Floats
    m_sat: Floats
    offset: Floats
    threshold: Floats

    @classmethod
    def drawn(cls, rng: np.random.Generator, config: SyntheticConfig) -> Self:
        """Students and skills at random."""
        return cls(
            ability=rng.normal(0, 1, config.students),
            velocity=rng.lognormal(0, 0.4, config.students),
            beta=rng.uniform(0.15, 0.6, config.skills),
            m_sat=rng.uniform(0.6, 1.0, config.skills),
            offset=rng.uniform(0.5, 2.5, config.skills),
            threshold=rng.uniform(0.2, 0.6, config.skills),
        )

    def answers(self, rng: np.random.Generator, student: Integers, skill: Integers) -> Answers:
        """Let them answer."""
        practice = _Sequences(student, skill).nth
        mastery = self.m_sat[skill] / (
            1 + np.exp(self.offset[skill] - self.beta[skill] * self.velocity[student] * practice)
        )
        logit = (mastery - self.threshold[skill]) / TEMPERATURE + ABILITY_WEIGHT * self.ability[student]
        return Answers(rng.random(len(student)) < _sigmoid(logit), mastery)


@dataclass(frozen=True)
class BktStudents:
    """`bkt`: chances, a skill each, and what is forgotten an interaction."""

    prior: Floats
    learn: Floats
    slip: Floats
    guess: Floats
    forgetting: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, config: SyntheticConfig) -> Self:
        """Skills at random; students are all alike before they begin."""
        return cls(
            prior=rng.uniform(0.1, 0.5, config.skills),
            learn=rng.uniform(0.05, 0.25, config.skills),
            slip=rng.uniform(0.05, 0.2, config.skills),
            guess=rng.uniform(0.1, 0.3, config.skills),
            forgetting=_forgetting(config),
        )

    def answers(self, rng: np.random.Generator, student: Integers, skill: Integers) -> Answers:
        """Let them answer."""
        sequences = _Sequences(student, skill)
        known = rng.random(sequences.count) < self.prior[sequences.skill]
        mastery = np.zeros(len(student), dtype=bool)
        for rows, own in sequences.rounds():
            known[own] &= rng.random(len(rows)) < (1 - self.forgetting) ** sequences.gap[rows]
            mastery[rows] = known[own]
            known[own] |= rng.random(len(rows)) < self.learn[skill[rows]]
        chance = np.where(mastery, 1 - self.slip[skill], self.guess[skill])
        return Answers(rng.random(len(student)) < chance, mastery.astype(np.float64))


@dataclass(frozen=True)
class IrtStudents:
    """`irt`: `ability` a student, `level` (mean start) and `growth` a skill, `difficulty` an item; logits."""

    ability: Floats
    level: Floats
    growth: Floats
    difficulty: Floats
    forgetting: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, config: SyntheticConfig) -> Self:
        """Students, skills and items at random."""
        difficulty = rng.normal(0, 1, (config.skills, ITEMS))
        return cls(
            ability=rng.normal(0, 0.8, config.students),
            level=rng.normal(-0.5, 0.7, config.skills),
            growth=rng.uniform(0.2, 1.0, config.skills),
            difficulty=(difficulty - difficulty.mean(axis=1, keepdims=True)).ravel(),
            forgetting=_forgetting(config),
        )

    def answers(self, rng: np.random.Generator, student: Integers, skill: Integers) -> Answers:
        """Let them answer."""
        sequences = _Sequences(student, skill)
        start = self.level[sequences.skill] + rng.normal(0, OWN_START, sequences.count)
        practised = np.zeros(sequences.count)
        practice = np.zeros(len(student))
        for rows, own in sequences.rounds():
            practice[rows] = practised[own] * (1 - self.forgetting) ** sequences.gap[rows]
            practised[own] = practice[rows] + 1
        state = self.ability[student] + start[sequences.of_row] + self.growth[skill] * np.log1p(practice)
        item = skill * ITEMS + rng.integers(0, ITEMS, len(student))
        return Answers(
            rng.random(len(student)) < _sigmoid(state - self.difficulty[item]), _sigmoid(state), item.astype(np.int32)
        )


DRAWN: dict[Simulator, Callable[[np.random.Generator, SyntheticConfig], Students]] = {
    "curve": CurveStudents.drawn,
    "bkt": BktStudents.drawn,
    "irt": IrtStudents.drawn,
}


class _Sequences:
    """The answers of N interactions by student and skill: a sequence each, of which there are `count`.

    `of_row`: N, the sequence of each answer; `skill`: of each sequence; `nth`: N, earlier answers in the sequence;
    `gap`: N, interactions of the student since the one before in the sequence, 0 for the first.
    """

    def __init__(self, student: Integers, skill: Integers) -> None:
        keys = student.astype(np.int64) * (int(skill.max()) + 1) + skill
        found, first, self.of_row = np.unique(keys, return_index=True, return_inverse=True)
        self.count, self.skill = len(found), skill[first]
        grouped = pd.Series(np.arange(len(keys))).groupby(self.of_row)
        self.nth = grouped.cumcount().to_numpy()
        self.gap = grouped.diff().fillna(0).to_numpy(np.int64)  # a student's rows follow each other

    def rounds(self) -> Iterator[tuple[Integers, Integers]]:
        """All first answers of a sequence, all second ones, and so on: their rows, and their sequences."""
        order = np.argsort(self.nth, kind="stable")
        for rows in np.split(order, np.cumsum(np.bincount(self.nth))[:-1]):
            yield rows, self.of_row[rows]


def _forgetting(config: SyntheticConfig) -> float:
    return FORGETTING[config.simulator] if config.forgetting is None else config.forgetting


def _sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))
