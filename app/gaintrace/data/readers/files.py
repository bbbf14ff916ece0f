"""Raw files as whole lines, whatever they are packed in, and what is no such file in one line."""

import codecs
import gzip
import io
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from gaintrace.errors import DataError

SNIFFED = 4096
BLOCK = 1 << 22
"""Bytes, or characters, that are read at a time."""
# A password is a RuntimeError, a compression we lack a NotImplementedError, which is one too.
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, RuntimeError)
# UTF-32's mark begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
KINDS = {
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}


def check_start(path: Path, expected: str) -> str:
    """The encoding, by the byte order mark. Raises DataError for what cannot be a table by its first bytes."""
    with _explained(path), _opened(path) as file:
        start = file.read(SNIFFED)
    if not start.strip():
        raise DataError(f"{path}: the file is empty; expected {expected}. Download the file again")
    if b"\0" in start and _encoding(start) in ("utf-8", "utf-8-sig"):
        raise DataError(
            f"{path}: a binary file; expected {expected}. "
            "Compressed files must be named .gz or .zip; save a spreadsheet as CSV in UTF-8"
        )
    if start.decode("latin-1").lstrip("ï»¿ \r\n\t").lower().startswith(("<!doctype", "<html", "<?xml")):
        raise DataError(
            f"{path}: a web page, not the data; expected {expected}. "
            "Open the page in a browser and download the file it links to"
        )
    return _encoding(start)


def blocks(path: Path) -> Iterator[bytes]:
    """A file in UTF-8, some megabytes of whole lines at a time, without its byte order mark.

    Bytes of a file that should be UTF-8 and are not stay as they are. Raises DataError where it cannot be read to its
    end.
    """
    with _explained(path), _opened(path) as file:
        encoding = _encoding(file.read(len(codecs.BOM_UTF32_LE)))
        file.seek(len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0)
        if encoding.startswith("utf-8"):
            yield from _whole_lines(lambda: file.read(BLOCK))
        else:
            with io.TextIOWrapper(file, encoding=encoding, newline="") as text:
                yield from _whole_lines(lambda: text.read(BLOCK).encode())


def _whole_lines(read: Callable[[], bytes]) -> Iterator[bytes]:
    begun: list[bytes] = []
    while piece := read():
        end = piece.rfind(b"\n") + 1
        if end:
            yield b"".join([*begun, piece[:end]])
            begun.clear()
        begun.append(piece[end:])
    if rest := b"".join(begun):
        yield rest


def _encoding(start: bytes) -> str:
    return next((encoding for mark, encoding in MARKS.items() if start.startswith(mark)), "utf-8")


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    mode = path.stat().st_mode
    for is_kind, kind in KINDS.items():
        # Opening a pipe that nobody writes to would wait for ever, and what came through it cannot be read again.
        if is_kind(mode):
            raise DataError(f"{path}: {kind}, not a file. Write what comes through it to a file and give that")
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise DataError(f"{path}: holds {len(names)} files; unpack it and give the data file itself")
            with archive.open(names[0]) as member:
                yield member
    elif path.suffix.lower() == ".gz":
        with gzip.open(path, "rb") as file:
            yield cast(IO[bytes], file)
    else:
        with path.open("rb") as file:
            yield file


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise DataError(f"{path}: a folder; give the data file itself") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: begins as {error.encoding.upper()} and goes on as something else. Save it as UTF-8"
        ) from None
    except DAMAGED as error:
        raise DataError(
            f"{path}: not a readable {path.suffix} file, or cut short ({error}). Download the file again"
        ) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
