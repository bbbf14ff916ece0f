"""A file that is there whole or not at all; a table among them, which is written a piece at a time."""

import contextlib
import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from gaintrace.errors import ConfigError, StoreError

KINDS = {".parquet": pyarrow.parquet.ParquetWriter, ".csv": pyarrow.csv.CSVWriter}


def checked_table(option: str, path: Path, force: bool) -> Path:
    """The path itself. Raises ConfigError where no table can be written there."""
    if path.suffix.lower() not in KINDS:
        raise ConfigError(f"{option} {path}: name a file that ends in {' or '.join(KINDS)}, which says what it becomes")
    return checked(option, path, force)


def checked(option: str, path: Path, force: bool) -> Path:
    """The path itself. Raises ConfigError where none can be written there, or one is there that may stay."""
    if path.is_dir():
        raise ConfigError(f"{option} {path}: a folder; name a file in it")
    if not path.parent.is_dir():
        raise ConfigError(f"{option} {path}: there is no folder {path.parent}; make it first")
    if path.exists() and not force:
        raise ConfigError(f"{option} {path} exists; name another file, or replace it with --force")
    return path


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A place to write to, which becomes the file of that name once all is written. Raises StoreError."""
    temporary = path.parent / f".tmp-{uuid.uuid4().hex}{path.suffix}"
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_table(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> int:
    """Write Parquet or CSV, by the suffix, and return how many rows. Raises StoreError; no half file is left.

    A file of that name is replaced once the new one is whole.
    """
    rows = 0
    with whole(path) as temporary:
        writer: Any = KINDS[path.suffix.lower()](temporary, schema)
        with writer:
            for table in tables:
                writer.write_table(table)
                rows += len(table)
    return rows
