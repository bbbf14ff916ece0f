"""Mastery of every skill over time, as a trained run sees it, for students of the test set.

The predictions of a run hold mastery of the skill that was asked, when it was asked. Here the mastery encoder is asked
about every skill after every answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gaintrace.config import RunConfig
from gaintrace.data.batches import Inputs, MemberInputs, Members, known_items
from gaintrace.data.dataset import Dataset
from gaintrace.data.groups import Array, LengthGroup
from gaintrace.data.split import TEST_FOLD
from gaintrace.errors import DataError
from gaintrace.model.evidence import EvidenceEncoder
from gaintrace.model.layers import no_dropout
from gaintrace.model.mastery import MasteryEncoder
from gaintrace.report.figures.mastery import MasteryPanel, most_practised, panel_title
from gaintrace.report.smoothing import hindsight
from gaintrace.report.words import student_name
from gaintrace.runs.weights import mastery_encoder, misfit, read_weights
from gaintrace.store import Store

SKILLS_TWICE = (3, 2, 1)
"""Skills that a chosen student practised at least twice: as many as leaves enough students to choose from."""


@dataclass(frozen=True)
class StudentHistory:
    """The beginning of a student's history, as far as one sequence reaches: T interactions.

    `student`: row in the data set's students; `skill`, `response`, `item` (as `known_items` numbers them): T each;
    `beyond`: how many interactions follow.
    """

    student: int
    uid: str
    skill: Array
    response: Array
    item: Array
    beyond: int = 0


@dataclass(frozen=True)
class Chosen:
    """The students to be shown, shortest history first, and the rule that chose them."""

    histories: list[StudentHistory]
    rule: str


def choose_students(dataset: Dataset, config: RunConfig, count: int) -> Chosen:
    """`count` students of the test set, at equal steps of the rank by length of history.

    Eligible is who practised some skills at least twice; fewer than `count` are all taken. Of equally long histories
    the one that comes first in the data set ranks lower, so the same data give the same students.
    """
    is_test = (dataset.students["fold"] == TEST_FOLD).to_numpy()[dataset.interactions["student"].to_numpy()]
    frame = dataset.interactions[is_test].assign(item=known_items(dataset, config.data.fold)[is_test])
    longest = config.data.max_sequence_length - 1  # positions that the encoder has
    student, skill = (frame[name].to_numpy(np.int64) for name in ("student", "skill"))
    first = np.flatnonzero(np.diff(student, prepend=-1))
    length = np.diff(first, append=len(student))
    order = np.repeat(np.arange(len(first)), length)
    seen = np.arange(len(student)) - first[order] < longest
    practised, times = np.unique(order[seen] * len(dataset.skills) + skill[seen], return_counts=True)
    twice = np.bincount(practised[times >= 2] // len(dataset.skills), minlength=len(first))
    for least in SKILLS_TWICE:
        eligible = np.flatnonzero(twice >= least)
        if len(eligible) >= count:
            break
    if not len(eligible):
        raise DataError(f"data set {dataset.name}: no student of the test set practised a skill twice")
    eligible = eligible[np.argsort(np.minimum(length[eligible], longest), kind="stable")]
    places = np.unique(np.linspace(0, len(eligible) - 1, min(count, len(eligible))).round().astype(int))
    rule = (
        f"Of the {len(first):,} test students, {len(eligible):,} practised at least {least} "
        f"{'skill' if least == 1 else 'skills'} twice; these are the {len(places)} at equal steps of their rank by "
        f"length of history, of which the first {longest:,} interactions count"
    )
    rows = (frame[first[place] :][: length[place]] for place in eligible[places])
    return Chosen([_history(dataset, of_student, longest) for of_student in rows], rule)


def _history(dataset: Dataset, rows: pd.DataFrame, longest: int) -> StudentHistory:
    """Of all rows of a student."""
    student = int(rows["student"].iloc[0])
    skill, response, item = (rows[name].to_numpy(np.int64)[:longest] for name in ("skill", "response", "item"))
    uid = str(dataset.students["uid"].iloc[student])
    return StudentHistory(student, uid, skill, response, item, beyond=max(0, len(rows) - longest))


def load_encoder(store: Store, run: str, config: RunConfig, skills: int) -> MasteryEncoder | EvidenceEncoder:
    """The mastery encoder of a finished run, on the CPU."""
    weights = read_weights(store, run)
    try:
        return mastery_encoder(config, skills, weights)
    except (KeyError, RuntimeError) as error:
        raise misfit(store, run, error) from None


@torch.no_grad()
def mastery_over_time(
    encoder: MasteryEncoder | EvidenceEncoder, history: StudentHistory, skills: Sequence[int], vocabulary: int
) -> np.ndarray[Any, Any]:
    """Mastery of S skills before a student's first interaction and after each of the T: S(T+1), float32.

    `vocabulary`: C, all skills there are.
    """
    asked = torch.tensor(skills)[:, None]  # S1
    steps = len(history.skill)
    if isinstance(encoder, EvidenceEncoder):
        start = encoder.curve.start(asked.T).T  # S1
        tracked = encoder.mastery(_inputs(history, asked, vocabulary)).view(len(skills), steps)
        return torch.cat([start, tracked], dim=1).numpy()
    once = _inputs(history, torch.zeros(1, 1, dtype=torch.long), vocabulary)
    _, val = encoder.stack(once, no_dropout, None if encoder.difficulty is None else encoder.difficulty.read(once.item))
    gain = encoder.gain(val).float()  # 1T, or 1TC
    repeated = gain.repeat(1, len(skills), *[1] * (gain.ndim - 2))
    practice = encoder.gain.practice(repeated, _inputs(history, asked, vocabulary)).view(len(skills), steps)
    before = torch.cat([torch.zeros(len(skills), 1), practice], dim=1)  # S(T+1)
    flat = asked.expand_as(before).reshape(1, -1)
    mastery = encoder.curve.mastery(before.reshape(1, -1), flat, None)
    return mastery.view(before.shape).numpy()


def trajectory_table(
    encoder: MasteryEncoder | EvidenceEncoder, histories: list[StudentHistory], names: list[str]
) -> pd.DataFrame:
    """One row a student, time and skill.

    Columns: student (as in the source), time (interactions seen; 0 before the first), skill, mastery after them,
    practised (whether the last of them practised this skill) and its response (missing where it did not). Where mastery
    is evidence, also mastery_smoothed and mastery_monotone (gaintrace.report.smoothing). Practice that adds up has
    neither: later answers say nothing of it.
    """
    every = range(len(names))
    frames = []
    for history in histories:
        mastery = mastery_over_time(encoder, history, every, len(names))
        skills, times = mastery.shape
        practised = np.zeros((times, skills), dtype=bool)
        practised[np.arange(1, times), history.skill] = True
        response = np.where(practised, np.concatenate([[0], history.response])[:, None], 0).ravel()
        frames.append(
            pd.DataFrame(
                {
                    "student": history.uid,
                    "time": np.repeat(np.arange(times, dtype=np.int32), skills),
                    "skill": np.tile(np.array(names, dtype=object), times),
                    "mastery": mastery.T.ravel(),
                    "practised": practised.ravel(),
                    "response": pd.arrays.IntegerArray(response.astype(np.int8), ~practised.ravel()),
                }
                | {
                    f"mastery_{name}": found.T.ravel().astype(np.float32)
                    for name, found in _hindsight(encoder, history, every).items()
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def panels(
    encoder: MasteryEncoder | EvidenceEncoder, histories: list[StudentHistory], names: list[str], monotone: bool = False
) -> list[MasteryPanel]:
    """What the figure of trajectories shows: the skills that each student practised most.

    `monotone`: which line with hindsight is beside mastery, where it is evidence.
    """
    found = []
    for history in histories:
        skills = most_practised(history.skill.tolist())
        mastery = mastery_over_time(encoder, history, skills, len(names))
        answers = {
            names[s]: [(int(t) + 1, int(history.response[t])) for t in np.flatnonzero(history.skill == s)]
            for s in skills
        }
        lines = {names[s]: mastery[position] for position, s in enumerate(skills)}
        later = _hindsight(encoder, history, skills).get("monotone" if monotone else "smoothed")
        smoothed = {} if later is None else {names[s]: line for s, line in zip(skills, later, strict=True)}
        title = panel_title(student_name(history.uid), _extent(history))
        found.append(MasteryPanel(title=title, lines=lines, practice=answers, smoothed=smoothed))
    return found


def lines_in_words(encoder: MasteryEncoder | EvidenceEncoder, monotone: bool = False) -> str:
    """What the lines of the figure are, and the file's columns."""
    if not isinstance(encoder, EvidenceEncoder):
        return "Lines: mastery so far. There is none with hindsight: practice adds up, whatever is answered later."
    falls = ", and never falling, as if nothing were forgotten" if monotone else ""
    return f"Thick lines: mastery by the answers so far. Thin lines: with hindsight, by those that follow too{falls}."


