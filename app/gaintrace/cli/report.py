"""`report`: look at what the aggregator wrote, at two sweeps side by side, or take the figures."""

import os
import sys
import webbrowser
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gaintrace.cli.console import plain
from gaintrace.cli.named import writable
from gaintrace.cli.places import file
from gaintrace.cli.sweep import Out
from gaintrace.errors import ConfigError

if TYPE_CHECKING:
    from gaintrace.store import Store


class Format(StrEnum):
    """Of figures as files."""

    SVG = "svg"
    PDF = "pdf"


def report(
    sweeps: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SWEEP] [OTHER]",
            help="A sweep's id or name; without it, or of several, the newest. With OTHER, the two side by side.",
        ),
    ] = None,
    out: Out = "store",
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="FILE",
            help="Copy it there; SWEEP.html, where the store is remote; SWEEP-OTHER.html of two.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE though it is no report.")] = False,
    figures: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Write every figure there as a file instead.")
    ] = None,
    form: Annotated[
        Format | None,
        typer.Option(
            "--format", help="Of figures: pdf for a paper, with its fonts; svg for a page.", show_default="pdf"
        ),
    ] = None,
    show: Annotated[
        bool, typer.Option("--open/--no-open", help="Open it in a browser, or only print its path.")
    ] = True,
) -> None:
    """Open a sweep's report in a browser, from a remote store by way of a local copy, and print its path.

    Of two sweeps: a page that sets them side by side.
    """
    from gaintrace.store import FolderStore, MissingObjectError, layout, open_store
    from gaintrace.sweeps.plan import find_sweep

    names = sweeps or [""]
    if len(names) > 2:
        raise ConfigError(f"{len(names)} sweeps; a report is of one, or of two side by side")
    if form is not None and figures is None:
        raise ConfigError("--format is of figures; name their folder with --figures, or leave it out")
    if to is not None and figures is not None:
        raise ConfigError("--figures writes figures instead of the report; leave --to out, or give two commands")
    copy = file("--to", to) if to is not None else None
    store = open_store(out)
    found = [find_sweep(store, name) for name in names]
    if figures is not None:
        if len(found) == 2:
            raise ConfigError("--figures are of one sweep; leave the other out")
        _write_figures(store, found[0], figures, form or Format.PDF)
        return
    if len(found) == 2:
        from gaintrace.report.beside import beside

        if found[0] == found[1]:
            raise ConfigError(
                f"both are sweep {found[0]}; a name means its newest sweep, so name an older one by its id"
            )

        page = beside(store, *found).encode()
        path = copy or Path(f"{found[0]}-{found[1]}.html")
        _write(path, page, force)
    else:
        sweep_id, key = found[0], layout.sweep(found[0], "report.html")
        try:
            page = store.read(key)
        except MissingObjectError:
            raise ConfigError(
                f"sweep {sweep_id} has no report yet; `gaintrace aggregate --sweep {sweep_id} --out {out}` makes one "
                "of what is trained so far"
            ) from None
        if isinstance(store, FolderStore) and copy is None:
            path = store.path(key)
        else:
            from gaintrace.report.export import page_alone

            path = copy or Path(f"{sweep_id}.html")
            _write(path, page_alone(page, sweep_id), force)
    print(path)
    if show and not opened(path.resolve()):
        plain(stderr=True).print("No browser can be opened here; look at the file above from elsewhere.")


def _write(path: Path, page: bytes, force: bool) -> None:
    """Put a page where there is none but a report, or where its owner says so."""
    from gaintrace.store import FolderStore

    if not force and path.is_file() and b"<title>" not in path.read_bytes()[:1000]:
        raise ConfigError(f"{path} exists and is no report; choose another FILE, or replace it with --force")
    FolderStore(path.resolve().parent).write(path.name, page)


def _write_figures(store: "Store", sweep_id: str, to: str, form: Format) -> None:
    """Draw a sweep's figures into a folder and print their paths."""
    from gaintrace.report.export import figure_files
    from gaintrace.store import FolderStore

    folder = writable("--figures", to)
    drawn = False
    for name, content in figure_files(store, sweep_id, form.value):
        FolderStore(folder).write(name, content)
        print(folder / name)
        drawn = True
    if not drawn:
        raise ConfigError(f"--figures: sweep {sweep_id} has nothing to draw; no run of it has succeeded")


def opened(path: Path) -> bool:
    """Open a file in the user's browser; False where there is none. Text browsers, which take over, do not count."""
    seats = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in seats):
        return False
    try:
        return webbrowser.open(path.as_uri())
    except webbrowser.Error:
        return False
