"""Rows of a delimited text file, where a stray quotation mark costs its own row and swallows no other."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Literal, Self

from gaintrace.data.readers.files import blocks
from gaintrace.errors import DataError

LONGEST_CELL = 2**31 - 1
"""Characters. A student's whole history is one cell of pyKT's files."""

END = "\0end\n"
"""Follows the last line of a file, to tell a quotation mark that is never closed."""


FOREIGN = re.compile(r"[\udc80-\udcff]")
"""Bytes that are not UTF-8, as Python's surrogates."""

ENCODINGS = {"latin-1": "Latin-1", "cp1252": "Windows-1252"}
"""What files that are not UTF-8 are read as. The second has quotation marks and dashes where the first has nothing."""


def encoding_of(text: str) -> str:
    """What bytes that are not UTF-8 (surrogates in a text) are most likely."""
    if not any("\udc80" <= c <= "\udc9f" for c in text):
        return "latin-1"
    try:
        decoded(text, "cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"


def decoded(text: str, encoding: str) -> str:
    """A text of which some bytes were not UTF-8, read as something else."""
    return text.encode("utf-8", "surrogateescape").decode(encoding)


def clean(name: str) -> str:
    """A column's name without byte order mark, space and quotation marks."""
    return name.lstrip("\ufeff").strip().strip('"').strip()


class Lines:
    """Lines of a file, with a way back. `before`: how many are before the first."""

    def __init__(self, lines: Iterator[str], before: int) -> None:
        self.rest = lines
        self.ahead: list[str] = []  # lines to be read again, the next one last
        self.taken: list[str] = []  # what was read since this was emptied
        self.number = before
        self.ended = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self.ahead.pop() if self.ahead else next(self.rest, END)
        if line == END:
            if self.ended:
                raise StopIteration
            self.ended = True
        elif not line.endswith(("\n", "\r")):
            line += "\n"
        self.number += 1
        self.taken.append(line)
        return line

    def give_back(self) -> None:
        """Read all that was taken but the first line again."""
        self.ended = False
        self.number -= len(self.taken) - 1
        self.ahead += reversed(self.taken[1:])


class Records:
    """The header and the rows of a file; `first_line` is the header as it is written."""

    def __init__(self, path: Path, separator: str, quoted: bool | None = None) -> None:
        """`quoted`: whether a quotation mark opens a cell; by default, where the separator is no tab."""
        self.path = path
        self.separator = separator
        # Published tab-separated files come from databases that quote nothing: a quotation mark is part of a name.
        self.quoted = separator != "\t" if quoted is None else quoted
        csv.field_size_limit(LONGEST_CELL)
        rest = blocks(path)
        head, body = _first_line(next(rest, b""))
        lines = Lines(texts_of([head]), 0)
        names = next(self._reader(lines), [])
        if END in lines.taken or any("\n" in name or "\r" in name for name in names):
            raise DataError(
                f"{path}: line 1: a quotation mark among the names of the columns is not closed. "
                "Check that it is the right file"
            )
        self.first_line = head.decode("utf-8", "surrogateescape")
        foreign = encoding_of("".join(names))
        self.header = [clean(decoded(name, foreign) if FOREIGN.search(name) else name) for name in names]
        self.blocks = chain([body] if body else [], rest)

    def rows(
        self, needed: list[int], lost: dict[str, list[int]], blocks: Iterable[bytes] | None = None, before: int = 1
    ) -> Iterator[tuple[int, list[str]]]:
        """Line and cells of each row, as many as the header has; lines of rows that have no such cells go to `lost`.

        `blocks`: of these blocks of the file, `before` lines before them; of all of it without.
        """
        width = len(self.header)
        lines = Lines(texts_of(self.blocks if blocks is None else blocks), before)
        taken = lines.taken
        for cells in self._reader(lines):
            if len(taken) == 1 and len(cells) == width:
                yield lines.number, cells
                taken.clear()
                continue
            start = lines.number - len(taken) + 1
            extra = any(cell.strip() for cell in cells[width:])
            if len(taken) > 1 and (extra or self._swallowed(taken, cells, needed)):
                # The lines below are rows of their own. Left to itself, csv would make all of them one cell.
                lost["unbalanced quotation mark"].append(start)
                lines.give_back()
            elif extra:
                lost["more cells than the header"].append(start)
            elif taken[0] != END and (len(cells) > 1 or any(cell.strip() for cell in cells)):
                yield start, cells + [""] * (width - len(cells))
            taken.clear()

    def _reader(self, lines: Lines) -> "Iterator[list[str]]":
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE
        return csv.reader(lines, delimiter=self.separator, quoting=quoting, skipinitialspace=self.quoted)

    def _swallowed(self, taken: list[str], cells: list[str], needed: list[int]) -> bool:
        """Whether a row of several lines is a quotation mark that opens by mistake, not a text of several lines."""
        width = len(self.header)
        if END in taken or len(cells) < width or any("\n" in cells[i] or "\r" in cells[i] for i in needed):
            return True
        for place, cell in enumerate(cells[:width]):
            first, *others = (piece.count(self.separator) for piece in cell.split("\n"))
            # From the middle of one row to the same column of another, with as many cells between as rows have.
            if others and [first, *others] == [width - 1 - place, *[width - 1] * (len(others) - 1), place]:
                return True
        return False


def texts_of(blocks: Iterable[bytes]) -> Iterator[str]:
    """Their lines, with their ends. Bytes that are not UTF-8 become surrogates, from U+DC80 on."""
    for block in blocks:
        yield from io.StringIO(block.decode("utf-8", "surrogateescape"), newline="")


def _first_line(block: bytes) -> tuple[bytes, bytes]:
    """The first line of a block, with its end, and what follows."""
    found = re.search(rb"\r\n?|\n", block)
    end = found.end() if found else len(block)
    return block[:end], block[end:]