def _hindsight(
    encoder: MasteryEncoder | EvidenceEncoder, history: StudentHistory, skills: Sequence[int]
) -> dict[str, np.ndarray[Any, Any]]:
    """Lines with hindsight by name, S(T+1) each; none where mastery is practice that adds up."""
    if not isinstance(encoder, EvidenceEncoder):
        return {}
    with torch.no_grad():
        item = torch.tensor(history.item)[None]
        difficulty = torch.zeros(item.shape) if encoder.difficulty is None else encoder.difficulty(item)
    answers = (history.skill, history.response, difficulty[0].double().numpy())
    return hindsight(encoder.curve, *answers, np.array(skills))._asdict()


def _extent(history: StudentHistory) -> str:
    """How much of a history is shown: 45 interactions, or the first 199 of 3,716."""
    shown = len(history.skill)
    if history.beyond == 0:
        return f"{shown:,} interactions"
    return f"first {shown:,} of {shown + history.beyond:,} interactions"


def _inputs(history: StudentHistory, asked: Tensor, vocabulary: int) -> MemberInputs:
    """The history once for every asked skill (S1), which is the target at all times."""
    count, steps = len(asked), len(history.skill)
    skill = torch.tensor(history.skill).repeat(1, count)
    response = torch.tensor(history.response).repeat(1, count)
    inputs = Inputs(
        length_groups=[LengthGroup(0, count * steps, count, steps)],
        position=torch.arange(steps).repeat(count),
        skill=skill,
        token=skill + vocabulary * response,
        target_skill=asked.expand(count, steps).reshape(1, -1),
        steps_to_last_answer=torch.ones_like(skill),
        one_skill_per_answer=True,
        student=None,
        item=torch.tensor(history.item).repeat(1, count),
        target_item=torch.zeros_like(skill),  # a skill is asked, by no item
    )
    return inputs.for_members(Members.of([0], 1, skill.device))
