"""`report`: look at what the aggregator wrote."""

import os
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from gaintrace.cli.console import plain
from gaintrace.cli.places import file
from gaintrace.cli.sweep import Out
from gaintrace.errors import ConfigError


def report(
    sweep: Annotated[
        str, typer.Argument(metavar="[SWEEP]", help="A sweep's id or name; without it, or of several, the newest.")
    ] = "",
    out: Out = "store",
    to: Annotated[
        str | None, typer.Option("--to", metavar="FILE", help="Copy it there; SWEEP.html, where the store is remote.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE though it is no report.")] = False,
    show: Annotated[
        bool, typer.Option("--open/--no-open", help="Open it in a browser, or only print its path.")
    ] = True,
) -> None:
    """Open a sweep's report in a browser, from a remote store by way of a local copy, and print its path."""
    from gaintrace.store import FolderStore, MissingObjectError, layout, open_store
    from gaintrace.sweeps.plan import find_sweep

    copy = file("--to", to) if to is not None else None
    store = open_store(out)
    sweep_id = find_sweep(store, sweep)
    key = layout.sweep(sweep_id, "report.html")
    try:
        page = store.read(key)
    except MissingObjectError:
        raise ConfigError(
            f"sweep {sweep_id} has no report yet; `gaintrace aggregate --sweep {sweep_id} --out {out}` makes one of "
            "what is trained so far"
        ) from None
    if isinstance(store, FolderStore) and copy is None:
        path = store.path(key)
    else:
        path = copy or Path(f"{sweep_id}.html")
        if not force and path.is_file() and b"<title>" not in path.read_bytes()[:1000]:
            raise ConfigError(f"{path} exists and is no report; choose another FILE, or replace it with --force")
        FolderStore(path.resolve().parent).write(path.name, page)
    print(path)
    if show and not opened(path.resolve()):
        plain(stderr=True).print("No browser can be opened here; look at the file above from elsewhere.")


def opened(path: Path) -> bool:
    """Open a file in the user's browser; False where there is none. Text browsers, which take over, do not count."""
    seats = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in seats):
        return False
    try:
        return webbrowser.open(path.as_uri())
    except webbrowser.Error:
        return False
