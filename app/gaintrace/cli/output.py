"""Printing never costs results: an output that is closed, full or not UTF-8 stops no command.

What cannot be encoded is printed in ASCII. From the first write that fails on, what is printed there is thrown away;
the command goes on, and when it has ended, one line says what was lost.
"""

import codecs
import contextlib
import errno
import io
import os
import sys
import unicodedata
from collections.abc import Iterable
from typing import TextIO, cast

from gaintrace.errors import StoreError

FALLBACKS = {"…": "...", "–": "-", "—": "-", "−": "-", "→": "->", "±": "+/-", "×": "x", "·": "*", "•": "*", "≤": "<="}
FALLBACKS |= {"≥": ">=", "≈": "~", "“": '"', "”": '"', "‘": "'", "’": "'", "\xa0": " ", "\u202f": " "}
CONTROLS = frozenset(map(chr, [*range(32), *range(127, 160), 0x2028, 0x2029]))
GONE = (errno.EPIPE, errno.EBADF, errno.ESHUTDOWN)
"""Nobody reads any more, as after `| head`: no fault, and nothing to say."""


def _in_ascii(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wrong = error.object[error.start : error.end]
    first = wrong[0]
    if "\udc80" <= first <= "\udcff":  # a byte of a file's name, which goes out as it came in
        return bytes([ord(first) - 0xDC00]), error.start + 1
    return _fallback(first), error.start + 1


def _fallback(character: str) -> str:
    if character in FALLBACKS:
        return FALLBACKS[character]
    name = unicodedata.name(character, "")
    if name.startswith("BOX DRAWINGS"):
        if "VERTICAL" in name and "HORIZONTAL" not in name and " AND " not in name:
            return "|"
        return "-" if "HORIZONTAL" in name and "VERTICAL" not in name and "DOWN" not in name else "+"
    return character.encode("ascii", "backslashreplace").decode()


class Output(io.TextIOBase):
    """A stream that takes all that is written and passes on what it can."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.lost: OSError | None = None
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="gaintrace.ascii")

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The stream's."""
        return self.stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """The stream's."""
        return self.stream.errors

    def write(self, text: str) -> int:
        """Write, or lose, the text."""
        if self.lost is None:
            try:
                self.stream.write(text)
            except OSError as error:
                self._lose(error)
        return len(text)

    def flush(self) -> None:
        """Pass on what is held back."""
        if self.lost is None:
            try:
                self.stream.flush()
            except OSError as error:
                self._lose(error)

    def writable(self) -> bool:
        """True."""
        return True

    def isatty(self) -> bool:
        """Whether a person may be watching."""
        return self.stream.isatty()

    def fileno(self) -> int:
        """The stream's."""
        return self.stream.fileno()

    def _lose(self, error: OSError) -> None:
        self.lost = error
        with contextlib.suppress(OSError):  # so that what the stream still holds fails no more, not even at exit
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)


def install() -> list[Output]:
    """Put such streams in the place of standard output and error, in this order."""
    codecs.register_error("gaintrace.ascii", _in_ascii)
    # Without these, the next file to be opened would be standard output to whatever is printed past Python.
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
    outputs = [Output(_open(stream, number)) for stream, number in ((sys.stdout, 1), (sys.stderr, 2))]
    sys.stdout, sys.stderr = cast(list[TextIO], outputs)
    return outputs


def _open(stream: TextIO | None, number: int) -> TextIO:
    """The stream, or one that leads nowhere where Python found it closed."""
    return stream if stream is not None else os.fdopen(number, "w", encoding="utf-8", closefd=False)


def check(outputs: Iterable[Output]) -> None:
    """Pass on what is held back. Raises StoreError if anything printed was lost though somebody wanted it."""
    for output, name in zip(outputs, ("standard output", "standard error"), strict=True):
        output.flush()
        if output.lost is not None and output.lost.errno not in GONE:
            reason = output.lost.strerror or output.lost
            raise StoreError(f"cannot write to {name}: {reason}. What the command has stored is kept")


def printable(text: str) -> str:
    """A line without what would end it or control a terminal, as a name in it may."""
    return "".join(ascii(c)[1:-1] if c in CONTROLS else c for c in text)
