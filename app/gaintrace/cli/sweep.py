"""`sweep` and `train`, and the three steps they are made of: `plan`, `train-shard`, `aggregate`."""

import json
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from gaintrace.cli import named
from gaintrace.cli.attempts import Attempt, Retries, check_attempt
from gaintrace.cli.concluded import show
from gaintrace.cli.console import plain
from gaintrace.cli.devices import chosen_device, chosen_devices
from gaintrace.cli.events import TensorBoard, events
from gaintrace.cli.log import logged
from gaintrace.cli.places import folder as folder_of
from gaintrace.cli.watcher import ConsoleWatcher
from gaintrace.config import SweepSpec, listed_overrides, load_spec
from gaintrace.errors import ConfigError

if TYPE_CHECKING:
    from gaintrace.store import Store

Source = Annotated[str, typer.Argument(metavar="SWEEP", help="A preset's name or a YAML file.")]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="URI",
        callback=named.data_given,
        help="A prepared data set: folder, URI, or name in the store.",
    ),
]
# The callback of --data looks at it, so it is read first.
DataOptional = Annotated[
    bool,
    typer.Option("--data-optional", is_eager=True, help="Take an empty --data for none, as workflows must."),
]
Out = Annotated[
    str, typer.Option("--out", metavar="URI", callback=named.not_empty, help="Store that gets the results.")
]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Override a value; repeatable.")]
RunsPerPod = Annotated[int | None, typer.Option(min=1, help="Runs a shard holds; all without it.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Devices = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        callback=named.not_empty,
        help="Several devices that train at once, a process each: numbers of GPUs, as in 0,1, or devices. Runs are "
        "shared out among them.",
    ),
]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; one a core without it.")]
MostMembers = Annotated[int | None, typer.Option(min=1, help="Most runs trained side by side; what fits without it.")]
Gpus = Annotated[int | None, typer.Option(min=0, help="0: train on the CPU; 1 or more: a CUDA device must be there.")]
MetricsAddress = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        metavar="ADDRESS",
        envvar="GAINTRACE_METRICS",
        callback=named.metrics_address,
        help="Serve /metrics at PORT or HOST:PORT.",
    ),
]
Pushgateway = Annotated[
    str,
    typer.Option(
        metavar="URL",
        envvar="GAINTRACE_PUSHGATEWAY",
        callback=named.gateway,
        help="Pushgateway that gets the outcome, if any.",
    ),
]
SweepId = Annotated[str, typer.Option("--sweep", metavar="ID", help="The sweep's id, as `plan` prints it.")]


def sweep(
    source: Source,
    data: Data = None,
    out: Out = "store",
    overrides: Set = None,
    runs_per_pod: RunsPerPod = None,
    device: Device = "auto",
    devices: Devices = None,
    threads: Threads = None,
    members: MostMembers = None,
    metrics: MetricsAddress = None,
    tensorboard: TensorBoard = None,
    pushgateway: Pushgateway = "",
) -> None:
    """Run a whole sweep on this machine and write its report. Running it again continues."""
    from gaintrace.store import open_store

    store = open_store(out)
    spec = _spec(store, source, data, overrides)

    from gaintrace.pipeline.sweep import run_sweep
    from gaintrace.pipeline.training import Machine

    console = plain()
    with ConsoleWatcher(console) as watcher:
        done = run_sweep(
            spec,
            store,
            runs_per_shard=runs_per_pod,
            machine=Machine(
                device, threads, members, metrics, chosen_devices(device, devices), tensorboard=events(tensorboard)
            ),
            watcher=watcher,
            pushgateway=pushgateway,
        )
    show(console, done, out)


def train(
    source: Source,
    data: Data = None,
    out: Out = "store",
    overrides: Set = None,
    device: Device = "auto",
    threads: Threads = None,
    tensorboard: TensorBoard = None,
) -> None:
    """Train one run: a sweep that expands to a single configuration."""
    from gaintrace.store import open_store

    spec = _spec(open_store(out), source, data, overrides)
    if spec.search is not None:
        raise ConfigError(f"{source} is a search. `gaintrace sweep {source}` trains what it suggests")
    if spec.size() != 1:
        raise ConfigError(
            f"{source} is {spec.size()} runs. `gaintrace sweep {source}` trains them all; to train one, fix what is "
            f"swept, as in --set grid={{}} --set base.{next(iter(spec.axes()))}=…"
        )
    sweep(source, data, out, overrides, device=device, threads=threads, tensorboard=tensorboard)


