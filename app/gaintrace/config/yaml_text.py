"""YAML whose values are what they look like.

YAML 1.1, which most programs read, takes a plain yes for true, 010 for 8, 1:30 for 90, and 1e-3 for a text. Here 1e-3
is the number it means, a date is a text, and everything else that would be read as something else than it looks like
is refused with its line, as a key is that stands twice.
"""

import datetime
import re
from typing import Any

import yaml

from gaintrace.errors import ConfigError

MOST_VALUES = 100_000
"""Aliases of aliases can make a few lines into more than memory holds."""

ADVICE = "Write numbers in decimal digits, true or false for truth values, and texts in quotes"
WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,300})")
DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
WORDS: dict[str, Any] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
WORDS |= dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(("false", "False", "FALSE"), False)
PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")}


class _Loader(yaml.BaseLoader):
    """Leaves every scalar the text it is."""


def read_yaml(text: str) -> Any:
    """The value of a YAML text: None, truth values, numbers, texts, lists, and mappings whose keys are texts.

    Raises ConfigError with everything that is wrong, in one line, each with its line and place.
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
        reader = _Reader(several_lines="\n" in text.strip())
        value = reader.value(node, "") if node is not None else None
    except yaml.YAMLError as error:
        raise ConfigError(f"not YAML: {_fault(error)}") from None
    except RecursionError:
        raise ConfigError("nested too deeply") from None
    if reader.faults:
        raise ConfigError("; ".join(reader.faults) + (f". {ADVICE}" if reader.misleading else ""))
    return value


class _Reader:
    """Turns nodes into values and collects what is wrong with them."""

    def __init__(self, several_lines: bool) -> None:
        self.several_lines = several_lines
        self.faults: list[str] = []
        self.misleading = False
        self.inside: list[yaml.Node] = []
        self.count = 0

    def value(self, node: yaml.Node, place: str) -> Any:
        self.count += 1
        if self.count > MOST_VALUES:
            raise ConfigError(f"more than {MOST_VALUES:,} values")
        if any(outer is node for outer in self.inside):
            raise ConfigError(f"{self._where(node)}an alias contains itself")
        if node.tag not in PLAIN_TAGS:
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            self._wrong(node, place, f"the tag {tag} means nothing here; leave it out")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place)
        self.inside.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, place)
            return [self.value(entry, place) for entry in node.value]
        finally:
            self.inside.pop()

    def _mapping(self, node: yaml.MappingNode, place: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._wrong(key_node, place, "a key must be a text")
                continue
            key, line = str(key_node.value), key_node.start_mark.line + 1
            own = f"{place}.{key}" if place else key
            value = self.value(value_node, own)
            if key in lines:
                where = f", in lines {lines[key]} and {line}" if line != lines[key] else ""
                if not where and self.several_lines:
                    where = f" in line {line}"
                self.faults.append(f"{own}: the key stands twice{where}; keep one")
            elif key == "<<" and key_node.style is None:
                for source in value if isinstance(value, list) else [value]:
                    if not isinstance(source, dict):
                        self._wrong(value_node, own, "only mappings can be merged")
                    else:
                        merged = source | merged
            else:
                found[key] = value
            lines[key] = line
        return merged | found

    def _scalar(self, node: yaml.ScalarNode, place: str) -> Any:
        text = str(node.value)
        try:
            text.encode()
        except UnicodeEncodeError:
            self._wrong(node, place, f"{text!a} is no Unicode text")
            return None
        if node.style is not None:
            return text
        value = _meant(text)
        other = _elsewhere(text)
        if not _alike(value, other):
            self.misleading = True
            self._wrong(node, place, f"{text} reads as {_shown(other)} in YAML")
        return value

    def _wrong(self, node: yaml.Node, place: str, what: str) -> None:
        self.faults.append(f"{self._where(node)}{place}{': ' if place else ''}{what}")

    def _where(self, node: yaml.Node) -> str:
        return f"line {node.start_mark.line + 1}: " if self.several_lines else ""


def _meant(text: str) -> Any:
    """What a plain scalar looks like."""
    if text in WORDS:
        return WORDS[text]
    if WHOLE.fullmatch(text):
        return int(text)
    if DECIMAL.fullmatch(text) and not LEADING_ZERO.fullmatch(text):
        return float(text)
    if text.lower().lstrip("+-") in (".inf", ".nan"):
        return float(text.replace(".", "", 1))
    return text


def _alike(value: Any, other: Any) -> bool:
    """Whether what a scalar looks like is what YAML 1.1 takes it for, or can be meant in no other way."""
    if isinstance(value, str):
        return isinstance(other, str | datetime.date) and not LEADING_ZERO.fullmatch(value)
    return isinstance(value, float) or type(value) is type(other)


def _elsewhere(text: str) -> Any:
    """What YAML 1.1 takes a plain scalar for."""
    loader = yaml.SafeLoader("")
    try:
        tag = loader.resolve(  # type: ignore[no-untyped-call]
            yaml.ScalarNode, text, (True, False)
        )
        return loader.construct_object(yaml.ScalarNode(tag, text))
    except (yaml.YAMLError, ValueError, IndexError, KeyError, OverflowError):
        return text  # no value of any kind, as =, 0b or the 31st of February
    finally:
        loader.dispose()


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"the text {value}" if isinstance(value, str) else str(value)


def _fault(error: yaml.YAMLError) -> str:
    """Where and why reading stopped, in a line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} in line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
    return str(error).splitlines()[0]
