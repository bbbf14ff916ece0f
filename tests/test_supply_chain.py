"""What a release is made of: locks that agree with what is tested, a workflow that is one, lists of packages."""

import json
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.servers import beside_python

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-cuda.lock")
WORKFLOW = ROOT / ".github" / "workflows" / "release.yaml"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
TARGETS = [{"sys_platform": "linux", "platform_machine": machine} for machine in ("x86_64", "aarch64")]


def locked(name: str) -> dict[str, Requirement]:
    """Package → its line in a lock."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    lines = [line.split(" --hash")[0] for line in text.splitlines() if not line.startswith("#")]
    found = [Requirement(line.strip()) for line in lines]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


BOTH = locked(LOCKS[0]) | locked(LOCKS[1])


@pytest.mark.parametrize("name", [*LOCKS, "release/tools.lock"])
def test_every_line_of_a_lock_is_a_version_with_hashes_and_no_place(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"://|file:|@ |^-|/(?!/)[a-z]+/", re.sub(r"^#.*$", "", text, flags=re.M), re.M)
    entries = [entry for entry in re.split(r"^(?=\S)", text, flags=re.M) if entry and not entry.startswith("#")]
    assert len(entries) >= 15
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; .+)? \\\n", entry), entry[:80]
        assert re.findall(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry[:80]


def test_locks_are_what_is_tested() -> None:
    tested = pinned()
    differ = {
        name: str(line) for name, line in BOTH.items() if name in tested and str(line.specifier) != f"=={tested[name]}"
    }
    assert differ == {}
    # Of the rest, what is not Windows' own comes with torch.
    unknown = {name for name in BOTH.keys() - tested.keys() if any(_applies(BOTH[name].marker, at) for at in TARGETS)}
    assert unknown - locked(LOCKS[1]).keys() <= {"setuptools"}


def test_locks_hold_whatever_the_package_needs_on_linux() -> None:
    """From what is installed here: each requirement of a requirement is in the lock, at a version that it takes."""
    wanted = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
    seen: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        assert name in BOTH, f"{name} is needed and not locked; run `make lock`"
        (pin,) = BOTH[name].specifier
        assert requirement.specifier.contains(Version(pin.version), prereleases=True), f"{requirement} locked at {pin}"
        if name in seen:
            continue
        seen.add(name)
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:  # CUDA's, on a machine without
            continue
        for text in needs:
            need = Requirement(text)
            if any(_applies(need.marker, at) for at in TARGETS):
                wanted.append(need)
    assert len(seen) > 50


def _applies(marker: Marker | None, at: dict[str, str]) -> bool:
    return marker is None or marker.evaluate({**at, "platform_system": "Linux", "os_name": "posix", "extra": ""})


def test_what_a_cpu_does_not_need_is_apart() -> None:
    assert "torch" in locked(LOCKS[1])
    assert not {name for name in locked(LOCKS[0]) if re.match(r"torch|triton|cuda|nvidia-(?!ml-py)", name)}
    assert "nvidia-ml-py" in locked(LOCKS[0])


def test_the_base_image_is_named_by_its_digest() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^ARG BASE_IMAGE=python:3\.11\.\d+-slim-bookworm@sha256:[0-9a-f]{64}$", text, re.M)
    assert re.findall(r"^FROM (\S+)", text, re.M) == ["${BASE_IMAGE}", "build", "scratch", "${BASE_IMAGE}"]


def test_the_image_installs_nothing_that_is_not_locked() -> None:
    """But what a build asks for by name: torch from an index of CPU wheels, and what is optional."""
    installs = re.findall(r'(?:pip|"\$pip") install (.+?)(?: \\|;|$)', (ROOT / "Dockerfile").read_text(), re.M)
    unlocked = [line for line in installs if "--require-hashes" not in line]
    optional = '-c constraints.txt "$WITH"'
    assert len(installs) == 6
    assert all("--no-deps" in line for line in installs if line != optional)
    assert unlocked == ["--no-deps -r torch.txt", optional, "--no-deps --no-build-isolation ."]


def workflow() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())
    return found


def test_the_workflow_is_one() -> None:
    command = [beside_python("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", str(WORKFLOW)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_workflow_runs_others_code_by_its_hash_and_asks_for_little() -> None:
    found = workflow()
    assert found["permissions"] == {"contents": "read"}
    for job in found["jobs"].values():
        assert job["timeout-minutes"] <= 120
        for step in job["steps"]:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step.get("uses", "a@" + "0" * 40))
            if "checkout" in step.get("uses", ""):
                assert step["with"] == {"persist-credentials": False}
            assert "${{" not in step.get("run", ""), "a value put into a script is run as one"


@pytest.mark.parametrize(
    "step", [s for job in workflow()["jobs"].values() for s in job["steps"] if "run" in s], ids=lambda s: s["name"]
)
def test_every_script_of_the_workflow_is_bash(step: dict[str, Any], tmp_path: Path) -> None:
    script = tmp_path / "step.sh"
    script.write_text("#!/usr/bin/env bash\n" + step["run"])
    checker = ["shellcheck", str(script)] if shutil.which("shellcheck") else ["bash", "-n", str(script)]
    result = subprocess.run(checker, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_workflow_finds_what_it_looks_for_in_these_files(tmp_path: Path) -> None:
    """Its greps and its cut from the changelog, run on the project as it is."""
    version = PROJECT["project"]["version"]
    scripts = {
        step["name"]: step["run"] for job in workflow()["jobs"].values() for step in job["steps"] if "run" in step
    }
    (check,) = [text for name, text in scripts.items() if name.startswith("The tag is the version")]
    environment = {"PATH": "/usr/bin:/bin", "GITHUB_REF_NAME": f"v{version}"}
    subprocess.run(["bash", "-e", "-c", check], cwd=ROOT, env=environment, check=True)
    wrong = environment | {"GITHUB_REF_NAME": "v9.9.9"}
    assert subprocess.run(["bash", "-e", "-c", check], cwd=ROOT, env=wrong, check=False).returncode != 0
    (release,) = [text for name, text in scripts.items() if name.startswith("Release")]
    (cut,) = [line for line in release.splitlines() if line.startswith("awk")]
    shutil.copy(ROOT / "CHANGELOG.md", tmp_path)
    subprocess.run(["bash", "-e", "-c", f"version={version}; {cut}"], cwd=tmp_path, check=True)
    notes = (tmp_path / "notes.md").read_text()
    assert notes.strip()
    assert "## [" not in notes
    assert notes.strip() in (ROOT / "CHANGELOG.md").read_text()


def test_a_list_of_packages_is_cyclonedx_and_names_what_is_installed(tmp_path: Path) -> None:
    """As `make sbom` writes it."""
    tool = ROOT / ".tools" / "bin" / "python"
    if not tool.exists():
        pytest.skip("cyclonedx-bom is not installed; `make sbom` installs it")
    recipe = re.search(r"^\t\.tools/bin/python (\S+sbom\.py .+)$", (ROOT / "Makefile").read_text(), re.M)
    assert recipe
    file = tmp_path / "sbom.json"
    options = recipe[1].replace("dist/sbom.json", str(file)).replace("$(BIN)/python", sys.executable).split()
    made = subprocess.run([str(tool), *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    found = json.loads(file.read_text())
    assert found["bomFormat"] == "CycloneDX"
    assert found["metadata"]["component"]["name"] == "gaintrace"
    versions = {canonicalize_name(part["name"]): part["version"] for part in found["components"]}
    for name in ("torch", "numpy", "pyarrow", "boto3"):
        assert versions[name] == distribution(name).version
    assert "file:" not in file.read_text()
    assert str(ROOT) not in file.read_text()
    listed = {part["bom-ref"] for part in [*found["components"], found["metadata"]["component"]]}
    assert {name for entry in found["dependencies"] for name in [entry["ref"], *entry.get("dependsOn", [])]} <= listed
    assert "gaintrace" not in versions


def test_a_list_of_packages_tells_no_place_of_the_machine() -> None:
    """gaintrace as an editable install is found twice, and a wheel may have come from a folder."""
    script = runpy.run_path(str(ROOT / "release" / "sbom.py"))
    there = {"url": "file:///home/somebody/torch.whl", "type": "distribution"}
    home = {"url": "https://numpy.org", "type": "website"}
    bom = {
        "metadata": {"component": {"bom-ref": "root-component", "name": "gaintrace"}},
        "components": [
            {"bom-ref": "gaintrace==1", "name": "gaintrace", "externalReferences": [there]},
            {"bom-ref": "numpy==1", "name": "numpy", "externalReferences": [home, there]},
            {"bom-ref": "torch==1", "name": "torch", "externalReferences": [there]},
        ],
        "dependencies": [{"ref": "gaintrace==1"}, {"ref": "root-component", "dependsOn": ["numpy==1", "torch==1"]}],
    }
    found = script["without_places"](bom)
    assert found["components"] == [
        {"bom-ref": "numpy==1", "name": "numpy", "externalReferences": [home]},
        {"bom-ref": "torch==1", "name": "torch"},
    ]
    assert found["dependencies"] == [{"ref": "root-component", "dependsOn": ["numpy==1", "torch==1"]}]
