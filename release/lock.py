"""Writes the lock files: every package of the image at the version tested, with the hashes of its files.

    make lock

requirements.lock is what every image has. requirements-cuda.lock is torch as the default index has it, and what it
needs of CUDA: a build for CPUs takes torch from an index of its own, whose files have other hashes, and none of that.
Hashes are of the files for every platform, so that one lock serves amd64 and arm64. No address is written down.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = "3.11"
CUDA = re.compile(r"(torch|triton|cuda-[a-z]+|nvidia-(?!ml-py)[a-z0-9-]+)==")
HEADER = "# Written by `make lock` from pyproject.toml and constraints.txt.\n"


def main(uv: str) -> None:
    """Compile with uv, and part what is CUDA's from the rest."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.in"
        wanted.write_text("\n".join(project["project"]["dependencies"] + project["build-system"]["requires"]) + "\n")
        options = ["--universal", f"--python-version={PYTHON}", "--generate-hashes", "--no-header", "--no-annotate"]
        command = [uv, "pip", "compile", "--quiet", *options, f"--constraint={ROOT / 'constraints.txt'}", str(wanted)]
        text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    entries = re.split(r"^(?=\S)", text, flags=re.M)[1:]
    for name, cuda in (("requirements.lock", False), ("requirements-cuda.lock", True)):
        chosen = [entry for entry in entries if bool(CUDA.match(entry)) is cuda]
        (ROOT / name).write_text(HEADER + "".join(chosen))


if __name__ == "__main__":
    main(sys.argv[1])
