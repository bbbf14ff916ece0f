"""pyKT's preprocessed data: train_valid.csv and test.csv, a row a student, with pyKT's folds kept as they are."""

from pathlib import Path

import pandas as pd

from gaintrace.data.readers.common import Answers, Reader, Table, read_table
from gaintrace.data.split import TEST_FOLD
from gaintrace.errors import DataError

COLUMNS = ("fold", "uid", "concepts", "responses")


def read(paths: list[Path]) -> Answers:
    """The files, or one folder that holds both. A student's several skills an answer (`a_b`) are told apart."""
    files = [
        file for path in paths for file in ([path / "train_valid.csv", path / "test.csv"] if path.is_dir() else [path])
    ]
    tables = [_rows(path) for path in files]
    dropped: dict[str, int] = {}
    for table in tables:
        dropped |= {reason: dropped.get(reason, 0) + count for reason, count in table.dropped.items()}
    return Answers(pd.concat([table.frame for table in tables], ignore_index=True), dropped)


def _rows(path: Path) -> Table:
    table = read_table(path, COLUMNS)
    table.require(COLUMNS)
    students = table.frame.assign(
        skill=table.frame["concepts"].str.split(","), response=table.frame["responses"].str.split(",")
    )
    uneven = students["skill"].str.len() != students["response"].str.len()
    if uneven.any():
        row, line = students[uneven].iloc[0], int(uneven.to_numpy().argmax()) + 2
        raise DataError(
            f"{path}: line {line}: student {row['uid']} has {len(row['skill'])} concepts and "
            f"{len(row['response'])} responses; expected as many of one as of the other"
        )
    students["fold"] = _folds(path, students["fold"])
    frame = students[["fold", "uid", "skill", "response"]].explode(["skill", "response"], ignore_index=True)
    rows = Table(frame, table.dropped)
    rows.binary("response")
    frame = rows.frame.assign(answer=range(len(rows.frame)), item=None, skill=rows.frame["skill"].str.split("_"))
    rows.frame = frame.explode("skill", ignore_index=True)
    return rows


def _folds(path: Path, folds: "pd.Series[str]") -> "pd.Series[int]":
    numbers = pd.to_numeric(folds, errors="coerce")
    wrong = ~numbers.isin(range(TEST_FOLD, 5))
    if wrong.any():
        line = int(wrong.to_numpy().argmax()) + 2
        raise DataError(f"{path}: line {line}: fold {folds[wrong].iloc[0]!r}; expected -1 for test, or 0 to 4")
    return numbers.astype("int8")


READER = Reader(COLUMNS, "train_valid.csv and test.csv", read)
