"""`gaintrace config`: look at configurations before anything runs."""

from typing import Annotated

import typer
import yaml

from gaintrace.config import load_spec, preset_names

app = typer.Typer(help="Show and check configurations.", no_args_is_help=True)

Source = Annotated[str, typer.Argument(metavar="SWEEP", help="A preset's name or a YAML file.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Override a value; repeatable.")]


@app.command()
def show(source: Source, overrides: Set = None) -> None:
    """Print a sweep with every default filled in."""
    spec = load_spec(source, overrides or [])
    print(yaml.safe_dump(spec.model_dump(mode="json"), sort_keys=False, allow_unicode=True), end="")


@app.command()
def validate(source: Source, overrides: Set = None) -> None:
    """Check a sweep and say what it would run."""
    spec = load_spec(source, overrides or [])
    runs, limits = spec.size(), spec.grid.get("training.epochs", [spec.base.training.epochs])
    epochs = ", ".join(map(str, limits[:-1])) + (" or " if limits[1:] else "") + str(limits[-1])
    most = "at most " if spec.search else ""
    print(f"{source}: valid; {spec.name} is {most}{runs} run{'' if runs == 1 else 's'} of {epochs} epochs")
    for path, values in spec.axes().items():
        print(f"  {path}: {', '.join(map(str, values))}")
    for path, where in spec.search.where.items() if spec.search else ():
        print(f"  {path}: {where}")


@app.command("list")
def list_presets() -> None:
    """List the presets."""
    for name in preset_names():
        spec = load_spec(name)
        print(f"{name:12} {spec.size():3} run{' ' if spec.size() == 1 else 's'}  {spec.description}")