def plan(
    source: Source,
    data: Data = None,
    out: Out = "store",
    overrides: Set = None,
    runs_per_pod: RunsPerPod = None,
    epochs: Annotated[str, typer.Option(help="Most epochs of every run; empty leaves it to the sweep.")] = "",
    more: Annotated[
        str, typer.Option("--overrides", metavar="LIST", help="Like --set, several, separated by semicolons.")
    ] = "",
    outputs: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Folder for `sweep-id` and `shards.json`, for workflow engines."),
    ] = None,
    after: Annotated[
        str,
        typer.Option(metavar="LIST", help="Shards just trained, of which no failed run is tried again."),
    ] = "",
    parameters: Annotated[
        str | None, typer.Option(metavar="JSON", help="All parameters of the workflow, to be checked.")
    ] = None,
    data_optional: DataOptional = False,
) -> None:
    """Expand a sweep into shards, put the plan into the store and print the sweep's id.

    Of a search, the round that is due: the next one where every run so far has ended. `shards.json` then has the shards
    that are left to train, or have runs that failed before this workflow, and none where the search is over.
    """
    from gaintrace.cluster.parameters import check_given
    from gaintrace.store import FolderStore, open_store
    from gaintrace.sweeps.plan import check_shards

    if parameters is not None:
        check_given(parameters)
    store = open_store(out)
    changes = [*(overrides or []), *listed_overrides(epochs, more)]
    spec = _spec(store, source, data, changes)
    folder = named.writable("--outputs", str(outputs)) if outputs is not None else None
    if folder is not None:
        check_shards(spec, runs_per_pod)

    from gaintrace.pipeline.sweep import plan_sweep, unfinished_shards

    watcher = ConsoleWatcher(plain(stderr=True))
    plan_, _ = plan_sweep(spec, store, runs_per_shard=runs_per_pod, watcher=watcher)
    if folder is not None:
        shards = unfinished_shards(store, plan_, failed=not after)
        FolderStore(folder).write("sweep-id", plan_.sweep_id.encode())
        FolderStore(folder).write("shards.json", json.dumps(shards).encode())
    print(plan_.sweep_id)


def train_shard(
    sweep_id: SweepId,
    shard: Annotated[int, typer.Option(min=0, help="Number of the shard, from 0.")],
    out: Out = "store",
    data: Data = None,
    device: Device = "auto",
    threads: Threads = None,
    members: MostMembers = None,
    gpus: Gpus = None,
    metrics: MetricsAddress = None,
    log: Annotated[bool, typer.Option("--log", help="Put what is printed into the store, too.")] = False,
    attempt: Attempt = None,
    retries: Retries = 4,
    data_optional: DataOptional = False,
) -> None:
    """Train the unfinished runs of one shard."""
    from gaintrace.pipeline.shards import train_shards
    from gaintrace.pipeline.training import Machine
    from gaintrace.store import layout, open_store
    from gaintrace.sweeps.data import load_data
    from gaintrace.sweeps.plan import read_shard

    store = open_store(out)
    check_attempt(store, attempt, retries)
    plan_ = read_shard(store, sweep_id, shard)
    base = plan_.spec.base
    if data:
        uri = named.dataset(store, data)
        base = base.model_copy(update={"data": base.data.model_copy(update={"dataset": uri})})
    key = layout.shard_log(sweep_id, shard, f"{datetime.now(UTC):%Y%m%dT%H%M%S}")
    with logged(store, key) if log else nullcontext(plain()) as console, ConsoleWatcher(console) as watcher:
        machine = Machine(chosen_device(device, gpus), threads, members, metrics)
        train_shards(plan_, load_data(base), store, [shard], machine=machine, watcher=watcher)


def import_results(
    folder: Annotated[str, typer.Argument(help="Folder with *epochs*.csv and *test*.csv.")],
    out: Out = "store",
    like: Annotated[str, typer.Option("--like", help="Sweep whose name, objective and criteria apply.")] = "phase2",
) -> None:
    """Put other people's per-epoch and test CSVs into the store as a sweep, and report on it."""
    from gaintrace.pipeline.sweep import conclude
    from gaintrace.store import open_store
    from gaintrace.sweeps.imported import import_results as import_folder

    store = open_store(out)
    show(plain(), conclude(store, import_folder(folder_of("FOLDER", folder), store, load_spec(like))), out)


def aggregate(
    sweep_id: SweepId,
    out: Out = "store",
    pushgateway: Pushgateway = "",
    outputs: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Folder for copies: `report.html` without scripts, and `results.csv`."),
    ] = None,
) -> None:
    """Make tables, figures and the report of what a sweep has trained so far."""
    from gaintrace.pipeline.sweep import conclude
    from gaintrace.report.aggregate import without_scripts
    from gaintrace.store import FolderStore, layout, open_store
    from gaintrace.sweeps.plan import find_sweep, read_plan

    store, console = open_store(out), plain()
    if not store.exists(layout.sweep(sweep_id, layout.PLAN)):  # a name; to look for it is to list the store
        sweep_id = find_sweep(store, sweep_id)
    folder = named.writable("--outputs", outputs) if outputs is not None else None
    with ConsoleWatcher(console):
        done = conclude(store, read_plan(store, sweep_id), pushgateway)
    if folder is not None:
        page = store.read(layout.sweep(sweep_id, "report.html")).decode()
        FolderStore(folder).write("report.html", without_scripts(page).encode())
        FolderStore(folder).write("results.csv", store.read(layout.sweep(sweep_id, "results.csv")))
    show(console, done, out)


def _spec(store: "Store", source: str, data: str | None, overrides: list[str] | None) -> SweepSpec:
    changes = list(overrides or [])
    if data:
        replaced = [o for o in changes if o.strip().startswith(("base.data.dataset", "base.data.synthetic"))]
        if replaced:
            raise ConfigError(f"--set {replaced[0]} has no effect: --data names the data set. Leave one of them out")
        uri = named.dataset(store, data)
        changes += ["base.data.synthetic=null", f"base.data.dataset={json.dumps(uri)}"]
    return load_spec(source, changes)
