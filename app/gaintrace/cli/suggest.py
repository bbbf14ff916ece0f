"""`suggest`: where to start on a data set."""

import shlex
from typing import Annotated

import typer
import yaml
from rich.console import Console

from gaintrace.cli import named
from gaintrace.cli.console import plain
from gaintrace.cli.places import file, of_store
from gaintrace.cli.sweep import Out


def suggest(
    data: Annotated[
        str,
        typer.Option(
            "--data",
            metavar="URI",
            callback=named.not_empty,
            help="A prepared data set: folder, URI, or name in the store.",
        ),
    ],
    out: Out = "store",
    to: Annotated[
        str | None, typer.Option("--to", metavar="FILE", help="Write the configuration there, a sweep of one run.")
    ] = None,
) -> None:
    """Suggest a configuration for a data set by what sweeps found on others, and say what that is worth."""
    from gaintrace.data.dataset import load_dataset
    from gaintrace.defaults.suggestion import suggest as suggest_configuration
    from gaintrace.defaults.suggestion import suggested_spec
    from gaintrace.store import FolderStore, open_store

    path = file("--to", to) if to is not None else None
    store, console = open_store(out), plain()
    dataset = load_dataset(named.dataset(store, data))
    found = suggest_configuration(store, dataset, lambda text: _say(console, text))
    _say(console, f"{found.dataset}: {found.properties.words}")
    _say(console, found.text)
    for one in found.left_out:
        _say(console, f"  {one.dataset}: {one.by_properties:.4f} by properties, {one.by_default:.4f} by the default")
    _say(console, "suggested: " + ", ".join(f"{name} {value}" for name, value in found.swept.items()))
    if path is not None:
        spec = yaml.safe_dump(suggested_spec(found).model_dump(mode="json"), sort_keys=False, allow_unicode=True)
        FolderStore(path.resolve().parent).write(path.name, spec.encode())
        _say(
            console,
            f"{path}: `gaintrace train {shlex.quote(str(path))} --data {shlex.quote(data)}{of_store(out)}` trains it",
        )


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
