"""Training shards on one device: one after another, or those that no other process has."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gaintrace.data.dataset import Dataset
from gaintrace.errors import InterruptedRunError
from gaintrace.pipeline.watcher import Watcher
from gaintrace.store import Store
from gaintrace.sweeps.plan import Plan

if TYPE_CHECKING:
    from gaintrace.sweeps.claims import Claim
    from gaintrace.sweeps.shard import ShardTrainer
    from gaintrace.training.reporter import Reporter

WAIT = 2.0
"""Seconds between looks at shards that others train."""


@dataclass(frozen=True)
class Machine:
    """What of this machine trains.

    `device`: auto, cpu, cuda or cuda:N. `threads` of a CPU: one a core without a number. `members`: most runs side by
    side; what fits without a number. `metrics`: PORT or HOST:PORT that answers Prometheus meanwhile. `devices`: several
    that train at once, a process each, instead of the one. `claims`: whether other processes may train the same shards.
    `tensorboard`: a folder that gets event files meanwhile.
    """

    device: str = "auto"
    threads: int | None = None
    members: int | None = None
    metrics: str | None = None
    devices: tuple[str, ...] = ()
    claims: bool = False
    tensorboard: Path | None = None


HERE = Machine()
"""A GPU where there is one, every core, as many runs side by side as memory holds."""


def train_here(
    plan: Plan,
    dataset: Dataset,
    store: Store,
    shards: list[int],
    machine: Machine,
    reporter: "Reporter",
    watcher: Watcher,
) -> None:
    """Train the unfinished runs of some shards on one device, in this process; `reporter` hears how it goes."""
    import torch

    from gaintrace.sweeps.shard import ShardTrainer
    from gaintrace.training.device import choose_device, keep_freed_memory

    keep_freed_memory()
    if machine.threads is not None:
        torch.set_num_threads(machine.threads)
    training = ShardTrainer(
        store=store,
        plan=plan,
        dataset=dataset,
        choose_device=lambda: choose_device(machine.device),
        reporter=reporter,
        interrupted=watcher.interrupted,
        max_members=machine.members,
    )
    if plan.spec.search is None and not machine.claims:
        for shard in shards:
            training.train(shard)
    else:
        _train_claimed(training, shards, watcher, say=not machine.claims)


def _train_claimed(training: "ShardTrainer", shards: list[int], watcher: Watcher, say: bool) -> None:
    """Train the shards that no other process has, and wait for those of others, whose places are taken if they die.

    `say`: whether to tell which these are.
    """
    from gaintrace.sweeps.claims import Claims
    from gaintrace.sweeps.results import read_results
    from gaintrace.sweeps.rounds import open_runs

    claims = Claims(training.store, training.plan.sweep_id)
    left, waited = shards, False
    while left:
        held = []
        for shard in left:
            own = training.plan.with_runs(training.plan.shard(shard))
            if waited and not open_runs(own, read_results(training.store, own)):
                continue  # another process has been through with it
            claim = claims.take(shard)
            if claim is None:
                held.append(shard)
                continue
            with claim:
                training.interrupted = partial(_interrupted, watcher, claim)
                try:
                    training.train(shard)
                except InterruptedRunError:
                    if watcher.interrupted() or not claim.lost:
                        raise
                    watcher.note(f"shard {shard}: this process was asleep, and another took its place")
                    held.append(shard)
        if held and not waited and say:
            watcher.note(f"shards that another process trains: {', '.join(map(str, held))}; waiting for them")
        left, waited = held, True
        until = time.monotonic() + WAIT
        while left and time.monotonic() < until:
            if watcher.interrupted():
                raise InterruptedRunError(
                    "stopped while another process trains; run the same command again to continue"
                )
            time.sleep(WAIT / 10)


def _interrupted(watcher: Watcher, claim: "Claim") -> bool:
    return watcher.interrupted() or claim.lost
