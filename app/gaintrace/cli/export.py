"""`export`: a finished run as files that are used without gaintrace."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gaintrace.cli import named
from gaintrace.cli import sweep as sweeps
from gaintrace.cli.console import plain
from gaintrace.cli.places import file
from gaintrace.cli.predict import Run
from gaintrace.errors import ConfigError, DataError

if TYPE_CHECKING:
    from gaintrace.data.dataset import Dataset
    from gaintrace.store import Store
    from gaintrace.use.trained import Trained


def export(
    run: Run,
    format: Annotated[
        Literal["onnx", "safetensors"],
        typer.Option("--format", help="onnx: a graph that predicts, for any runtime; safetensors: the weights."),
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="FILE", help="File that gets the model; its card lies beside it, as FILE.md.")
    ],
    licence: Annotated[
        str | None,
        typer.Option("--data-licence", callback=named.not_empty, help="Licence of the data, for the model card."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE and its card if they exist.")] = False,
    out: sweeps.Out = "store",
) -> None:
    """Write a finished run as one file, with a model card: its data, split, metrics and learning curves."""
    import torch

    from gaintrace.store import open_store
    from gaintrace.use.default import load_named
    from gaintrace.use.export import described
    from gaintrace.use.export import export as write
    from gaintrace.use.graph import check_onnx
    from gaintrace.use.output import checked

    path = checked("--to", file("--to", to), force)
    checked("--to", described(path), force)
    if path.suffix != f".{format}":
        raise ConfigError(f"--to {path}: a file of format {format} ends in .{format}")
    if format == "onnx":
        check_onnx()
    store = open_store(out)
    trained = load_named(store, run, torch.device("cpu"))
    dataset, console = _dataset(store, trained), plain()
    for written in write(trained, dataset, path, format, licence):
        console.print(str(written), soft_wrap=True)
    if dataset is None:
        console.print(
            f"the card knows no more of {trained.result.data.name} than the run does: it is not where it was, and "
            f"{store.uri} has no data set of its content",
            soft_wrap=True,
        )


def _dataset(store: "Store", trained: "Trained") -> "Dataset | None":
    """The data set of a run, where it can be found."""
    from gaintrace.sweeps.data import load_own

    try:
        dataset = load_own(store, trained.config, trained.result.data.hash)
    except (ConfigError, DataError):
        return None
    return dataset if trained.trained_on(dataset) else None
