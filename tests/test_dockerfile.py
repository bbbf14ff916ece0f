"""The Dockerfile without building it."""

import re
import subprocess
from pathlib import Path

from gaintrace import __version__
from tests.servers import beside_python

ROOT = Path(__file__).parents[1]


def test_hadolint_finds_nothing() -> None:
    linter = beside_python("hadolint")
    result = subprocess.run([linter, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_version_is_the_package_s() -> None:
    assert re.search(r"^ARG VERSION=(.*)$", (ROOT / "Dockerfile").read_text(), re.M).group(1) == __version__  # type: ignore[union-attr]


def test_nothing_but_what_is_built_from_goes_into_the_build() -> None:
    allowed = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    locks = ["!requirements.lock", "!requirements-cuda.lock", "!release/tools.lock", "!release/sbom.py"]
    assert allowed == ["!app", "!constraints.txt", *locks, "!pyproject.toml", "!README.md", "!LICENSE"]
