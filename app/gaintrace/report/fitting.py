"""Tables for a terminal of any width in which nothing is cut.

Where a table does not fit, names of columns are broken at their underscores; where that is not enough, every row
becomes a block of names and values.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

GAP = 2
INDENT = 2


def fitted(
    width: int,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: Sequence[str] = (),
    styles: Sequence[str] = (),
) -> RenderableType:
    """A table `width` cells wide at most. `left`: columns that are aligned there; `styles`: of the first rows."""
    values = [max((cell_len(row[c]) for row in rows), default=0) for c in range(len(columns))]
    headers = list(columns)
    while (excess := _total(_widths(headers, values)) - width) > 0:
        breakable = [(now, c) for c, now in enumerate(_widths(headers, values)) if now > _least(columns[c], values[c])]
        if not breakable:
            break
        now, widest = max(breakable)
        headers[widest] = _broken(columns[widest], now - 1)
    if excess <= 0:
        return _table(headers, columns, rows, left, styles)
    blocks = (Text(_block(width, columns, row), style=_style(styles, index)) for index, row in enumerate(rows))
    return Group(*blocks)


def _table(
    headers: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    left: Sequence[str],
    styles: Sequence[str],
) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for header, name in zip(headers, columns, strict=True):
        justify: Literal["left", "right"] = "left" if name in left else "right"
        table.add_column(Text(header, justify=justify), justify=justify, no_wrap=True, vertical="bottom")
    for index, row in enumerate(rows):
        table.add_row(*map(Text, row), style=_style(styles, index))
    return table


def _style(styles: Sequence[str], row: int) -> str:
    return styles[row] if row < len(styles) else ""


def _widths(headers: Sequence[str], values: Sequence[int]) -> list[int]:
    return [max(least, *map(cell_len, name.split("\n"))) for name, least in zip(headers, values, strict=True)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _parts(name: str) -> list[str]:
    """What a column's name may be broken into."""
    return name.replace("_", "_ ").replace(".", ". ").split()


def _least(name: str, values: int) -> int:
    """The smallest width of a column."""
    return max(values, *map(cell_len, _parts(name) or [""]))


def _broken(name: str, room: int) -> str:
    """A column's name in lines of at most `room` cells, if its parts are not longer."""
    parts = _parts(name)
    lines = [""]
    for part, follows in zip(parts, _separators(name, parts), strict=True):
        if lines[-1] and cell_len(lines[-1] + follows + part) > room:
            lines.append(part)
        else:
            lines[-1] += follows + part
    return "\n".join(lines)


def _separators(name: str, parts: Sequence[str]) -> Iterator[str]:
    """What stands before each part of a name: a space, or nothing after an underscore or a dot."""
    place = 0
    for part in parts:
        found = name.index(part, place)
        yield name[place:found]
        place = found + len(part)


def _block(width: int, columns: Sequence[str], row: Sequence[str]) -> str:
    """A row as names and values, in lines that end between two of them; one that is longer is broken."""
    items = [f"{name} {value}".strip() for name, value in zip(columns, row, strict=True) if value]
    lines = [""]
    for item in items:
        longer = f"{lines[-1]}{' ' * GAP if lines[-1].strip() else ''}{item}"
        if cell_len(longer) <= width:
            lines[-1] = longer
            continue
        rest = " " * INDENT * bool(lines[-1]) + item
        if not lines[-1].strip():
            lines.pop()
        while cell_len(rest) > width:
            cut = next(n for n in range(len(rest), 0, -1) if cell_len(rest[:n]) <= max(width, INDENT + 2))
            cut = rest.rfind(" ", INDENT + 1, cut + 1) if " " in rest[INDENT + 1 : cut + 1] else cut
            lines.append(rest[:cut])
            rest = " " * INDENT + rest[cut:].lstrip()
        lines.append(rest)
    return "\n".join(lines)
