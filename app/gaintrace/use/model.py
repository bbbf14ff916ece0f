"""A trained run in Python: predictions and mastery of the students of a DataFrame."""

import os
import warnings
from pathlib import Path
from typing import Literal, get_args

import pandas as pd
import pyarrow as pa

from gaintrace.data.dataset import Dataset, load_dataset
from gaintrace.data.readers.csv import Columns, read
from gaintrace.errors import ConfigError
from gaintrace.store import Store
from gaintrace.use import named
from gaintrace.use.answered import Answered, of_answers, of_dataset
from gaintrace.use.asked import At
from gaintrace.use.predictions import predicted, schema
from gaintrace.use.trained import Trained

Answers = pd.DataFrame | Dataset | str | os.PathLike[str]
"""Answers of students: a DataFrame, the file of a table, or a data set: itself, its folder, its name in the store."""


class Model:
    """A finished run, ready to be asked: what `gaintrace.load` returns.

    What of the answers it does not know, as a skill that it was not trained on, is left out with a warning.
    """

    def __init__(self, store: Store, trained: Trained) -> None:
        self.store = store
        self.trained = trained

    def __repr__(self) -> str:
        return f"<gaintrace model: run {self.run}, {len(self.skills)} skills>"

    @property
    def run(self) -> str:
        """The run's id."""
        return self.trained.run

    @property
    def skills(self) -> list[str]:
        """The skills it knows."""
        return list(self.trained.skills)

    def predict(
        self,
        answers: Answers,
        *,
        student: str | None = None,
        skill: str | None = None,
        correct: str | None = None,
        item: str | None = None,
        time: str | None = None,
        order: str | None = None,
        skill_separator: str | None = None,
        skills: list[str] | None = None,
        at: Literal["last", "every"] = "last",
    ) -> pd.DataFrame:
        """The next answer of each student on each skill: a row each, as `gaintrace predict` writes them.

        `student`, `skill`, `correct`, `item`, `time`, `order`: the columns of a table; none of a data set. `skills`:
        those that are asked about, all without it. `at`: after the last answer; with `every` the row of each answer
        says what it was expected to be or, with `skills`, these are asked about after every answer.
        """
        columns = _columns(student, skill, correct, item, time, order, skill_separator)
        if at not in get_args(At):
            raise ConfigError(f"at={at!r}: expected {' or '.join(get_args(At))}")
        answered = self._answered(answers, columns)
        numbers = None if skills is None else self.trained.numbers_of([skills] if isinstance(skills, str) else skills)
        tables = list(predicted(self.trained, answered, at, numbers))
        types = schema(at, given=at == "every" and skills is None)
        frame: pd.DataFrame = pa.concat_tables([types.empty_table(), *tables]).to_pandas()
        return frame

    def mastery(
        self,
        answers: Answers,
        *,
        student: str | None = None,
        skill: str | None = None,
        correct: str | None = None,
        item: str | None = None,
        time: str | None = None,
        order: str | None = None,
        skill_separator: str | None = None,
        skills: list[str] | None = None,
        at: Literal["last", "every"] = "last",
    ) -> pd.DataFrame:
        """Mastery in [0, 1], a row a student and a column a skill; with `at="every"` a row a student and position.

        A position counts the answers so far, one of several skills as several. Columns are named as in `predict`.
        """
        frame = self.predict(
            answers,
            student=student,
            skill=skill,
            correct=correct,
            item=item,
            time=time,
            order=order,
            skill_separator=skill_separator,
            skills=self.skills if skills is None else skills,
            at=at,
        )
        rows = ["student"] if at == "last" else ["student", "position"]
        return frame.set_index([*rows, "skill"])["mastery"].unstack("skill", sort=False)

    def _answered(self, answers: Answers, columns: Columns | None) -> Answered:
        if columns is None and isinstance(answers, str | os.PathLike) and not Path(answers).is_file():
            answers = load_dataset(named.dataset(self.store, os.fspath(answers)))
        if isinstance(answers, Dataset):
            if columns is not None:
                raise ConfigError("a data set's columns are known; leave out student, skill, correct and the like")
            answered = of_dataset(self.trained, answers)
        elif columns is None:
            raise ConfigError("of a table say which columns are meant, with student=, skill= and correct=")
        elif not isinstance(answers, pd.DataFrame | str | os.PathLike):
            raise ConfigError(f"a {type(answers).__name__} is no table; give a DataFrame, a file or a data set")
        else:
            table = answers if isinstance(answers, pd.DataFrame) else Path(answers)
            name = "the table" if isinstance(answers, pd.DataFrame) else str(answers)
            answered = of_answers(self.trained, read(table, columns), name)
        for note in answered.notes:
            warnings.warn(note, stacklevel=3)
        return answered


def _columns(
    student: str | None,
    skill: str | None,
    correct: str | None,
    item: str | None,
    time: str | None,
    order: str | None,
    skill_separator: str | None,
) -> Columns | None:
    """None where no column is named."""
    if all(value is None for value in (student, skill, correct, item, time, order, skill_separator)):
        return None
    for value in (student, skill, correct, item, time, order, skill_separator):
        if value is not None and not isinstance(value, str):
            raise ConfigError(f"column {value!r}: expected a name, as a text; give the DataFrame's columns names")
    if student is None or skill is None or correct is None:
        raise ConfigError("of a table say which columns are meant, with student=, skill= and correct=, all three")
    return Columns(student, skill, correct, item, time, order, skill_separator)
