"""What readers share: opening a table that may not be what it claims, and counting what is dropped."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from gaintrace.errors import DataError

SNIFFED = 4096


@dataclass
class Answers:
    """Answers in time order, a row for each answer and skill.

    `frame` columns: uid (string), answer (any value; the neighbouring rows of a student that share it are one answer),
    item (string or missing), skill (string), response (0 or 1) and, where the source has a split, fold.
    """

    frame: pd.DataFrame
    dropped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Reader:
    """How to read one data set. `columns` identify its files; `file_hint` is the public file's name."""

    columns: tuple[str, ...]
    file_hint: str
    read: Callable[[list[Path]], Answers]


class Table:
    """Raw rows as strings, and a count of those dropped for each reason."""

    def __init__(self, frame: pd.DataFrame, dropped: dict[str, int]) -> None:
        self.frame = frame
        self.dropped = dropped

    def keep(self, mask: "pd.Series[bool]", reason: str) -> None:
        """Keep the rows of a mask; count the others under a reason."""
        lost = int((~mask).sum())
        if lost:
            self.dropped[reason] = self.dropped.get(reason, 0) + lost
            self.frame = self.frame[mask]

    def require(self, columns: Iterable[str]) -> None:
        """Drop rows that lack a value in one of the columns."""
        for column in columns:
            values = self.frame[column]
            self.keep(values.notna() & (values.str.strip() != ""), f"missing {column}")

    def numeric(self, column: str) -> None:
        """Turn a column into numbers; drop rows where it is none."""
        numbers = pd.to_numeric(self.frame[column], errors="coerce")
        self.frame = self.frame.assign(**{column: numbers})
        self.keep(numbers.notna(), f"{column} is not a number")

    def binary(self, column: str) -> None:
        """Drop rows whose response is neither 0 nor 1."""
        numbers = pd.to_numeric(self.frame[column], errors="coerce")
        self.frame = self.frame.assign(**{column: numbers})
        self.keep(numbers.isin([0, 1]), f"{column} is neither 0 nor 1")

    def unique(self, columns: list[str]) -> None:
        """Drop repetitions of a row that should stand once."""
        self.keep(~self.frame.duplicated(columns), f"duplicate {', '.join(columns)}")


def read_table(path: Path, columns: Iterable[str], separator: str = ",") -> Table:
    """The named columns of a delimited text file, plain, .gz or .zip, as strings.

    Raises DataError naming the file, the place and what was expected.
    """
    wanted = list(columns)
    _check_start(path, wanted, separator)
    try:
        return Table(_parse(path, wanted, separator, "utf-8"), {})
    except UnicodeDecodeError:
        # The published ASSISTments files carry names in Latin-1; what we read of them is ASCII either way.
        return Table(_parse(path, wanted, separator, "latin-1"), {"(kept) file read as Latin-1, not UTF-8": 1})


def _parse(path: Path, columns: list[str], separator: str, encoding: str) -> pd.DataFrame:
    try:
        return pd.read_csv(
            path, sep=separator, usecols=columns, dtype=str, encoding=encoding, low_memory=False, quotechar='"'
        )[columns]
    except UnicodeDecodeError:
        raise
    except pd.errors.ParserError as error:
        reason = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise DataError(f"{path}: not a well-formed table: {reason}. Download the file again") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: the archive is damaged or cut short ({error}). Download the file again") from None


def _check_start(path: Path, columns: list[str], separator: str) -> None:
    start = _first_bytes(path)
    if not start.strip():
        raise DataError(f"{path}: the file is empty; expected a table with columns {', '.join(columns)}")
    if b"\0" in start:
        raise DataError(f"{path}: a binary file; expected text with columns {', '.join(columns)}")
    line = start.decode("latin-1").lstrip("\ufeffï»¿").splitlines()[0]
    if line.lstrip().lower().startswith(("<!doctype", "<html", "<?xml")):
        raise DataError(f"{path}: a web page, not the data; expected a table with columns {', '.join(columns)}")
    found = [name.strip().strip('"') for name in line.split(separator)]
    missing = [name for name in columns if name not in found]
    if missing:
        shown = ", ".join(found[:8]) + (", …" if len(found) > 8 else "")
        kind = "tabs" if separator == "\t" else "commas"
        raise DataError(
            f"{path}: line 1: no column {', '.join(missing)}; expected {', '.join(columns)} separated by {kind}, "
            f"found {shown[:200]}{_guess(line)}"
        )


def _guess(header: str) -> str:
    from gaintrace.data.readers import READERS

    names = {name.strip().strip('"') for separator in ",\t" for name in header.split(separator)}
    fitting = [name for name, reader in READERS.items() if names.issuperset(reader.columns)]
    return f". It looks like {' or '.join(fitting)}: `gaintrace data prepare {fitting[0]} …`" if fitting else ""


def _first_bytes(path: Path) -> bytes:
    try:
        raw = path.read_bytes() if path.suffix == ".zip" else None
        if raw is not None:
            with zipfile.ZipFile(io.BytesIO(raw)) as archive:
                names = archive.namelist()
                if len(names) != 1:
                    raise DataError(f"{path}: holds {len(names)} files; unpack it and give the data file itself")
                with archive.open(names[0]) as file:
                    return file.read(SNIFFED)
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rb") as file:
            start: bytes = file.read(SNIFFED)
            return start
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise DataError(f"{path}: a folder; give the data file itself") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not a readable {path.suffix} file ({error}). Download the file again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def single(paths: list[Path], name: str) -> Path:
    """The one raw file of a data set that has one."""
    if len(paths) != 1:
        raise DataError(f"{name} is made of one raw file; {len(paths)} were given")
    return paths[0]


def in_time_order(frame: pd.DataFrame, student: str, time: str) -> pd.DataFrame:
    """Students in order of first appearance, each one's rows sorted by time; ties keep the file's order."""
    first = frame.groupby(student, sort=False).ngroup()
    return (
        frame.assign(_student=first)
        .sort_values(["_student", time], kind="stable", ignore_index=True)
        .drop(columns="_student")
    )
