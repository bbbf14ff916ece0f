"""Writes what is made from the code: `python -m gaintrace.docs [--check]`.

The reference, the table of metrics, and the chart's dashboards and alerts.
"""

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

from gaintrace import api, config
from gaintrace.cli import app
from gaintrace.errors import ExitCode
from gaintrace.monitoring import dashboards, rules, sources
from gaintrace.store import layout
from gaintrace.store.s3 import DEADLINE
from gaintrace.telemetry import catalogue
from gaintrace.use.model import Model
from gaintrace.use.predictions import COLUMNS

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "gaintrace"

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE, …": "credentials for `s3://`, found by boto3's own chain, "
    "which a pod's identity belongs to; no option, file or message of ours holds them",
    "AWS_REGION": "region of the bucket",
    "AWS_ENDPOINT_URL": "a server that is not Amazon's, as in `https://minio.storage:9000`; it is asked in path style",
    "AWS_CA_BUNDLE": "file with the certificate of an authority of your own, which signed the server's",
    "GOMP_SPINCOUNT": "how long threads of a CPU spin while they wait for each other; 1000 without it, which is short",
    "GAINTRACE_STORE_DEADLINE": f"seconds that a request to S3 may take with all attempts; {DEADLINE:.0f} without it",
    "GAINTRACE_METRICS": "as `--metrics`",
    "GAINTRACE_PUSHGATEWAY": "as `--pushgateway`",
    "MLFLOW_TRACKING_URI": "an MLflow server that gets each sweep that is reported: its runs with their metrics by "
    "epoch, and its report. `pip install 'gaintrace[mlflow]'`; MLflow's own variables hold credentials",
    "GAINTRACE_NAMESPACE": "namespace of what is pushed, so that one Pushgateway serves several; the workflows set it",
}

PYTHON: dict[str, Callable[..., Any]] = {
    "gaintrace.load": api.load,
    "Model.predict": Model.predict,
    "Model.mastery": Model.mastery,
    "gaintrace.prepare": api.prepare,
    "gaintrace.sweep": api.sweep,
    "Sweep": api.Sweep,
    "Sweep.epochs": api.Sweep.epochs,
}

SECTIONS: dict[str, type[config.Strict]] = {
    "Sweep": config.SweepSpec,
    "`search`": config.Search,
    "A range of `search.space`": config.Range,
    "`search.stop`": config.Stopping,
    "`objective`": config.Objective,
    "`success`": config.SuccessCriteria,
    "`base.data`": config.DataConfig,
    "`base.data.synthetic`": config.SyntheticConfig,
    "`base.model`": config.ModelConfig,
    "`base.learning_curve`": config.LearningCurveConfig,
    "`base.training`": config.TrainingConfig,
}


def render() -> str:
    """The whole reference as Markdown."""
    parts = [
        "# Reference\n\nWritten by `make docs` from the code; `make check` fails where it is not current.",
        "## Commands",
        *_commands(),
        "## Predictions\n\nWhat `gaintrace predict` writes, and `Model.predict` returns.\n\n"
        + _table(("column", "meaning"), ((f"`{name}`", meaning) for name, meaning in COLUMNS.items())),
        "## Python\n\n`import gaintrace` has three functions; a [notebook](from-answers-to-mastery.ipynb) uses them. "
        "Errors are those of the commands (`gaintrace.errors`), one line each.",
        *_python(),
        "## Configuration\n\nA sweep is YAML with these fields. With `preset: NAME` it starts from that preset: its "
        "own `base` is laid over the preset's, value by value, and its other fields take the place of the preset's. "
        "`--set PATH=VALUE` overrides any by its dotted path.",
        *(f"### {title}\n\n{model.__doc__}\n\n" + _fields(model) for title, model in SECTIONS.items()),
        "## Exit codes\n\n"
        + _table(("code", "name", "meaning"), ((int(code), code.name, code.meaning) for code in ExitCode)),
        "## Environment\n\n" + _table(("variable", "meaning"), ((f"`{k}`", v) for k, v in ENVIRONMENT.items())),
        "## Store layout\n\n" + _table(("object", "what it is"), ((f"`{k}`", v) for k, v in layout.OBJECTS.items())),
    ]
    return "\n\n".join(parts) + "\n"


