"""A table that is written a piece at a time and is there whole or not at all."""

import contextlib
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from gaintrace.errors import ConfigError, StoreError

KINDS = {".parquet": pyarrow.parquet.ParquetWriter, ".csv": pyarrow.csv.CSVWriter}


def checked(option: str, path: Path) -> Path:
    """The path itself. Raises ConfigError, StoreError where no table can be written there."""
    if path.suffix.lower() not in KINDS:
        raise ConfigError(f"{option} {path}: name a file that ends in {' or '.join(KINDS)}, which says what it becomes")
    if path.is_dir():
        raise ConfigError(f"{option} {path}: a folder; name a file in it")
    if not path.parent.is_dir():
        raise ConfigError(f"{option} {path}: there is no folder {path.parent}; make it first")
    return path


def write_table(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> int:
    """Write Parquet or CSV, by the suffix, and return how many rows. Raises StoreError; no half file is left.

    A file of that name is replaced once the new one is whole.
    """
    temporary = path.parent / f".tmp-{uuid.uuid4().hex}{path.suffix}"
    rows = 0
    try:
        with temporary.open("xb") as file:
            writer: Any = KINDS[path.suffix.lower()](file, schema)
            with writer:
                for table in tables:
                    writer.write_table(table)
                    rows += len(table)
            if not file.closed:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return rows
