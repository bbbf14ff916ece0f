"""The command line. Commands are thin: they read arguments, call the package, and print."""

import sys

import typer
from rich.console import Console

from gaintrace import __version__
from gaintrace.cli import cluster, config, data, defaults, report, reproduce, sweep, trajectories, validate
from gaintrace.errors import GaintraceError

app = typer.Typer(
    help="Train dual-encoder knowledge-tracing models and run their experiments.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data")
app.add_typer(config.app, name="config")
app.add_typer(defaults.app, name="defaults")
app.command()(sweep.sweep)
app.command()(sweep.train)
app.command()(sweep.plan)
app.command()(sweep.train_shard)
app.command()(sweep.aggregate)
app.command()(report.report)
app.command()(sweep.import_results)
app.command()(validate.validate)
app.command()(defaults.promote)
app.command()(reproduce.reproduce)
app.command()(trajectories.trajectories)
app.command()(cluster.submit)
app.command()(cluster.watch)
app.command()(cluster.doctor)
app.command(hidden=True)(cluster.outcome)


@app.callback(invoke_without_command=True)
def root(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """Train dual-encoder knowledge-tracing models and run their experiments."""
    if version:
        print(f"gaintrace {__version__}")
        raise typer.Exit


def main() -> None:
    """Run a command; errors meant for the user become one message and their exit code."""
    try:
        app()
    except GaintraceError as error:
        Console(stderr=True).print(f"[bold red]error:[/] {_escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)


def _escape(text: str) -> str:
    return text.replace("[", r"\[")
