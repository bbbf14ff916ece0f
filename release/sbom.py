"""Writes the list of packages that a Python has installed, as CycloneDX.

    make sbom

cyclonedx-py makes it. gaintrace itself is what the list is of, so it is no entry as well: an editable install is found
twice, in .venv and beside the sources, of which cyclonedx-py takes out one. Nor does it name a folder of this machine,
where a package was installed from one.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def main(python: str, file: str) -> None:
    """List what `python` has, in `file`. Reads pyproject.toml of the working folder."""
    options = ["--pyproject", "pyproject.toml", "--output-reproducible", "--validate", "--output-file", "-"]
    command = [sys.executable, "-m", "cyclonedx_py", "environment", *options, python]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    Path(file).write_text(json.dumps(without_places(json.loads(text)), indent=2) + "\n")


def without_places(bom: dict[str, Any]) -> dict[str, Any]:
    """The list without a second entry for what it is of, and without addresses of files."""
    itself = {part["bom-ref"] for part in bom["components"] if part["name"] == bom["metadata"]["component"]["name"]}
    bom["components"] = [part for part in bom["components"] if part["bom-ref"] not in itself]
    bom["dependencies"] = [entry for entry in bom["dependencies"] if entry["ref"] not in itself]
    for part in bom["components"]:
        kept = [each for each in part.pop("externalReferences", []) if not each["url"].startswith("file:")]
        if kept:
            part["externalReferences"] = kept
    return bom


if __name__ == "__main__":
    main(*sys.argv[1:])
