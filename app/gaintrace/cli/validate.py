"""`validate`: train the current default on data sets and compare with what is recorded."""

import json
import re
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from gaintrace.cli import sweep as sweeps
from gaintrace.config import listed_overrides
from gaintrace.errors import ConfigError, IncompleteError, RegressionError


def validate(
    datasets: Annotated[list[str], typer.Argument(metavar="DATASET…", help="URIs of prepared data sets.")],
    out: sweeps.Out = "store",
    folds: Annotated[str, typer.Option(help="Folds to train, separated by commas.")] = "0",
    seeds: Annotated[str, typer.Option(help="Seeds to train with, separated by commas.")] = "42,43,44",
    record: Annotated[bool, typer.Option("--record", help="Record the result as what the default does.")] = False,
    label: Annotated[
        str, typer.Option(help="Name of this validation; one that was interrupted goes on. The time without it.")
    ] = "",
    epochs: Annotated[str, typer.Option(help="Most epochs; empty leaves it to the default.")] = "",
    more: Annotated[str, typer.Option("--overrides", metavar="LIST", help="PATH=VALUE, separated by semicolons.")] = "",
    device: sweeps.Device = "auto",
    gpus: sweeps.Gpus = None,
    threads: sweeps.Threads = None,
    metrics: sweeps.Metrics = None,
    pushgateway: sweeps.Pushgateway = "",
) -> None:
    """Train the current default on each data set and compare with what is recorded for it there."""
    from gaintrace.store import open_store
    from gaintrace.sweep.aggregate import aggregate
    from gaintrace.sweep.plan import make_plan, write_plan
    from gaintrace.sweep.shard import load_data, reference
    from gaintrace.sweep.table import read_results
    from gaintrace.sweep.validation import conclude, default_spec
    from gaintrace.telemetry import outcome

    label = label or f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}", label):
        raise ConfigError(f"--label {label}: use letters, digits, dots and dashes")
    numbers = {"--folds": _numbers("--folds", folds), "--seeds": _numbers("--seeds", seeds)}
    store = open_store(out)
    console = Console()
    found = []
    for uri in datasets:
        changes = ["base.data.synthetic=null", f"base.data.dataset={json.dumps(uri)}", *listed_overrides(epochs, more)]
        spec = default_spec(store, changes, numbers["--folds"], numbers["--seeds"])
        dataset = load_data(spec.base)
        plan = make_plan(spec, reference(spec.base, dataset))
        own = store.child(f"validations/{dataset.name}/{label}")
        write_plan(own, plan)
        console.print(f"{dataset.name}: {len(plan.runs)} runs of {spec.name}", highlight=False)
        chosen = sweeps.chosen_device(device, gpus)
        sweeps.run_shards(console, plan, dataset, own, range(1), chosen, threads, None, metrics)
        aggregate(own, plan.sweep_id)
        validation = conclude(store, plan, read_results(own, plan), label, record)
        console.print(f"{validation.verdict}: {validation.text}", highlight=False, markup=False, soft_wrap=True)
        registry = outcome.validation_metrics(validation)
        problem = outcome.push(pushgateway, registry, "nightly", validation.dataset) if pushgateway else None
        if problem:
            console.print(problem, highlight=False, markup=False)
        found.append(validation)
    worse = [validation.dataset for validation in found if validation.verdict == "regression"]
    broken = [validation.dataset for validation in found if validation.verdict in ("failed", "not comparable")]
    if broken:
        raise IncompleteError(f"{', '.join(broken)}: no comparison; the lines above say why")
    if worse:
        raise RegressionError(
            f"{', '.join(worse)}: worse than recorded. If it is meant to be, --record makes it the new reference"
        )


def _numbers(option: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"{option} {text}: expected whole numbers separated by commas, as in 0,1,2") from None
