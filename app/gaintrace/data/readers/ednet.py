"""EdNet-KT1: a folder KT1 of a file a student, u1.csv and so on, and contents/questions.csv beside it.

Whether an answer is right, and which skills (tags) its question needs, is in questions.csv; questions without a tag are
left out, as in pyKT. Files are read some at a time, and of an answer only numbers are kept, so that the 95 million
answers of the whole are in memory once. `ednet5000` is the sample of pyKT and of papers that use it: the first 5,000
students of a shuffle of all.
"""

import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from gaintrace.data.readers.answers import Answers, Reader, located
from gaintrace.data.readers.cells import Cells
from gaintrace.data.readers.common import FILE, Table, places_of, read_table
from gaintrace.data.readers.records import Records
from gaintrace.errors import DataError

COLUMNS = ("timestamp", "solving_id", "question_id", "user_answer")
QUESTION = ("question_id", "correct_answer", "tags")
NO_TAG = "-1"
FILES_A_PIECE = 1000
SAMPLED, STUDENTS, SEED = 5000, 840_473, 2
"""pyKT's sample: of so many numbers of students, not all of which there are, shuffled by Python's `random`."""


def reader(sample: bool) -> Reader:
    """The reader of all students, or of pyKT's sample."""

    def read(paths: list[Path]) -> Answers:
        """`paths`: the folder of the data set, or KT1 and maybe questions.csv."""
        folder = _folder(paths)
        questions = located(paths, "questions.csv", ("", "contents"), "EdNet")
        files = _sample(folder) if sample else _all(folder)
        if not files:
            raise DataError(f"{folder}: no u1.csv, u2.csv, … there. Give the folder that EdNet-KT1 was unpacked to")
        return _answers(folder, files, questions)

    return Reader(COLUMNS, "EdNet-KT1.zip", read)


def _folder(paths: list[Path]) -> Path:
    for path in paths:
        for folder in (path / "KT1", path):
            if os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises where the name is too long
                return folder
    given = ", ".join(map(str, paths))
    raise DataError(f"{given}: no folder KT1 there. Give the folder that EdNet-KT1 was unpacked to")


def _all(folder: Path) -> list[Path]:
    """u9.csv before u10.csv."""
    return sorted(folder.glob("u*.csv"), key=lambda file: (len(file.name), file.name))


def _sample(folder: Path) -> list[Path]:
    numbers = list(range(STUDENTS))
    random.Random(SEED).shuffle(numbers)
    there = {entry.name for entry in os.scandir(folder)}
    return [folder / name for number in numbers if (name := f"u{number}.csv") in there][:SAMPLED]


class _Questions:
    """Of every question its right answer and its skills, as numbers."""

    def __init__(self, path: Path) -> None:
        table = read_table(path, QUESTION)
        table.require(QUESTION)
        table.unique(["question_id"])
        self.names = pd.Index(table.frame["question_id"])
        self.right = table.frame["correct_answer"].to_numpy()
        tags = [
            list(dict.fromkeys(tag for part in cell.split(";") if (tag := part.strip()) not in ("", NO_TAG)))
            for cell in table.frame["tags"]
        ]
        self.count = np.array([len(found) for found in tags], dtype=np.int64)
        self.start = np.cumsum(self.count) - self.count
        self.tags = pd.Categorical([tag for found in tags for tag in found])


class _Kinds(NamedTuple):
    """Students and questions, which all pieces number alike."""

    student: pd.CategoricalDtype
    question: pd.CategoricalDtype


def _answers(folder: Path, files: list[Path], contents: Path) -> Answers:
    questions = _Questions(contents)
    kinds = _Kinds(pd.CategoricalDtype([file.stem for file in files]), pd.CategoricalDtype(questions.names))
    total = Table(folder, pd.DataFrame(), 0, files=files)
    pieces = []
    answers = 0
    for piece in _pieces(folder, files):
        _usable(piece, questions, kinds)
        pieces.append(_a_row_a_skill(piece.frame, questions, kinds, answers))
        answers += len(piece.frame)
        total.rows_read += piece.rows_read
        for reason, lines in piece.dropped.items():
            total.drop(lines, reason)
        for reason, uids in piece.unusable.items():
            total.unusable.setdefault(reason, Counter()).update(uids)
    return Answers(pd.concat(pieces, ignore_index=True), [total], [contents])


def _pieces(folder: Path, files: list[Path]) -> Iterator[Table]:
    """Tables of the columns of some files at a time, with a column `file`, its place among all."""
    for first in range(0, len(files), FILES_A_PIECE):
        cells = Cells(["file", *COLUMNS])
        lost = defaultdict[str, list[int]](list)
        for place, path in enumerate(files[first : first + FILES_A_PIECE], first):
            if not path.stat().st_size:
                continue  # a student without answers
            records = Records(path, ",")
            where = places_of(records, list(COLUMNS), list(COLUMNS))
            pick = itemgetter(*where)
            of_file = defaultdict[str, list[int]](list)
            for line, row in records.rows(where, of_file):
                cells.add(place * FILE + line, (str(place), *pick(row)))
            for reason, lines in of_file.items():
                lost[reason] += [place * FILE + line for line in lines]
        frame, unreadable, _ = cells.frame()
        table = Table(folder, frame, len(frame) + sum(map(len, lost.values())), dropped=dict(lost), files=files)
        table.keep(pd.Series(~unreadable, frame.index), "not readable as text")
        yield table


def _usable(table: Table, questions: _Questions, kinds: _Kinds) -> None:
    """Leave the usable answers, in time order, with the numbers of their questions."""
    names = kinds.student.categories
    places = table.frame["file"].astype("int32")
    table.frame = table.frame.assign(file=places, student=names[places.to_numpy()])
    table.student = "student"
    table.require(("timestamp", "question_id", "user_answer"))
    table.numeric("timestamp")
    table.frame = table.frame.assign(question=questions.names.get_indexer(table.frame["question_id"]))
    table.keep(table.frame["question"] >= 0, "question is not in questions.csv")
    some = questions.count[table.frame["question"]] > 0
    table.keep(pd.Series(some, table.frame.index), "question without a tag")
    table.unique(["student", *COLUMNS])
    table.frame = table.frame.sort_values(["file", "timestamp"], kind="stable")


def _a_row_a_skill(frame: pd.DataFrame, questions: _Questions, kinds: _Kinds, before: int) -> pd.DataFrame:
    """A row for each answer and skill, as numbers; `before`: answers of earlier pieces."""
    question = frame["question"].to_numpy()
    count = questions.count[question]
    answer = np.repeat(np.arange(len(frame)), count)
    tag = np.arange(len(answer)) - np.repeat(np.cumsum(count) - count, count) + questions.start[question][answer]
    right = (frame["user_answer"].to_numpy() == questions.right[question]).astype("int8")
    return pd.DataFrame(
        {
            "uid": pd.Categorical.from_codes(frame["file"].to_numpy()[answer], dtype=kinds.student),
            "answer": before + answer,
            "item": pd.Categorical.from_codes(question[answer], dtype=kinds.question),
            "skill": questions.tags[tag],
            "response": right[answer],
            "line": frame.index.to_numpy()[answer],
        }
    )


READER, SAMPLE = reader(sample=False), reader(sample=True)