def _commands() -> Iterator[str]:
    root = typer.main.get_command(app)
    for name, command in _leaves(root, "gaintrace"):
        rows = []
        for parameter in command.params:
            if parameter.name == "help":
                continue
            names = (
                ", ".join(parameter.opts)
                if parameter.param_type_name == "option"
                else parameter.metavar or parameter.name.upper()
            )
            default = "" if parameter.default is None or parameter.required else f"`{parameter.default}`"
            rows.append((f"`{names}`", default, getattr(parameter, "help", "") or ""))
        yield f"### `{name}`\n\n{command.help}\n\n" + _table(("argument", "default", "what it does"), rows)


def _python() -> Iterator[str]:
    for name, member in PYTHON.items():
        text = inspect.getdoc(member)
        if not inspect.isclass(member):
            signature = textwrap.dedent(inspect.getsource(member)).split(':\n    """')[0]
            text = f"```python\n{signature}\n```\n\n{text}"
        yield f"### `{name}`\n\n{text}"


def _leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child in children.values():
        yield from _leaves(child, f"{name} {child.name}")


def _fields(model: type[config.Strict]) -> str:
    properties = model.model_json_schema()["properties"]
    rows = []
    for name, field in model.model_fields.items():
        schema = properties[name]
        options = schema.get("anyOf", [schema])
        kinds = [_kind(option) for option in options if option.get("type") != "null"]
        default = "required" if field.is_required() else _default(schema.get("default"))
        text = field.description or "see below"
        rows.append((f"`{name}`", " or ".join(dict.fromkeys(kinds)), default, text))
    return _table(("field", "values", "default", "meaning"), rows)


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "$ref" in schema:
        return "section"
    bounds = [
        f"{sign} {schema[key]:g}"
        for key, sign in (
            ("exclusiveMinimum", ">"),
            ("minimum", "≥"),
            ("exclusiveMaximum", "<"),
            ("maximum", "≤"),
        )
        if key in schema
    ]
    return " ".join([schema.get("type", "any"), ", ".join(bounds)]).strip()


def _default(value: Any) -> str:
    if value is None:
        return "none"
    return "see below" if isinstance(value, dict) and value else f"`{value}`"


def _table(header: tuple[str, ...], rows: Any) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def metrics_table() -> str:
    """docs/metrics.md."""
    parts = ["# Metrics\n\nWritten by `make docs` from app/gaintrace/telemetry/catalogue.py and monitoring/sources.py."]
    for title, family in catalogue.FAMILIES.items():
        rows = ((f"`{m.name}`", m.kind, ", ".join(m.labels), m.meaning) for m in family)
        parts.append(f"## {title}\n\n" + _table(("metric", "type", "labels", "meaning"), rows))
    others = [(of, f"`{name}`", use) for of, needed in sources.SOURCES.items() for name, use in needed.items()]
    parts.append(f"## Of others\n\n{sources.NOTE}\n\n" + _table(("exporter", "metric", "what for"), others))
    return "\n\n".join(parts) + "\n"


def files() -> dict[Path, str]:
    """Every generated file and what it must hold."""
    boards = {CHART / "dashboards" / f"{name}.json": dashboards.render(name) for name in dashboards.DASHBOARDS}
    return {
        ROOT / "docs" / "reference.md": render(),
        ROOT / "docs" / "metrics.md": metrics_table(),
        CHART / "rules" / "gaintrace.yaml": rules.render(),
    } | boards


def main(arguments: list[str]) -> int:
    """Write the files, or with --check say which on disk are not current."""
    wrong = {path: text for path, text in files().items() if not path.exists() or path.read_text() != text}
    for path, text in wrong.items():
        if "--check" in arguments:
            print(f"{path} is not what the code says; run `make docs`", file=sys.stderr)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    return int("--check" in arguments and bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
