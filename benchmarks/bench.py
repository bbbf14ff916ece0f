"""How fast training is, side by side with peers and with what the machine can do: `make bench DATA=store/datasets/…`.

CPU-seconds count all threads. pyKT's models join where the package can be imported; `make bench` installs it.
Figures are of a GPU where there is one: what matters most comes first then, and whatever does not end within
`--minutes` is left out, so that a GPU lent for ten minutes is enough. SPEED.md is written after every section.
"""

import argparse
import math
import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from device import kernels, step
from epoch import one_epoch
from growth import growth
from host import host

from gaintrace.config import SyntheticConfig
from gaintrace.data.dataset import load_dataset
from gaintrace.data.synthetic import generate
from gaintrace.training.device import choose_device, environment, keep_freed_memory
from sweeps import sweeps

SECTIONS = {
    "step": "A step on a GPU",
    "sweeps": "Whole sweeps",
    "kernels": "Where a step goes on a GPU",
    "epoch": "One epoch of the published model",
    "growth": "How cost grows",
    "host": "What a step costs the host",
}
ON_A_GPU_ALONE = ("step", "kernels")
MINUTES = 8.0
"""On a GPU, unless told otherwise."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a prepared data set; simulated students without it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "SPEED.md")
    parser.add_argument("--sections", help=f"some of {', '.join(SECTIONS)}, in this order; all without it")
    parser.add_argument("--minutes", type=float, help=f"for all of it; {MINUTES:g} on a GPU, any number on a CPU")
    arguments = parser.parse_args()
    device = choose_device("auto")
    on_gpu = device.type == "cuda"
    names = arguments.sections.split(",") if arguments.sections else list(SECTIONS)
    if unknown := set(names) - set(SECTIONS):
        parser.error(f"--sections: {', '.join(sorted(unknown))}: there are {', '.join(SECTIONS)}")
    names = [name for name in names if on_gpu or name not in ON_A_GPU_ALONE]
    minutes = arguments.minutes or (MINUTES if on_gpu else math.inf)
    began = time.monotonic()
    dataset = load_dataset(arguments.data) if arguments.data else generate(SyntheticConfig(students=4000, skills=100))
    inputs: dict[str, tuple[Callable[..., list[str]], tuple[Any, ...]]] = {
        "step": (step, (dataset, arguments.rounds, device)),
        "sweeps": (sweeps, (arguments.data, device)),
        "kernels": (kernels, (dataset, device)),
        "epoch": (one_epoch, (dataset, arguments.rounds, device)),
        "growth": (growth, (arguments.rounds, device)),
        "host": (host, (dataset, arguments.rounds)),
    }
    about = environment(device)
    chosen = f" --sections {arguments.sections}" if arguments.sections else ""
    parts = [
        "# Speed",
        f"`make bench DATA={'…/' + dataset.name if arguments.data else ''}` with --rounds {arguments.rounds}{chosen}, "
        f"medians. {dataset.name}: {len(dataset.students):,} students, {len(dataset.interactions):,} interactions. "
        f"{about['device_name']}, {os.cpu_count()} cores, {threads(about['threads'])} of torch {about['torch']}, "
        f"load average {os.getloadavg()[0]:.0f} at the start. Times are of this machine on one day; read the ratios.",
    ]
    for name in names:
        start = time.monotonic()
        left = 60 * minutes - (start - began)
        found = measured(*inputs[name], left) if left > 0 else None
        parts += [
            f"## {SECTIONS[name]}",
            *(found or [f"Not measured in the {minutes:g} minutes: `--sections {name}`."]),
        ]
        arguments.out.write_text("\n\n".join(parts) + "\n")
        print("\n\n".join(parts[-1 - len(found or [""]) :]), f"\n({time.monotonic() - start:.0f} s)\n", flush=True)


def measured(section: Callable[..., list[str]], inputs: tuple[Any, ...], seconds: float) -> list[str] | None:
    """What a section has to say; None where it has not ended by then, and then nothing of it runs on.

    In a process of its own, which gives its memory back at its end: pyKT's AKT takes 12 GiB. Raises RuntimeError where
    the section failed; it has printed why.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(theirs, section, inputs))
    process.start()
    theirs.close()
    try:
        if not ours.poll(None if math.isinf(seconds) else seconds):
            return None
        found: list[str] = ours.recv()
        return found
    except EOFError:
        raise RuntimeError(f"{section.__name__} failed") from None
    finally:
        process.kill()
        process.join()


def _measure(connection: Connection, section: Callable[..., list[str]], inputs: tuple[Any, ...]) -> None:
    keep_freed_memory()
    connection.send(section(*inputs))


def threads(count: str | int | float) -> str:
    """How many, in words: 1 thread, 2 threads."""
    return f"{count} thread{'' if count == 1 else 's'}"


if __name__ == "__main__":
    main()
