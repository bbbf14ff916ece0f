"""`sweep` and `train`, and the three steps they are made of: `plan`, `train-shard`, `aggregate`."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from gaintrace.cli.log import logged
from gaintrace.config import SweepSpec, listed_overrides, load_spec
from gaintrace.errors import ConfigError, IncompleteError

if TYPE_CHECKING:
    from gaintrace.data.dataset import Dataset
    from gaintrace.store import Store
    from gaintrace.sweep.plan import Plan

Source = Annotated[str, typer.Argument(metavar="SWEEP", help="A preset's name or a YAML file.")]
Data = Annotated[str | None, typer.Option("--data", metavar="URI", help="Folder of a prepared data set.")]
Out = Annotated[str, typer.Option("--out", metavar="URI", help="Store that gets the results.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Override a value; repeatable.")]
RunsPerPod = Annotated[int | None, typer.Option(min=1, help="Runs a shard holds; all without it.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; one a core without it.")]
Members = Annotated[int | None, typer.Option(min=1, help="Most runs trained side by side; what fits without it.")]
Gpus = Annotated[int | None, typer.Option(min=0, help="0: train on the CPU; 1 or more: a CUDA device must be there.")]
Metrics = Annotated[
    str | None,
    typer.Option(
        "--metrics", metavar="ADDRESS", envvar="GAINTRACE_METRICS", help="Serve /metrics at PORT or HOST:PORT."
    ),
]
Pushgateway = Annotated[
    str,
    typer.Option(metavar="URL", envvar="GAINTRACE_PUSHGATEWAY", help="Pushgateway that gets the outcome, if any."),
]
SweepId = Annotated[str, typer.Option("--sweep", metavar="ID", help="The sweep's id, as `plan` prints it.")]


def sweep(
    source: Source,
    data: Data = None,
    out: Out = "store",
    overrides: Set = None,
    runs_per_pod: RunsPerPod = None,
    device: Device = "auto",
    threads: Threads = None,
    members: Members = None,
    metrics: Metrics = None,
    pushgateway: Pushgateway = "",
) -> None:
    """Run a whole sweep on this machine and write its report. Running it again continues."""
    plan_, dataset, store = _plan(source, data, out, overrides, runs_per_pod)
    console = Console()
    _say_plan(console, plan_, dataset)
    run_shards(console, plan_, dataset, store, range(plan_.shards), device, threads, members, metrics)
    _conclude(console, store, plan_, pushgateway)


def train(
    source: Source,
    data: Data = None,
    out: Out = "store",
    overrides: Set = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Train one run: a sweep that expands to a single configuration."""
    spec = _spec(source, data, overrides)
    if spec.size() != 1:
        raise ConfigError(
            f"{source} is {spec.size()} runs. `gaintrace sweep {source}` trains them all; to train one, fix what is "
            f"swept, as in --set grid={{}} --set base.{next(iter(spec.axes()))}=…"
        )
    sweep(source, data, out, overrides, None, device, threads, None)


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
        Path | None, typer.Option(help="Folder for `sweep-id` and `shards.json`, for workflow engines.")
    ] = None,
) -> None:
    """Expand a sweep into shards, put the plan into the store and print the sweep's id."""
    changes = [*(overrides or []), *listed_overrides(epochs, more)]
    plan_, dataset, _ = _plan(source, data, out, changes, runs_per_pod)
    _say_plan(Console(stderr=True), plan_, dataset)
    if outputs is not None:
        outputs.mkdir(parents=True, exist_ok=True)
        (outputs / "sweep-id").write_text(plan_.sweep_id)
        (outputs / "shards.json").write_text(json.dumps(list(range(plan_.shards))))
    print(plan_.sweep_id)


def train_shard(
    sweep_id: SweepId,
    shard: Annotated[int, typer.Option(min=0, help="Number of the shard, from 0.")],
    out: Out = "store",
    data: Data = None,
    device: Device = "auto",
    threads: Threads = None,
    members: Members = None,
    gpus: Gpus = None,
    metrics: Metrics = None,
    log: Annotated[bool, typer.Option("--log", help="Put what is printed into the store, too.")] = False,
) -> None:
    """Train the unfinished runs of one shard."""
    from gaintrace.store import open_store
    from gaintrace.sweep.plan import read_plan
    from gaintrace.sweep.shard import load_data

    store = open_store(out)
    plan_ = read_plan(store, sweep_id)
    plan_.shard(shard)
    base = plan_.spec.base
    if data:
        base = base.model_copy(update={"data": base.data.model_copy(update={"dataset": data})})
    key = f"sweeps/{sweep_id}/logs/shard-{shard:03}-{datetime.now(UTC):%Y%m%dT%H%M%S}.log"
    with logged(store, key) if log else nullcontext(Console()) as console:
        shards = range(shard, shard + 1)
        run_shards(
            console, plan_, load_data(base), store, shards, chosen_device(device, gpus), threads, members, metrics
        )


def import_results(
    folder: Annotated[Path, typer.Argument(help="Folder with *epochs*.csv and *test*.csv.")],
    out: Out = "store",
    like: Annotated[str, typer.Option("--like", help="Sweep whose name, objective and criteria apply.")] = "phase2",
) -> None:
    """Put other people's per-epoch and test CSVs into the store as a sweep, and report on it."""
    from gaintrace.store import open_store
    from gaintrace.sweep.imported import import_results as import_folder

    store = open_store(out)
    _conclude(Console(), store, import_folder(folder, store, load_spec(like)))


