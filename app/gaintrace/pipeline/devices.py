"""One sweep on several devices of this machine: a process a device, which take shards from one queue.

The queue is the store: whoever claims a shard trains it (gaintrace.sweeps.claims). What the processes report reaches
the one reporter of the sweep, and a process that dies leaves its shards to the others.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.synchronize import Event
from typing import cast

from gaintrace.errors import DeviceError, GaintraceError, InterruptedRunError
from gaintrace.pipeline.training import Machine, train_here
from gaintrace.pipeline.watcher import Unwatched
from gaintrace.store import open_store
from gaintrace.sweeps.data import load_data
from gaintrace.sweeps.plan import Plan
from gaintrace.sweeps.results import read_results
from gaintrace.sweeps.rounds import open_runs
from gaintrace.training.reporter import Reporter

LOOK = 0.2
"""Seconds between looks at whether the user wants to stop."""


def train_on_devices(
    plan: Plan,
    store: str,
    shards: list[int],
    machine: Machine,
    reporter: Reporter,
    interrupted: Callable[[], bool],
) -> None:
    """Train the unfinished runs of some shards; `store`: its URI. Raises what the first process that failed raised.

    Where a device is at fault the others go on, and DeviceError is raised only after they have done all they could.
    """
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    share = machine.threads or max(1, (os.cpu_count() or 1) // len(machine.devices))
    processes = {
        connection: process
        for device in machine.devices
        for connection, process in [_start(context, plan, store, shards, _own(machine, device, share), stop)]
    }
    errors: list[tuple[str, BaseException]] = []
    try:
        while processes:
            for connection in wait(list(processes), LOOK):
                assert isinstance(connection, Connection)
                try:
                    name, arguments = connection.recv()
                except EOFError:
                    process = processes.pop(connection)
                    process.join()
                    if process.exitcode:
                        errors.append((process.name, _died(process)))
                    continue
                if name == "error":
                    errors.append((processes[connection].name, arguments[0]))
                    if not isinstance(arguments[0], DeviceError):
                        stop.set()
                else:
                    getattr(reporter, name)(*arguments)
            if interrupted():
                stop.set()
    finally:
        stop.set()
        for process in processes.values():
            process.join()
    errors.sort(key=lambda found: (isinstance(found[1], InterruptedRunError), isinstance(found[1], DeviceError)))
    lost = errors and (not isinstance(errors[0][1], DeviceError) or _open(plan, store, shards))
    for device, error in errors[1:] if lost else errors:
        reporter.note(f"{device}: {error}")
    if lost:
        raise errors[0][1]


def _open(plan: Plan, store: str, shards: list[int]) -> bool:
    """Whether runs are left that nobody has ended, as others took the shards of a device that failed."""
    left = plan.with_runs([run for shard in shards for run in plan.shard(shard)])
    return bool(open_runs(left, read_results(open_store(store), left)))


def _died(process: SpawnProcess) -> GaintraceError:
    code = process.exitcode or 0
    if code > 0:
        return GaintraceError(f"the process of {process.name} ended with {code}; what it printed says why")
    how = signal.Signals(-code).name
    return DeviceError(f"the process of {process.name} was ended by {how}. Run the same command again to continue")


def _own(machine: Machine, device: str, threads: int) -> Machine:
    """What one of the processes trains with."""
    return replace(machine, device=device, devices=(), threads=threads, metrics=None, claims=True, tensorboard=None)


def _start(
    context: SpawnContext, plan: Plan, store: str, shards: list[int], machine: Machine, stop: Event
) -> tuple[Connection, SpawnProcess]:
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(plan, store, shards, machine, stop, theirs), name=machine.device)
    process.start()
    theirs.close()
    return ours, process


def _work(plan: Plan, store: str, shards: list[int], machine: Machine, stop: Event, connection: Connection) -> None:
    """In a process of its own: train whatever shards nobody else does."""
    for which in (signal.SIGINT, signal.SIGTERM):  # a terminal sends them to all; the first process says what to do
        signal.signal(which, signal.SIG_IGN)
    afar = _Afar(connection, stop)
    try:
        train_here(plan, load_data(plan.spec.base), open_store(store), shards, machine, afar.reporter, afar)
    except GaintraceError as error:
        connection.send(("error", (error,)))
    finally:
        connection.close()


class _Afar(Unwatched):
    """A watcher in another process. Its reporter is told what a Reporter is told, and passes it on."""

    def __init__(self, connection: Connection, stop: Event) -> None:
        self.reporter = cast(Reporter, _Forwarding(connection))
        self.stop = stop

    def interrupted(self) -> bool:
        """Also where the process that was started by the user is no more."""
        parent = multiprocessing.parent_process()
        return self.stop.is_set() or parent is None or not parent.is_alive()


class _Forwarding:
    """Sends what a reporter is told, from any thread, to the process that has the reporter."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.lock = threading.Lock()

    def __getattr__(self, name: str) -> Callable[..., None]:
        def send(*arguments: object) -> None:
            with self.lock:
                self.connection.send((name, arguments))

        return send
