"""Tables that are no text: a pandas DataFrame, or a Parquet file."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from gaintrace.data.readers.cells import texts
from gaintrace.data.readers.common import Table
from gaintrace.errors import DataError

EXACT = 2**53
"""Whole numbers beyond are not all floats."""


def frame_table(frame: pd.DataFrame, columns: list[str], path: Path) -> Table:
    """The named columns as strings, as they would be read from a file; rows are counted from 0.

    Raises DataError for cells that hold no single value, and for ids that a float has rounded.
    """
    frame = frame[columns].reset_index(drop=True)  # by an index of its own, a shuffled table's cells would be aligned
    cells = {name: _texts(frame[name], path) for name in columns}
    return Table(path, pd.DataFrame(cells), len(frame), unit="row")


def parquet_columns(path: Path) -> list[str]:
    """Names of the columns of a Parquet file."""
    import pyarrow
    from pyarrow import parquet

    try:
        return list(parquet.read_schema(path).names)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a readable Parquet file: {str(error).splitlines()[0].rstrip('.')}") from None


def parquet_table(path: Path, columns: list[str]) -> Table:
    """The named columns of a Parquet file."""
    try:
        frame = pd.read_parquet(path, columns=columns)
    except (ValueError, OSError) as error:  # pyarrow's errors are either
        raise DataError(f"{path}: not a readable Parquet file: {str(error).splitlines()[0].rstrip('.')}") from None
    return frame_table(frame, columns, path)


def _texts(values: "pd.Series[Any]", path: Path) -> "pd.Series[str]":
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if types.is_float_dtype(values.dtype):
        return texts(_float_texts(values, path))
    if types.is_object_dtype(values.dtype):
        lists = values.map(types.is_list_like)
        if lists.any():
            raise DataError(
                f"{path}: row {int(lists.to_numpy().argmax())}: column {values.name} holds lists. Join each to one "
                "text, and say with what (skill_separator)"
            )
        return texts(None if pd.isna(value) else _text(value) for value in values)
    return texts(values.astype("str"))


def _float_texts(values: "pd.Series[Any]", path: Path) -> list[str | None]:
    """Whole numbers without `.0`, as pandas makes floats of them where one is missing."""
    numbers = values.astype("float64")
    whole = bool((numbers.dropna() % 1 == 0).all())
    beyond = numbers.abs() >= EXACT
    if whole and beyond.any():
        raise DataError(
            f"{path}: row {int(beyond.to_numpy().argmax())}: column {values.name} holds ids beyond 2^53 as floats, "
            "which have lost digits. Read the column as text (dtype=str) or Int64"
        )
    return [None if np.isnan(number) else str(int(number)) if whole else repr(number) for number in numbers]


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
