"""One thing written in two ways: a program that met a missing value writes 1.0 where another writes 1, or 01.

In a column of whole numbers, ids are equal as numbers are: 1, 1.0 and 01 are one. It is one though a few rows, one in
twenty, hold something else: one bad cell does not decide what all others mean. In any other column ids are names and
equal as text is: 01 beside A1, or 1.1 beside 1.10, stay what they are. Digits are compared, not floats, so ids beyond
2^53 stay apart.
"""

import re
from collections import defaultdict
from collections.abc import Iterable

import pandas as pd

from gaintrace.data.readers.cells import by_text

WHOLE = re.compile(r"([+-]?)([0-9]+)(?:\.0*)?")
EXAMPLES = 3
FEW = 20
"""A row in so many may hold a name in a column of whole numbers."""


def same_ids(values: "pd.Series[str]", joints: str = "") -> "tuple[pd.Series[str], list[str]]":
    """A column of ids, one way of writing for each, and what a reader of the numbers should know about it.

    An id is written in the shortest of its ways in the column, without `.0`. `joints`: a pattern of what stands between
    the ids of one cell. Of several ways of writing that were made one, or could have been but for a name in the column,
    the notes say which.
    """
    cells = {value: re.split(f"({joints})", value) if joints else [value] for value in values.dropna().unique()}
    parts = dict.fromkeys(part for cell in cells.values() for part in map(str.strip, cell[::2]) if part)
    ways = defaultdict[str, list[str]](list)
    for part in parts:
        if found := WHOLE.fullmatch(part):
            digits = found[2].lstrip("0")
            ways[f"{found[1].strip('+') if digits else ''}{digits or 0}"].append(part)
    several = [sorted(written, key=_plainness) for written in ways.values() if len(written) > 1]
    named = [
        value for value, cell in cells.items() if not all(WHOLE.fullmatch(p) for p in map(str.strip, cell[::2]) if p)
    ]
    if int(values.isin(named).sum()) * FEW > int(values.notna().sum()):
        name = next(part for part in parts if not WHOLE.fullmatch(part))
        told = f"{values.name} stay apart, as the column does not hold whole numbers alone ({name[:40]})"
        return values, [f"{_told(several, ' and ')} of {told}"] if several else []
    plain = {part: _plain(min(written, key=_plainness)) for written in ways.values() for part in written}
    if all(part == way for part, way in plain.items()):
        return values, []
    new = {
        value: "".join(part if place % 2 else plain.get(part.strip(), part.strip()) for place, part in enumerate(cell))
        for value, cell in cells.items()
    }
    rest = f" but for {named[0][:40]}" if named else " alone"
    told = f"{values.name}, as the column holds whole numbers{rest}"
    notes = [f"{_told(several, ' and ')} are one {told}"] if several else []
    return by_text(values, lambda texts: texts.map(new)), notes


def _plain(written: str) -> str:
    return written.partition(".")[0].removeprefix("+")


def _plainness(written: str) -> tuple[int, int, str]:
    return len(_plain(written)), len(written), written


def _told(several: Iterable[list[str]], joint: str) -> str:
    groups = [joint.join(part[:40] for part in written[:EXAMPLES]) for written in several]
    return "; ".join(groups[:EXAMPLES]) + (f" and {len(groups) - EXAMPLES} more" if len(groups) > EXAMPLES else "")
