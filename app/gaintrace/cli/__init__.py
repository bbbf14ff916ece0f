"""The command line. Commands are thin: they read arguments, call the package, and print."""

import contextlib
import os
import sys

import typer
from rich.console import Console
from rich.text import Text

from gaintrace.cli import (
    cluster,
    config,
    data,
    defaults,
    evaluate,
    export,
    output,
    predict,
    report,
    reproduce,
    suggest,
    sweep,
    trajectories,
    validate,
)
from gaintrace.errors import GaintraceError, RefusedError
from gaintrace.version import __version__

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
app.command()(suggest.suggest)
app.command()(reproduce.reproduce)
app.command()(trajectories.trajectories)
app.command()(evaluate.evaluate)
app.command()(predict.predict)
app.command()(export.export)
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
    outputs = output.install()
    code: str | int | None = None
    try:
        app()
    except GaintraceError as error:
        _say(error)
        code = error.exit_code
    except SystemExit as end:
        code = end.code
    try:
        output.check(outputs)
    except GaintraceError as error:
        _say(error)
        code = code or error.exit_code
    sys.exit(code)


def run() -> None:
    """`main` as the whole of a process, which ends as soon as it is done.

    A thread of Arrow's that idles while an interpreter ends can abort it, after everything was written and said
    (https://github.com/apache/arrow/issues/34314: one command in a thousand on a busy machine).
    """
    try:
        main()
    except SystemExit as end:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))


def _say(error: GaintraceError) -> None:
    # The objections to a promotion have a line each; every other message is one line, whatever is named in it.
    lines = str(error).split("\n") if isinstance(error, RefusedError) else [str(error)]
    message = Text.assemble(("error:", "bold red"), " ", "\n".join(map(output.printable, lines)))
    Console(stderr=True).print(message, highlight=False, soft_wrap=True)
