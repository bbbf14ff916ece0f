"""`gaintrace data`: prepare, look at and export data sets."""

import typer

app = typer.Typer(help="Prepare, look at and export data sets.", no_args_is_help=True)


@app.command()
def info(folder: str) -> None:
    """Counts and provenance of a prepared data set."""
    from gaintrace.data.dataset import load_info

    print(load_info(folder))
