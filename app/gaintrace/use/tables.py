"""A table of answers, a file or a DataFrame, as the answers that every reader gives."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gaintrace.data.readers.answers import Answers, in_time_order
from gaintrace.data.readers.common import Table, read_table
from gaintrace.errors import ConfigError, DataError, did_you_mean


@dataclass(frozen=True)
class Columns:
    """What a table calls its columns.

    `time`, then `order`, order a student's answers; without either, rows are in order. `skill_separator`: what stands
    between the skills of an answer that needs several.
    """

    student: str
    skill: str
    correct: str
    item: str | None = None
    time: str | None = None
    order: str | None = None
    skill_separator: str | None = None

    @property
    def named(self) -> dict[str, str]:
        """Those that are given, by role."""
        roles = ("student", "skill", "correct", "item", "time", "order")
        return {role: name for role in roles if (name := getattr(self, role)) is not None}


def answers_of(source: Path | pd.DataFrame, columns: Columns) -> Answers:
    """Answers in time order, students in order of first appearance. Raises DataError, ConfigError."""
    named = columns.named
    if len(set(named.values())) < len(named):
        raise ConfigError(f"one column is named twice: {', '.join(f'{role} {name}' for role, name in named.items())}")
    table = _read(source, list(named.values()))
    table.require([columns.student, columns.skill, columns.correct])
    table.binary(columns.correct)
    for place in filter(None, (columns.order, columns.time)):  # the last one counts most
        table.numeric(place) if _numbers(table.frame[place]) else _dated(table, place)
        table.frame = table.frame.sort_values(place, kind="stable")
    frame = in_time_order(table.frame.assign(_place=np.arange(len(table.frame))), columns.student, "_place")
    skill = frame[columns.skill]
    answers = pd.DataFrame(
        {
            "uid": frame[columns.student],
            "answer": np.arange(len(frame)),
            "item": frame[columns.item] if columns.item else None,
            "skill": skill.str.split(columns.skill_separator, regex=False) if columns.skill_separator else skill,
            "response": frame[columns.correct].astype("int8"),
            "line": frame["line"],
        }
    )
    if columns.skill_separator:
        answers = answers.explode("skill", ignore_index=True)
        answers["skill"] = answers["skill"].str.strip()
        answers = answers[answers["skill"] != ""].drop_duplicates(["answer", "skill"], ignore_index=True)
    return Answers(answers, [table])


def _read(source: Path | pd.DataFrame, wanted: list[str]) -> Table:
    if isinstance(source, Path):
        separator = "\t" if ".tsv" in source.suffixes else ","
        if source.suffix != ".parquet":
            return read_table(source, wanted, separator)
        frame, path = _parquet(source), source
    else:
        frame, path = source, Path("table")
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        there = [str(name) for name in frame.columns]
        near = "".join(did_you_mean(name, there) for name in missing[:1])
        raise DataError(f"{path}: no column {', '.join(missing)}{near or ';'} it has {', '.join(there)}")
    texts = pd.DataFrame({name: _texts(frame[name]) for name in wanted}).reset_index(drop=True)
    return Table(path, texts, len(texts))


def _parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable Parquet file: {str(error).splitlines()[0]}") from None


def _texts(values: "pd.Series[Any]") -> "pd.Series[str]":
    """Cells as a file would have them: 3.0, which is how pandas reads 3 beside a missing one, is 3."""
    if pd.api.types.is_bool_dtype(values):
        values = values.astype("Int8")
    elif pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.astype("str").where(values.notna())


def _numbers(values: "pd.Series[str]") -> bool:
    return bool(pd.to_numeric(values, errors="coerce").notna().mean() > 0.5)


def _dated(table: Table, column: str) -> None:
    """Turn a column into times that can be sorted; drop rows where it is none."""
    times = pd.to_datetime(table.frame[column], errors="coerce", format="mixed", utc=True)
    table.frame = table.frame.assign(**{column: times})
    table.keep(times.notna(), f"{column} is no time")
