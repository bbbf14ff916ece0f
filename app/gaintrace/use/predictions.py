"""What a trained run says of students: tables of a bounded number of rows, one after another.

All is computed in fp32. Where evaluation predicts an answer too, numbers are the same within 1e-6.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from gaintrace.data.groups import Array
from gaintrace.model.asking import Questions, histories
from gaintrace.use.answered import Answered
from gaintrace.use.asked import At, Batch, Places, batches, places
from gaintrace.use.trained import Trained

ROWS = 1 << 19
"""Rows of a table, about: what is held in memory at once."""

COLUMNS = {
    "student": "as the source calls them, in its order",
    "position": "with `--at every`: how many answers came before, one of several skills as several",
    "skill": "that is asked about",
    "probability": "of a right next answer on it, by encoder 1",
    "probability_by_mastery": "the same by encoder 2",
    "mastery": "of the skill, in [0, 1]",
    "ability": "logits that encoder 2 adds for the student; 0 where it infers none",
    "practice": "answers on the skill that mastery rests on, of those that were read",
    "right": "how many of these were right",
    "history": "answers that were read, on any skill: not all, where a history is longer than a window",
    "response": "with `--at every` and without `--skills`: what the answer was",
}
"""What a table of predictions has, a row a student (and position) and skill."""
NUMBERS = ("probability", "probability_by_mastery", "mastery", "ability")
COUNTS = ("practice", "right", "history")


def schema(at: At, given: bool) -> pa.Schema:
    """The columns there are, with their types."""
    fields = [pa.field("student", pa.string())]
    fields += [pa.field("position", pa.int32())] if at == "every" else []
    fields.append(pa.field("skill", pa.string()))
    fields += [pa.field(name, pa.float32()) for name in NUMBERS]
    fields += [pa.field(name, pa.int32()) for name in COUNTS]
    fields += [pa.field("response", pa.int8())] if given else []
    return pa.schema(fields)


def predicted(trained: Trained, answered: Answered, at: At, skills: Sequence[int] | None) -> Iterator[pa.Table]:
    """Tables of predictions, students in the order of the source.

    `skills`: which; None: all there are, or, after every answer, the one that was given next.
    """
    given = at == "every" and skills is None
    every = np.array(range(len(trained.skills)) if skills is None else skills, dtype=np.int64)
    asked = places(answered, trained.config.data, at, given)
    columns = schema(at, given)
    names, uids = pa.array(trained.skills, pa.string()), pa.array(answered.uids, pa.string())
    width = 1 if given else len(every)
    step = max(1, ROWS // width)
    for begin in range(0, len(asked), step):
        part = asked.part(begin, begin + step)
        if given:
            rows = part.first + part.position
            skill, item = answered.skill[rows][:, None], answered.item[rows][:, None]
        else:
            skill = np.broadcast_to(every, (len(part), width))
            item = np.zeros_like(skill)
        numbers, counts = _replies(trained, answered, part, skill, item)
        table = {
            "student": uids.take(pa.array(np.repeat(part.student, width))),
            "position": pa.array(np.repeat(part.position, width).astype(np.int32)),
            "skill": names.take(pa.array(skill.ravel())),
            **{name: pa.array(numbers[:, place]) for place, name in enumerate(NUMBERS)},
            **{name: pa.array(counts[:, place]) for place, name in enumerate(COUNTS)},
        }
        if given:
            table["response"] = pa.array(answered.response[rows].astype(np.int8))
        yield pa.table([table[name] for name in columns.names], schema=columns)


def _replies(
    trained: Trained, answered: Answered, asked: Places, skill: Array, item: Array
) -> "tuple[np.ndarray[tuple[int, int], np.dtype[np.float32]], np.ndarray[tuple[int, int], np.dtype[np.int32]]]":
    """NUMBERS and COUNTS of every place (P) and skill (S): PS rows each. skill, item: PS."""
    width = skill.shape[1]
    numbers = np.zeros((len(asked) * width, len(NUMBERS)), dtype=np.float32)
    counts = np.zeros((len(asked) * width, len(COUNTS)), dtype=np.int32)
    columns = [torch.from_numpy(x).to(trained.device) for x in (answered.skill, answered.response, answered.item)]
    for batch in batches(asked, width, len(answered.student)):
        of_place, found, counted = _answer(trained, columns, asked, batch, skill, item)
        numbers[of_place], counts[of_place] = found, counted
    return numbers, counts


@torch.no_grad()
def _answer(
    trained: Trained, columns: list[Tensor], asked: Places, batch: Batch, skill: Array, item: Array
) -> "tuple[Array, np.ndarray[tuple[int, int], np.dtype[np.float32]], np.ndarray[tuple[int, int], np.dtype[np.int32]]]":
    """Rows of a batch's places and skills, and what belongs there."""
    rows, width = len(batch.rows), skill.shape[1]
    device = trained.device
    own_skill, response, own_item = (column[torch.from_numpy(batch.rows).to(device)] for column in columns)
    place = np.maximum(batch.place, 0)  # BP
    start = asked.start[place]

    def on_device(x: Array) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(x.reshape(rows, -1))).to(device)

    # Where there is no place, place 0 is asked of another history, and the reply is left out.
    last = np.clip(asked.before[place] - start - 1, 0, batch.rows.shape[1] - 1)
    at = asked.position[place] - start - 1
    questions = Questions(
        on_device(skill[place]),
        on_device(item[place]),
        on_device(np.repeat(last, width, axis=1)),
        on_device(np.repeat(at, width, axis=1)),
    )
    read = histories(own_skill, response, own_item, len(trained.skills))
    first, second = trained.performance.ask(read, questions), trained.mastery.ask(read, questions)
    own = questions.own(own_skill)
    counted = [own.sum(-1), (own & response[:, None].bool()).sum(-1), questions.last + 1]
    found = [first.sigmoid(), second.logit.sigmoid(), second.mastery, second.ability]
    real = np.repeat(batch.place.ravel() >= 0, width)
    of_place = (place[..., None] * width + np.arange(width)).ravel()[real]
    numbers = torch.stack([x.view(-1).float() for x in found], dim=1).cpu().numpy()
    counts = torch.stack([x.view(-1) for x in counted], dim=1).cpu().numpy()
    return of_place, numbers[real], counts[real].astype(np.int32)
