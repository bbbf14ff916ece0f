"""What a year of nights says: false alarms and misses of `gaintrace validate`, by its own code, on drawn AUCs.

    python benchmarks/nights.py [--years 100]

A year begins with a recording and has 365 nights that are compared with it. AUCs of a data set vary over seeds with the
standard deviations below. Where the streams of random numbers move (another torch, driver or device), its AUCs are
drawn independently of what is recorded; here they move every night, which is the worst there is. Where they stay, a
night repeats what is recorded, less what the default lost.
"""

import argparse
import dataclasses
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from measure import table

from gaintrace.cli.validate import ranges
from gaintrace.config import SweepSpec
from gaintrace.defaults import MARGIN, SEEDS, SEEDS_A_LOOK
from gaintrace.defaults.records import Pair, Reference, write_record
from gaintrace.defaults.validation import Night, Validation, night
from gaintrace.store import FolderStore
from gaintrace.sweeps.plan import DataReference

NIGHTS = 365
DROP = 0.01
SPREADS = {
    "assist2015, preset, 5 folds": (0.0003, 0.0004),
    "algebra2005, preset, 3 seeds": (0.0014, 0.0034),
    "algebra2005, width 16, 12 seeds": (0.0037, 0.0031),
    "0.001 both": (0.001, 0.001),
    "0.002 both": (0.002, 0.002),
    "0.004 both": (0.004, 0.004),
    "0.005 both": (0.005, 0.005),
}
"""Standard deviation of test E1 and E2 over seeds. benchmarks/RESULTS.md says how they were measured."""

DATA = DataReference(uri=None, name="drawn", hash="0" * 16)
AUC = np.array([0.75, 0.74])


@dataclasses.dataclass
class Rates:
    """Of one case. `alarms`: a mean year's; `undecided`: share of nights; `runs`: of a mean night."""

    alarms: float
    worst: int
    found: float
    undecided: float
    runs: float


def main() -> None:
    """Print the table that RESULTS.md has."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=int, default=100)
    years = parser.parse_args().years
    rows = [
        (
            "spread of E1, E2 over seeds", "seeds recorded",
            "alarms a year, nothing lost", "most in any year", "cannot tell", "runs a night",
            f"alarms a year, both lost {MARGIN:g}",
            f"E2 lost {DROP:g}: found", "by recorded numbers", "the same, streams stay: found", "alarms, nothing lost",
        )
    ]  # fmt: skip
    for number, (name, spread) in enumerate(SPREADS.items()):
        draw = np.random.default_rng(number)
        recorded, nothing = simulate(spread, (0.0, 0.0), years, draw)
        _, margin = simulate(spread, (MARGIN, MARGIN), years, draw)
        _, drop = simulate(spread, (0.0, DROP), years, draw)
        _, stays = simulate(spread, (0.0, DROP), years, draw, stay=True)
        _, quiet = simulate(spread, (0.0, 0.0), years, draw, stay=True)
        rows.append(
            (
                f"{name}: {spread[0]:g}, {spread[1]:g}", f"{recorded:.1f}",
                f"{nothing.alarms:.2f}", f"{nothing.worst}", f"{nothing.undecided:.1%}", f"{nothing.runs:.1f}",
                f"{margin.alarms:.2f}",
                f"{drop.found:.1%}", f"{drop.runs:.1f}", f"{stays.found:.1%}", f"{quiet.alarms:.2f}",
            )
        )  # fmt: skip
        print(table([rows[0], rows[-1]]), flush=True)
    print()
    print(table(rows))


def simulate(
    spread: tuple[float, float], lost: tuple[float, float], years: int, draw: np.random.Generator, stay: bool = False
) -> tuple[float, Rates]:
    """Mean number of seeds recorded, and the rates of some years after a loss of E1 and E2."""
    verdicts: Counter[str] = Counter()
    alarms, recorded, runs = [], [], 0
    for _ in range(years):
        reference, tonight = record(spread, draw)
        recorded.append(len(reference))
        cried = 0
        for _ in range(NIGHTS):
            aucs = _values(reference) if stay else AUC + draw.normal(0, spread, (len(reference), 2))
            validation = ended(tonight, aucs - lost, reference)
            verdicts[validation.verdict] += 1
            cried += validation.verdict == "worse"
            runs += len(validation.runs)
        alarms.append(cried)
    nights = years * NIGHTS
    return float(np.mean(recorded)), Rates(
        alarms=float(np.mean(alarms)),
        worst=max(alarms),
        found=verdicts["worse"] / nights,
        undecided=verdicts["cannot tell"] / nights,
        runs=runs / nights,
    )


def record(spread: tuple[float, float], draw: np.random.Generator) -> tuple[list[Pair], Night]:
    """What a first validation records of a data set, and what the nights after it compare with."""
    seeds = ranges("SEEDS", SEEDS)
    spec = SweepSpec(name="drawn", folds=[0], seeds=seeds)
    with tempfile.TemporaryDirectory() as folder:
        store = FolderStore(Path(folder))
        first = planned(store, spec)
        pairs = [Pair(fold=0, seed=seed, e1=0, e2=0) for seed in seeds]
        validation = ended(first, AUC + draw.normal(0, spread, (len(seeds), 2)), pairs)
        assert validation.verdict == "recorded"
        fields = {"label": "first", "config_hash": "", "data_hash": DATA.hash, "code_version": ""}
        write_record(store, DATA, Reference(**fields, runs=validation.runs))
        return validation.runs, planned(store, spec)


def planned(store: FolderStore, spec: SweepSpec) -> Night:
    """As `gaintrace validate` has it."""
    found = night(store, DATA, spec, "drawn", MARGIN, SEEDS_A_LOOK, record=False)
    assert isinstance(found, Night)
    return found


def ended(tonight: Night, aucs: "np.ndarray", seeds: list[Pair]) -> Validation:
    """The verdict of a night, after as many looks as it takes. `aucs`: E1 and E2 of each of the seeds."""
    runs: list[Pair] = []
    values: Iterator[tuple[Pair, list[float]]] = zip(seeds, aucs.tolist(), strict=True)
    for look, part in enumerate(tonight.looks, 1):
        for _ in part:
            pair, (e1, e2) = next(values)
            runs.append(Pair(fold=0, seed=pair.seed, e1=e1, e2=e2))
        validation = tonight.verdict_on(runs, look, "")
        if not tonight.goes_on(validation):
            break
    return validation


def _values(pairs: list[Pair]) -> "np.ndarray":
    return np.array([[pair.e1, pair.e2] for pair in pairs])


if __name__ == "__main__":
    main()
