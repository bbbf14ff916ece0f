"""The answers of students in the numbers of a trained run, and what of them it does not know."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gaintrace.data.batches import known_items
from gaintrace.data.dataset import Dataset
from gaintrace.data.groups import Array
from gaintrace.data.readers.answers import Answers, dropped
from gaintrace.data.split import TEST_FOLD
from gaintrace.errors import DataError
from gaintrace.use.named import few
from gaintrace.use.trained import Trained

UNKNOWN = -1


@dataclass(frozen=True)
class Answered:
    """Interactions on skills that a run knows: N rows, students one after another, each in time order.

    `student`: place in `uids`; `starts`: whether a row is the first of its answer; `item`: 1 to I, 0 for what training
    does not know. `notes`: what was left out, or taken for something else, a line each.
    """

    uids: list[str]
    student: Array
    starts: np.ndarray[Any, np.dtype[np.bool_]]
    skill: Array
    response: Array
    item: Array
    notes: list[str]


def of_dataset(trained: Trained, dataset: Dataset) -> Answered:
    """Those of a prepared data set, the run's own or another."""
    frame = dataset.interactions
    notes = []
    if trained.trained_on(dataset):
        fold = dataset.students["fold"]
        learned = int((~fold.isin((TEST_FOLD, trained.config.data.fold))).sum())
        notes.append(
            f"{learned:,} of the {len(fold):,} students trained this run; how well these are predicted is no test of it"
        )
        item = known_items(dataset, trained.config.data.fold)
    else:
        item = _items(trained, frame["item"].to_numpy(np.int64), dataset.items)
    student = frame["student"].to_numpy(np.int64)
    step = frame["step"].to_numpy(np.int64)
    starts = (np.diff(student, prepend=-1) != 0) | (np.diff(step, prepend=-1) != 0)
    numbers = np.array([trained.skill_numbers.get(skill, UNKNOWN) for skill in dataset.skills], dtype=np.int64)
    skill, names = frame["skill"].to_numpy(np.int64), dataset.skills
    response = frame["response"].to_numpy(np.int64)
    named_items = bool((frame["item"] >= 0).any())
    uids = dataset.students["uid"].astype(str).tolist()
    return _known(trained, uids, student, starts, numbers[skill], response, item, notes, skill, names, named_items)


def of_answers(trained: Trained, answers: Answers, name: str) -> Answered:
    """Those of a table. Raises DataError where none is left."""
    frame = answers.frame
    if frame.empty:
        reasons = _left_out(answers)
        raise DataError(f"{name}: no usable row{reasons and f' (left out: {reasons})'}")
    notes = [note for table in answers.tables for note in table.notes]
    if reasons := _left_out(answers):
        notes.append(f"rows left out: {reasons}")
    student, uids = pd.factorize(frame["uid"])
    skill, names = pd.factorize(frame["skill"])
    number, items = pd.factorize(frame["item"])
    numbers = np.array([trained.skill_numbers.get(str(name), UNKNOWN) for name in names], dtype=np.int64)
    answer = frame["answer"].to_numpy()
    starts = (np.diff(student, prepend=-1) != 0) | (answer != np.roll(answer, 1))
    starts[:1] = True
    item = _items(trained, number.astype(np.int64), [str(item) for item in items])
    return _known(
        trained,
        [str(uid) for uid in uids],
        student.astype(np.int64),
        starts,
        numbers[skill],
        frame["response"].to_numpy(np.int64),
        item,
        notes,
        skill,
        [str(name) for name in names],
        bool(len(items)),
    )


def _known(
    trained: Trained,
    uids: list[str],
    student: Array,
    starts: np.ndarray[Any, np.dtype[np.bool_]],
    skill: Array,
    response: Array,
    item: Array,
    notes: list[str],
    source_skill: Array,
    names: list[str],
    named_items: bool,
) -> Answered:
    """Without the answers on skills that the run does not know; `source_skill`: what these are in `names`."""
    known = skill != UNKNOWN
    if not known.all():
        new = [names[place] for place in np.unique(source_skill[~known])]
        notes.append(
            f"left out: {_counted(int((~known).sum()), 'answer')} on {_counted(len(new), 'skill')} that run "
            f"{trained.run} was not trained on ({few(new)}); nothing is predicted there{_joined(trained, new)}"
        )
        # The first row that is left of an answer is where it starts now.
        answer = np.cumsum(starts)[known]
        starts = np.diff(answer, prepend=-1) != 0
        student, skill, response, item = (column[known] for column in (student, skill, response, item))
    if not len(student):
        raise DataError(
            f"run {trained.run} was trained on none of the skills of these answers ({few(names)}); it knows "
            f"{few(trained.skills)}"
        )
    nothing = len(uids) - len(np.unique(student))
    if nothing:
        notes.append(f"nothing is predicted for {_counted(nothing, 'student')} who answered no skill that it knows")
    if trained.reads_items:
        unknown = int((item == 0).sum())
        if not named_items:
            notes.append("the answers name no items: each counts as one that is as hard as its skill")
        elif unknown:
            notes.append(
                f"{_counted(unknown, 'answer')} on items that its training did not know: as hard as their skill"
            )
    data = trained.config.data
    longer = int((np.bincount(student) > data.max_sequence_length).sum())
    if longer:
        how = f"history begins anew after every {data.max_sequence_length:,}"
        if data.evaluation_overlap:
            how = f"a prediction reads at least the {data.evaluation_overlap:,} before it"
        notes.append(
            f"{_counted(longer, 'student')} with more than {data.max_sequence_length:,} answers: what comes next is "
            f"predicted from the last {data.max_sequence_length - 1:,}; at every answer, as in the run's evaluation, "
            f"{how}"
        )
    return Answered(uids, student, starts, skill, response, item, notes)


def _joined(trained: Trained, names: list[str]) -> str:
    """What to say where names are skills that the run knows, with the same between them."""
    for joint in ("~~", ";", "|", ",", "_", " "):
        parts = [[part.strip() for part in name.split(joint)] for name in names]
        if all(len(part) > 1 and trained.skill_numbers.keys() >= set(part) for part in parts):
            return f". Its skills joined by {joint}: say so (--skill-separator, skill_separator)"
    return ""


def _items(trained: Trained, number: Array, names: list[str]) -> Array:
    """The run's numbers of items; `number`: in `names`, −1 for none."""
    if not trained.item_numbers or not names:
        return np.zeros(len(number), np.int64)
    numbers = np.array([trained.item_numbers.get(name, 0) for name in names], dtype=np.int64)
    return np.where(number >= 0, numbers[number], 0)


def _left_out(answers: Answers) -> str:
    counts, found = dropped(answers.tables)
    return "; ".join(f"{count:,} {reason}, {found[reason]}" for reason, count in counts.items())


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
