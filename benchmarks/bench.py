"""How fast training is, side by side with peers and with what the machine can do: `make bench DATA=store/datasets/…`.

CPU-seconds count all threads. pyKT's models join where the package can be imported; `make bench` installs it.
Figures are of a GPU where there is one.
"""

import argparse
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from epoch import one_epoch
from growth import growth
from host import host

from gaintrace.config import SyntheticConfig
from gaintrace.data.dataset import load_dataset
from gaintrace.data.synthetic import generate
from gaintrace.training.device import choose_device, environment, keep_freed_memory
from sweeps import sweeps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a prepared data set; simulated students without it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "SPEED.md")
    arguments = parser.parse_args()
    device = choose_device("auto")
    dataset = load_dataset(arguments.data) if arguments.data else generate(SyntheticConfig(students=4000, skills=100))
    about = environment(device)
    parts = [
        "# Speed",
        f"`make bench DATA={'…/' + dataset.name if arguments.data else ''}` with --rounds {arguments.rounds}, medians. "
        f"{dataset.name}: {len(dataset.students):,} students, {len(dataset.interactions):,} interactions. "
        f"{about['device_name']}, {os.cpu_count()} cores, {threads(about['threads'])} of torch {about['torch']}, "
        f"load average {os.getloadavg()[0]:.0f} at the start. Times are of this machine on one day; read the ratios.",
    ]
    for title, section, inputs in (
        ("One epoch of the published model", one_epoch, (dataset, arguments.rounds, device)),
        ("Whole sweeps", sweeps, (arguments.data, device)),
        ("What a step costs the host", host, (dataset, arguments.rounds)),
        ("How cost grows", growth, (arguments.rounds, device)),
    ):
        began = time.perf_counter()
        # A process of its own gives its memory back at its end: pyKT's AKT takes 12 GiB.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), keep_freed_memory) as process:
            parts += [f"## {title}", *process.submit(section, *inputs).result()]
        print("\n\n".join(parts[-3:]), f"\n({time.perf_counter() - began:.0f} s)\n", flush=True)
    arguments.out.write_text("\n\n".join(parts) + "\n")


def threads(count: str | int | float) -> str:
    """How many, in words: 1 thread, 2 threads."""
    return f"{count} thread{'' if count == 1 else 's'}"


if __name__ == "__main__":
    main()
