"""Encoder 1 of the preset gaintrace beside peers: the same students, folds, chunks and targets.

    python benchmarks/quality.py store/datasets/assist2015 … --out store --models BKT PFA BestLR
    python benchmarks/quality.py store/datasets/assist2015 … --out store --models AKT gaintrace --processes 2

pyKT and scikit-learn are installed as `make bench` does it. BKT and regressions (classic.py) take minutes a data set.
AKT and gaintrace, at the preset's width, depth and batch size, train on one thread of a CPU: all four data sets take
hours. What is trained stays in --out, and the same command goes on.
"""

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from akt import Akt
from classic import CLASSIC
from measure import table

from gaintrace.config import load_spec
from gaintrace.data.dataset import load_dataset
from gaintrace.training.device import keep_freed_memory

Scores = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A model to train: on which data, with which validation fold and seed."""

    model: str
    data: str
    fold: int
    seed: int

    @property
    def name(self) -> str:
        return f"{self.model}-{Path(self.data).name}-{self.fold}-{self.seed}"

    @property
    def overrides(self) -> list[str]:
        return [f"base.data.fold={self.fold}", f"base.training.seed={self.seed}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", help="prepared data sets")
    parser.add_argument("--out", type=Path, required=True, help="where results are kept")
    parser.add_argument("--folds", type=int, nargs="+", default=[0])
    parser.add_argument("--seed", type=int, default=42, help="BKT and regressions have none")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["AKT", "gaintrace"])
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    cases = [
        Case(model, data, fold, arguments.seed)
        for data in arguments.data
        for fold in arguments.folds
        for model in arguments.models
    ]
    results: dict[Case, Scores] = {}
    with ProcessPoolExecutor(arguments.processes, get_context("spawn"), max_tasks_per_child=1) as pool:
        tasks = {pool.submit(scores, case, arguments.out): case for case in cases}
        for task in as_completed(tasks):
            results[tasks[task]] = task.result()
            print(tasks[task].name, json.dumps(task.result()), flush=True)
    print(table([HEADER, *(_row(case, results[case]) for case in cases)]))


HEADER = ("data set", "fold", "model", "test", "valid", "within skill", "mastery within skill", "chosen", "CPU-seconds")


def _row(case: Case, found: Scores) -> tuple[str, ...]:
    def shown(name: str) -> str:
        return f"{found[name]:.4f}" if name in found else ""

    numbers = (shown(name) for name in ("test", "valid", "within", "mastery within"))
    chosen = found.get("chosen") or f"epoch {found['epoch']} of {found['epochs']}"
    return (Path(case.data).name, str(case.fold), case.model, *numbers, chosen, f"{found['cpu']:.0f}")


def scores(case: Case, out: Path) -> Scores:
    """Of a finished case from `out`; of any other, by training it."""
    done = out / f"{case.name}.json"
    if not done.exists():
        trained = MODELS[case.model](case, out)
        out.mkdir(parents=True, exist_ok=True)
        done.write_text(json.dumps(trained))
    read: Scores = json.loads(done.read_text())
    return read


def akt(case: Case, out: Path, questions: bool = False, averaged: bool = False) -> Scores:
    """AKT, by validation's best epoch."""
    torch.set_num_threads(1)
    keep_freed_memory()
    ((_, config),) = load_spec("gaintrace", case.overrides).runs()
    return Akt(load_dataset(case.data), config, questions, averaged).train(out / f"{case.name}.pt")


def classic(case: Case, _: Path) -> Scores:
    """BKT or a regression, by validation's best strength."""
    torch.set_num_threads(1)
    ((_, config),) = load_spec("gaintrace", case.overrides).runs()
    return CLASSIC[case.model](load_dataset(case.data), config.data)


def gaintrace(case: Case, out: Path) -> Scores:
    """The preset gaintrace, as a user trains it."""
    store = out / case.name
    command = [str(Path(sys.executable).with_name("gaintrace")), "train", "gaintrace", "--data", case.data]
    command += ["--out", str(store), "--threads", "1"]
    command += [part for override in case.overrides for part in ("--set", override)]
    subprocess.run(command, check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    (path,) = store.glob("runs/*/result.json")
    result = json.loads(path.read_text())
    return {
        "test": result["test"]["e1"]["auc"],
        "valid": result["valid"]["e1"]["auc"],
        "test e2": result["test"]["e2"]["auc"],
        "mastery within": result["interpretability"]["mastery_within_skill_auc"],
        "mastery": result["interpretability"]["mastery_auc"],
        "epoch": result["best_epoch_e1"],
        "epochs": result["epochs_trained"],
        "cpu": used.ru_utime + used.ru_stime,
    }


MODELS: dict[str, Callable[[Case, Path], Scores]] = {
    "AKT": akt,
    "AKT-averaged": partial(akt, averaged=True),
    "AKT-questions": partial(akt, questions=True),
    "AKT-questions-averaged": partial(akt, questions=True, averaged=True),
    "gaintrace": gaintrace,
    **dict.fromkeys(CLASSIC, classic),
}


if __name__ == "__main__":
    main()
