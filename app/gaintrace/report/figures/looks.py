"""How lines of configurations look: colour follows the swept value, and so do dashes where a second one is swept."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gaintrace.analysis.comparison import Configuration
from gaintrace.report.figures.style import DASHES, INK, KINDS, NARROW, shades

MOST_ALIKE = 2 / 3
"""Share of lines that may have one colour; a parameter that leaves more alike comes after the others."""
NAMED = 6
"""Values of a legend; of more, the first, the last and some between."""


class Look(NamedTuple):
    """Of one configuration's line."""

    colour: str
    dash: Any


class Looks(NamedTuple):
    """Looks by configuration, in the order given, and what they mean: parameter → its values' colours or dashes."""

    of: list[Look]
    colours: dict[str, dict[str, str]]
    dashes: dict[str, dict[str, Any]]


def looks(configurations: Sequence[Configuration], by: Sequence[str]) -> Looks:
    """Looks that tell configurations apart by the parameters that matter most.

    `by`: parameters, the one that matters most first. Colours are of the first that differs between the configurations,
    in the order of its values where these are numbers; dashes of the second, if it has few values.
    """
    differing = sorted(
        (name for name in by if _commonest(configurations, name) < 1),
        key=lambda name: _commonest(configurations, name) > MOST_ALIKE,
    )
    if not differing:
        return Looks([Look(KINDS[0], DASHES[0])] * len(configurations), {}, {})
    first, *rest = differing
    values = ordered([c.swept[first] for c in configurations])
    numeric = all(is_number(c.swept[first]) for c in configurations)
    chosen = shades(len(values)) if numeric or len(values) > len(KINDS) else KINDS
    colours = dict(zip(values, chosen, strict=False))
    dashed = next((name for name in rest if len({str(c.swept[name]) for c in configurations}) <= len(DASHES)), None)
    dashes = dict(zip(ordered([c.swept[dashed] for c in configurations]), DASHES, strict=False)) if dashed else {}
    of = [
        Look(colours[str(c.swept[first])], dashes[str(c.swept[dashed])] if dashed else DASHES[0])
        for c in configurations
    ]
    return Looks(of, {first: colours}, {dashed: dashes} if dashed else {})


def _commonest(configurations: Sequence[Configuration], name: str) -> float:
    """Share of the configurations that have the commonest value of a parameter."""
    values = [str(c.swept[name]) for c in configurations]
    return max(map(values.count, values)) / len(values)


def ordered(values: Sequence[Any]) -> list[str]:
    """Different values as text, numbers by size before words in order of appearance."""
    texts = {str(value): value for value in values}
    if all(is_number(value) for value in texts.values()):
        return sorted(texts, key=lambda text: float(texts[text]))
    return list(texts)


def brief(texts: Sequence[str]) -> list[str]:
    """Values for an axis: numbers of many digits with four of them, where that leaves all different."""
    found = [_brief(text) for text in texts]
    return found if len(set(found)) == len(found) else list(texts)


def _brief(text: str) -> str:
    try:
        return min(text, f"{float(text):.4g}", key=len)
    except ValueError:
        return text


def is_number(value: Any) -> bool:
    """Whether a swept value has a size."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def legend(figure: Figure, found: Looks, width: float, more: Sequence[Line2D] = ()) -> None:
    """Say below the panels what colours and dashes mean."""
    groups: list[list[Line2D]] = []
    for name, colours in found.colours.items():
        lines = [Line2D([], [], color=colours[value], linewidth=2, label=value) for value in _some(list(colours))]
        groups.append([_title(f"{name}:"), *lines])
    for name, dashes in found.dashes.items():
        lines = [Line2D([], [], color=INK, linestyle=dashes[value], label=value) for value in dashes]
        groups.append([_title(f"{name}:"), *lines])
    groups += [list(more)] if more else []
    if not groups:
        return
    room = 88 if width > NARROW else 44
    longest = max(len(str(handle.get_label())) for group in groups for handle in group)
    handles, columns = in_columns(groups, max(1, room // (longest + 7)))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=8, columnspacing=1.2)


def in_columns(groups: list[list[Line2D]], most: int) -> tuple[list[Line2D], int]:
    """Handles that fill columns one after the other, and how many: in each column those of one group alone.

    Where `most` columns are fewer than groups, groups follow each other.
    """
    if len(groups) > most:
        return in_columns([*groups[:-2], [*groups[-2], *groups[-1]]], most)
    rows = next(n for n in range(1, 1 + max(map(len, groups))) if sum(-(-len(group) // n) for group in groups) <= most)
    filled = [[*group, *(_title(" ") for _ in range(-len(group) % rows))] for group in groups]
    handles = [handle for group in filled for handle in group]
    return handles, len(handles) // rows


def _title(text: str) -> Line2D:
    return Line2D([], [], linestyle="none", label=text)


def _some(values: list[str]) -> list[str]:
    """At most NAMED of them, from the first to the last."""
    if len(values) <= NAMED:
        return values
    return [values[round(n * (len(values) - 1) / (NAMED - 1))] for n in range(NAMED)]
