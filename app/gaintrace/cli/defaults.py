"""`promote` a sweep's configuration to the default, and `defaults`: what it is, was, and what changed."""

import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gaintrace.cli import named
from gaintrace.cli import sweep as sweeps
from gaintrace.cli.console import plain
from gaintrace.cli.watcher import ConsoleWatcher
from gaintrace.config import SweepSpec, as_text, load_spec
from gaintrace.errors import ConfigError

if TYPE_CHECKING:
    from gaintrace.store import Store

app = typer.Typer(help="Show a store's default configuration, what it was, and what changed.", no_args_is_help=True)

Which = Annotated[str | None, typer.Argument(metavar="DEFAULT", help="A number of the history, a preset or a file.")]


def promote(
    sweep: Annotated[
        str,
        typer.Argument(metavar="SWEEP", callback=named.not_empty, help="A sweep's id or name; of several, the newest."),
    ],
    out: sweeps.Out = "store",
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Promote this run's configuration, not the best.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overrule all objections; they are recorded.")] = False,
    train: Annotated[
        bool, typer.Option("--train", help="First train the default in force on the sweep's data, to compare with.")
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", metavar="URI", callback=named.not_empty, help="For --train: where the sweep's data set lies now."
        ),
    ] = None,
    device: sweeps.Device = "auto",
    threads: sweeps.Threads = None,
) -> None:
    """Make a sweep's best configuration the default, if it is better than the one in force on the same data."""
    from gaintrace.defaults.promotion import promote as promote_configuration
    from gaintrace.store import layout, open_store
    from gaintrace.sweeps.plan import find_sweep

    store = open_store(out)
    command = as_text(shlex.join(["gaintrace", *sys.argv[1:]]))
    sweep_id, console = find_sweep(store, sweep), plain()
    if run is not None:
        run = named.finished_run(store, run, sweep_id)
    if data is not None and not train:
        raise ConfigError(f"--data {data}: nothing is trained, so no data are read; add --train, or leave it out")
    if train:
        from gaintrace.pipeline.promotion import train_default
        from gaintrace.pipeline.training import Machine

        machine = Machine(device, threads)
        with ConsoleWatcher(console) as watcher:
            uri = named.dataset(store, data) if data is not None else None
            train_default(store, sweep_id, run, data=uri, machine=machine, watcher=watcher)
    promotion = promote_configuration(store, sweep_id, run, force, command)
    default = promotion.default
    where = f"{store.uri}/{layout.CURRENT_DEFAULT}"
    if promotion.already:
        console.print(
            f"default {default.number} ({default.hash}) is this configuration already: {where}", soft_wrap=True
        )
        return
    for reason in default.provenance.overruled:
        console.print(f"overruled: {reason}")
    for remark in default.provenance.remarks:
        console.print(f"to be known: {remark}")
    console.print(f"default {default.number} ({default.hash}): {where}", soft_wrap=True)
    console.print(default.provenance.comparison)
    if default.provenance.model is None:
        console.print("No weights are kept with it: none of its runs has any in this store")
    else:
        console.print(f"`gaintrace predict default` uses the weights of run {default.provenance.model}")
    _show_changes(console, _before(store, default.number), default.spec)


@app.command()
def show(
    number: Annotated[int | None, typer.Argument(metavar="NUMBER", help="Of the history; the one in force.")] = None,
    out: sweeps.Out = "store",
) -> None:
    """Print a default as a sweep of one run, which `gaintrace train` takes, and where it came from as comments."""
    from gaintrace.defaults import history
    from gaintrace.store import open_store

    store = open_store(out)
    default = history.current(store) if number is None else history.entry(store, number)
    if default is None:
        print(f"# {store.uri} has no promoted default; the preset {history.FALLBACK} is used")
        print(history.to_yaml(load_spec(history.FALLBACK).model_dump(mode="json")), end="")
        return
    head = {"default": default.number, "hash": default.hash} | default.provenance.model_dump(mode="json")
    print("".join(f"# {line}\n" for line in history.to_yaml(head).splitlines()), end="")
    print(history.to_yaml(default.spec.model_dump(mode="json")), end="")


@app.command()
def diff(old: Which = None, new: Which = None, out: sweeps.Out = "store") -> None:
    """Show what changed from one default to another: from the one before to the one in force, if none is named."""
    from gaintrace.defaults import history
    from gaintrace.store import open_store

    store = open_store(out)
    now = history.current(store)
    before = _before(store, now.number if now else 1) if old is None else _spec(store, old)
    after = (now.spec if now else load_spec(history.FALLBACK)) if new is None else _spec(store, new)
    _show_changes(plain(), before, after)


@app.command("history")
def list_history(out: sweeps.Out = "store") -> None:
    """List every default there has been, the latest first."""
    from gaintrace.defaults import history
    from gaintrace.report.fitting import fitted
    from gaintrace.store import open_store

    store = open_store(out)
    entries = history.history(store)
    if not entries:
        print(f"{store.uri} has no promoted default; the preset {history.FALLBACK} is used")
        return
    rows = []
    for default in reversed(entries):
        origin = default.provenance
        forced = " (forced)" if origin.overruled else ""
        metrics = [f"{origin.metrics[m]:.4f}" for m in ("test_e1_auc", "test_e2_auc", "combined")]
        when = origin.promoted[:16].replace("T", " ")
        rows.append([str(default.number), when, default.hash[:8], f"{origin.sweep_id}{forced}", *metrics])
    columns = ["", "promoted", "hash", "from", "E1", "E2", "combined"]
    console = plain()
    console.print(fitted(console.width, columns, rows, left=columns[:4]))


def _before(store: "Store", number: int) -> SweepSpec:
    """The default before number `number`: an entry of the history, or the preset before the first."""
    from gaintrace.defaults import history

    return history.entry(store, number - 1).spec if number > 1 else load_spec(history.FALLBACK)


def _spec(store: "Store", which: str) -> SweepSpec:
    from gaintrace.defaults import history

    return history.entry(store, int(which)).spec if which.isdecimal() else load_spec(which)


def _show_changes(console: Console, before: SweepSpec, after: SweepSpec) -> None:
    from gaintrace.defaults.history import changes
    from gaintrace.report.fitting import fitted

    rows = changes(before, after)
    if not rows:
        console.print("no difference")
        return
    shown = [[path, *("–" if value is None else str(value) for value in both)] for path, both in rows.items()]
    console.print(fitted(console.width, ["what", "was", "is"], shown, left=["what"]))