def aggregate(sweep_id: SweepId, out: Out = "store", pushgateway: Pushgateway = "") -> None:
    """Make tables, figures and the report of what a sweep has trained so far."""
    from gaintrace.store import open_store
    from gaintrace.sweep.plan import read_plan

    store = open_store(out)
    _conclude(Console(), store, read_plan(store, sweep_id), pushgateway)


def chosen_device(device: str, gpus: int | None) -> str:
    """The device that a count of GPUs, as a pod asks for them, means."""
    if gpus is None:
        return device
    return "cuda" if gpus else "cpu"


def _spec(source: str, data: str | None, overrides: list[str] | None) -> SweepSpec:
    changes = list(overrides or [])
    if data:
        changes += ["base.data.synthetic=null", f"base.data.dataset={json.dumps(data)}"]
    return load_spec(source, changes)


def _plan(
    source: str, data: str | None, out: str, overrides: list[str] | None, runs_per_pod: int | None
) -> "tuple[Plan, Dataset, Store]":
    spec = _spec(source, data, overrides)

    from gaintrace.store import open_store
    from gaintrace.sweep.plan import make_plan, write_plan
    from gaintrace.sweep.shard import load_data, reference

    store = open_store(out)
    dataset = load_data(spec.base)
    plan_ = make_plan(spec, reference(spec.base, dataset), runs_per_pod)
    write_plan(store, plan_)
    return plan_, dataset, store


def run_shards(
    console: Console,
    plan_: "Plan",
    dataset: "Dataset",
    store: "Store",
    shards: range,
    device: str,
    threads: int | None,
    members: int | None,
    metrics: str | None = None,
) -> None:
    """Train shards of a plan on one device, with progress on the console; a signal stops after a checkpoint."""
    import torch

    from gaintrace.cli.progress import TrainingProgress
    from gaintrace.sweep.shard import ShardTrainer
    from gaintrace.telemetry.live import LiveMetrics
    from gaintrace.training.device import choose_device, keep_freed_memory
    from gaintrace.training.reporter import Reporter, Several

    keep_freed_memory()
    if threads is not None:
        torch.set_num_threads(threads)
    chosen = choose_device(device)
    runs = [run for shard in shards for run in plan_.shard(shard)]
    with ExitStack() as stack:
        progress = stack.enter_context(TrainingProgress(console, plan_.spec.name, runs))
        stopped = stack.enter_context(stop_on_signal())
        reporter: Reporter = progress
        if metrics:
            live = LiveMetrics(
                plan_.spec.name,
                dataset.name,
                {run.run_id: run.config.training.epochs for run in runs},
                dataset.training_interactions(plan_.spec.base.data.fold),
            )
            port = stack.enter_context(live.served(metrics))
            console.print(f"metrics: port {port}, /metrics", highlight=False)
            reporter = Several(progress, live)
        trainer = ShardTrainer(
            store=store,
            plan=plan_,
            dataset=dataset,
            device=chosen,
            reporter=reporter,
            interrupted=stopped.is_set,
            max_members=members,
        )
        for shard in shards:
            trainer.train(shard)


def _conclude(console: Console, store: "Store", plan_: "Plan", pushgateway: str = "") -> None:
    from gaintrace.sweep.aggregate import aggregate as run_aggregate
    from gaintrace.sweep.plan import seconds_since_planned
    from gaintrace.sweep.terminal import show
    from gaintrace.telemetry import outcome

    summary = run_aggregate(store, plan_.sweep_id)
    registry = outcome.sweep_metrics(summary, seconds_since_planned(store, plan_.sweep_id))
    store.write(f"sweeps/{plan_.sweep_id}/metrics.prom", outcome.text(registry))
    problem = outcome.push(pushgateway, registry, summary.name, summary.data.name) if pushgateway else None
    show(console, summary)
    if problem:
        console.print(problem, highlight=False, markup=False)
    console.print(f"report: {store.uri}/sweeps/{plan_.sweep_id}/report.html", soft_wrap=True, highlight=False)
    if not summary.coverage.enough:
        coverage = summary.coverage
        raise IncompleteError(
            f"{coverage.succeeded} of {coverage.planned} runs succeeded and {coverage.required:.0%} must; "
            "results.csv names the others. Run the same command again to try them again, or set min_coverage"
        )


def _say_plan(console: Console, plan_: "Plan", dataset: "Dataset") -> None:
    runs = len(plan_.runs)
    console.print(
        f"{plan_.sweep_id}: {runs} run{'' if runs == 1 else 's'} on {dataset.name} "
        f"({len(dataset.students):,} students, {len(dataset.interactions):,} interactions, "
        f"{len(dataset.skills)} skills)",
        highlight=False,
    )


@contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """Turn the first SIGINT or SIGTERM into an event, so that training can save its state; a second one kills."""
    stopped = threading.Event()
    previous: dict[signal.Signals, Any] = {}

    def handle(number: int, _frame: object) -> None:
        stopped.set()
        signal.signal(number, previous[signal.Signals(number)])

    for which in (signal.SIGINT, signal.SIGTERM):
        previous[which] = signal.signal(which, handle)
    try:
        yield stopped
    finally:
        for which, handler in previous.items():
            signal.signal(which, handler)
