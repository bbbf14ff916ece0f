"""What preparing a table of many rows takes: CPU-seconds and memory, of a file of answers of simulated students.

`python benchmarks/rows.py --rows 20000000` writes the file, some 24 bytes a row, and removes it.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

COLUMNS = ["--student", "user_id", "--skill", "sequence_id", "--correct", "correct", "--order", "log_id"]
PIECE = 1_000_000
SKILLS, ROWS_A_STUDENT = 200, 150


def write(path: Path, rows: int) -> None:
    """Answers in the order in which they were given: a student's rows stand anywhere."""
    random = np.random.default_rng(0)
    students = max(1, rows // ROWS_A_STUDENT)
    with path.open("w") as file:
        file.write("log_id,user_id,sequence_id,correct\n")
        for first in range(0, rows, PIECE):
            count = min(PIECE, rows - first)
            columns = (
                np.arange(first, first + count) + 160_000_000,
                random.integers(0, students, count) + 200_000,
                random.integers(0, SKILLS, count) + 7000,
                random.random(count) < 0.65,
            )
            file.writelines(f"{a},{b},{c},{d:d}\n" for a, b, c, d in zip(*(c.tolist() for c in columns), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "answers.csv"
        write(raw, rows)
        command = [
            str(Path(sys.executable).with_name("gaintrace")),
            "data",
            "prepare",
            "csv",
            "--raw",
            str(raw),
            *COLUMNS,
        ]
        subprocess.run([*command, "--out", f"{folder}/prepared"], check=True, stdout=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime + used.ru_stime
    print(f"{rows:,} rows: {seconds:.1f} CPU-seconds, {used.ru_maxrss / 1e6:.2f} GB at most")  # kilobytes on Linux


if __name__ == "__main__":
    main()
