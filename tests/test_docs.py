"""The reference is current, and its store layout is what a sweep leaves."""

import re
import tomllib

import pytest
import yaml

from gaintrace import __version__
from gaintrace.docs import ROOT, files
from gaintrace.report.aggregate import aggregate
from gaintrace.store import open_store
from gaintrace.store.layout import OBJECTS
from tests.sweeps.test_shard import sweep


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_generated_files_are_current(path):
    assert path.read_text() == files()[path]


def test_the_store_holds_what_the_reference_says(tmp_path):
    store = open_store(tmp_path)
    plan, _ = sweep(store, {"training.bce_loss_weight": [0.3, 0.7]}, runs_per_shard=1)
    aggregate(store, plan.sweep_id)
    patterns = {name: re.compile(re.sub(r"<[^>]+>", "[^/]+", name).replace(".", r"\.") + "$") for name in OBJECTS}
    found = store.keys()
    matched = {name for key in found for name, pattern in patterns.items() if pattern.match(key)}
    unexplained = [key for key in found if not any(pattern.match(key) for pattern in patterns.values())]
    assert unexplained == []
    by_other_commands = ("datasets", "validations", "reproductions", "faults", "defaults")
    of_commands = (
        *by_other_commands,
        "runs/<run-id>/trajectories",
        "sweeps/<sweep-id>/logs",
        "sweeps/<sweep-id>/metrics.prom",
        # tests/sweeps/test_search.py looks for these
        *(f"sweeps/<sweep-id>/{name}/" for name in ("rounds", "rungs", "stopped", "claims")),
    )
    finished = {name for name in OBJECTS if not name.startswith(of_commands) and "checkpoint" not in name}
    assert matched == finished


@pytest.mark.parametrize("path", [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")], ids=lambda path: path.name)
def test_links_in_documents_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https:)([^)#]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_every_place_names_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert project["version"] == str(citation["version"]) == __version__
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text()
    assert project["license"] == citation["license"] == "Apache-2.0"
