"""The house that ARCHITECTURE.md draws is the one that stands: floors, doors, sizes, and names that lead somewhere."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from gaintrace.store.layout import OBJECTS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "app" / "gaintrace"
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
README = (ROOT / "README.md").read_text()

LARGEST_SHARE = 0.2
MOST_ROOMS = 8
"""Rooms that the way of a sweep may enter."""

KEY = re.compile(r"(?<![\w-])(runs|sweeps|validations|reproductions|faults|defaults|datasets)(/|$)")
"""The beginning of a store key."""
STORE_CALLS = ("read", "write", "create", "exists", "keys", "delete", "child")


def _name(path: Path) -> str:
    return ".".join(("gaintrace", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {_name(path): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def room(module: str) -> str:
    """`gaintrace.store.layout` → `store`; the package itself is its own."""
    return module.split(".")[1] if "." in module else module


def imports(module: str, tree: ast.Module, known: set[str]) -> set[str]:
    """Modules of ours that one imports, wherever it does so: at its top, in a function, for type checkers alone."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import, which nobody can search for"
            full = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else str(node.module) for name in full.values()}
    return found & known - {module}


EDGES = {module: imports(module, tree, set(MODULES)) for module, tree in MODULES.items()}


def floors(document: str) -> dict[str, int]:
    """Room → floor, of the rows `| floor | room | … |` of a document."""
    return {name: int(floor) for floor, name in re.findall(r"^\| (\d+) \| `(\w+)/?(?:\.py)?` \|", document, re.M)}


def circle(edges: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle; empty if none do."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def climbing(edges: dict[str, set[str]], floor: dict[str, int]) -> list[str]:
    """Imports of a room on the same floor or above."""
    return [
        f"{module} (floor {floor[room(module)]}) imports {other} (floor {floor[room(other)]})"
        for module, others in edges.items()
        for other in sorted(others)
        if room(other) != room(module) and floor[room(other)] >= floor[room(module)]
    ]


def spelled_keys(tree: ast.Module) -> list[str]:
    """Strings that spell a store key: with a slash anywhere, or bare as what a store is asked for. No docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, documented) and _docstring(node)}
    bare = {
        id(argument)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in STORE_CALLS
        for argument in node.args[:1]
    }
    return [
        f"line {node.lineno}: {node.value!r}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in texts
        if (match := KEY.search(node.value)) and (match[2] or (id(node) in bare and match.start() == 0))
    ]


def _docstring(node: ast.AST) -> bool:
    return ast.get_docstring(node) is not None  # type: ignore[arg-type]


def test_no_modules_import_each_other_in_a_circle():
    assert circle(EDGES) == []
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []


def test_imports_go_down_the_floors():
    floor = floors(ARCHITECTURE)
    assert floor.keys() == {room(module) for module in MODULES}
    assert climbing(EDGES, floor) == []
    assert climbing({"gaintrace.store.layout": {"gaintrace.cli.sweep"}}, floor) != []
    assert climbing({"gaintrace.report.page": {"gaintrace.defaults.history"}}, floor) != []


def test_imports_are_found_wherever_they_stand():
    hidden = "if TYPE_CHECKING:\n  from gaintrace.cli import sweep\ndef f():\n  import gaintrace.docs\n"
    known = {"gaintrace.cli", "gaintrace.cli.sweep", "gaintrace.docs"}
    assert imports("gaintrace.store", ast.parse(hidden), known) == {"gaintrace.cli.sweep", "gaintrace.docs"}


def test_no_room_outgrows_the_house():
    lines = Counter()
    for path in PACKAGE.rglob("*.py"):
        lines[room(_name(path))] += len(path.read_text().splitlines())
    assert {name: count for name, count in lines.items() if count > LARGEST_SHARE * lines.total()} == {}


@pytest.mark.parametrize("package", [p.parent for p in PACKAGE.glob("*/__init__.py")], ids=lambda path: path.name)
def test_every_room_says_what_it_is(package):
    assert len((ast.get_docstring(MODULES[_name(package / "__init__.py")]) or "").split()) > 3


def test_store_keys_are_spelled_by_the_layout_alone():
    spelled = {module: spelled_keys(tree) for module, tree in MODULES.items() if module != "gaintrace.store.layout"}
    assert {module: keys for module, keys in spelled.items() if keys} == {}
    assert spelled_keys(ast.parse("store.read(f'{root}/runs/{run}')")) != []
    assert spelled_keys(ast.parse("store.child('runs')")) != []
    assert spelled_keys(ast.parse("def f():\n  'See runs/<run>.'\n")) == []


def _spans(document: str) -> Iterator[str]:
    """What stands in backticks, but for blocks of code."""
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", document, flags=re.M | re.S))


def _there(name: str) -> bool:
    """Whether a file, folder or `file:function` is in the project, or a file in a store."""
    path, _, inside = name.partition(":")
    if any(key.endswith(f"/{path}") for key in OBJECTS):
        return True
    file = next((root / path for root in (PACKAGE, ROOT) if (root / path).exists()), None)
    if file is None or not inside:
        return file is not None
    scope: list[ast.stmt] = ast.parse(file.read_text()).body
    for part in inside.split("."):
        found = [node for node in scope if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == part]
        if not found:
            return False
        scope = found[0].body
    return True


def test_the_files_and_functions_that_architecture_names_exist():
    named = [span for span in _spans(ARCHITECTURE) if re.fullmatch(r"[\w./-]+(\.\w+(:[\w.]+)?|/)", span)]
    files = [name for name in named if "/" in name or re.search(r"\.(py|md|yaml|json|csv|html|parquet)\b", name)]
    assert len(files) > 30
    assert [name for name in files if not _there(name)] == []
    assert not _there("pipeline/sweep.py:no_such_function")
    assert not _there("pipeline/nothing.py")


def test_the_way_of_a_sweep_enters_few_rooms():
    way = ARCHITECTURE.split("\n## The way of a sweep\n")[1].split("\n## ")[0]
    entered = {span.split("/")[0] for span in _spans(way) if re.match(r"\w+/\w+\.py", span)}
    assert entered <= floors(ARCHITECTURE).keys()
    assert 0 < len(entered) <= MOST_ROOMS


def test_the_readme_names_every_room():
    where = README.split("\n## Where things are\n")[1].split("\n## ")[0]
    names = {room(module) for module in MODULES} - {"gaintrace"}
    assert {name for name in names if not re.search(rf"\(app/gaintrace/{name}(\.py)?\)", where)} == set()
