"""Whatever is typed or read, a command ends with an exit code of the table and one line, and writes nothing where it
refuses."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gaintrace.config import load_spec, preset_names
from gaintrace.errors import ConfigError, ExitCode, GaintraceError
from gaintrace.store import open_store
from gaintrace.sweeps.imported import import_results
from tests.cli.here import Done, files, gaintrace
from tests.conftest import SMALL_SWEEP

REFUSALS = (ExitCode.CONFIG, ExitCode.DATA, ExitCode.STORE)
SCALARS = [
    "yes", "no", "on", "true", "010", "0o10", "0x1f", "1:30", "1_000", "1e-3", "1e999", "-1", "0", "0.5", "3", "~",
    "''", "'3'", ".nan", "-.inf", "2026-01-01", "2026-13-45", "[1, 2]", "[]", "[true]", "{a: 1, a: 2}", "{epochs: 1}",
    "*x", "&x [*x]", "!!int 3", "!x", "global", "ß", '"\\0"', '"\\ud800"', "[[1]]", "99999999999999999999", "9" * 400,
    "<<",
]  # fmt: skip
PATHS = [
    "name", "description", "base", "base.training", "base.training.epochs", "base.training.epoch", "base.data.fold",
    "base.training.bce_loss_weight", "base.data.synthetic.students", "base.data.dataset", "grid", "seeds", "folds",
    "grid.training.bce_loss_weight", "grid.training", "grid.data.fold", "grid.base.training.epochs", "grid.x", "grid.",
    "objective.alpha", "objective.rank_by", "success.test_e1_auc", "min_coverage", "training.epochs", "x", ".", "a..b",
]  # fmt: skip
NOISE = st.text(st.characters(codec="utf-8"), max_size=8)
VALUES = st.sampled_from(SCALARS) | NOISE
PIECES = st.sampled_from(
    [*SCALARS, *(f"{path}: " for path in PATHS), "\n", "\n  ", "- ", "{", "}", "[", "]", ", ", "# "]
)
YAML = st.lists(PIECES | NOISE, max_size=12).map("".join)
CELLS = st.sampled_from(
    ["0.3", "0.8", "1", "2", "inf", "nan", "70", "70%", "", "-1", "1e999", "x", "0,5", '"', "0.30", "\r"]
)
ODD = st.sampled_from(
    ["s3://", "s3://[x]/y", "s3:x", "gs://b", "file://h/x", "http://[::1", "..", ".", "", " ", "x" * 300]
)
NAMES = ODD | st.text(st.characters(codec="utf-8", exclude_characters="\0/"), max_size=12)


@contextmanager
def place() -> Iterator[Path]:
    """A folder with a sweep, which is left as it was."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "small.yaml").write_text(SMALL_SWEEP)
        yield Path(folder)


def check(folder: Path, before: list[str], done: Done, lines: int = 1) -> None:
    assert "Traceback" not in done.error
    if done.code is not ExitCode.OK:
        assert done.code in REFUSALS
        assert files(folder) == before
        if "Usage: " not in done.error:  # what Typer refuses has a frame
            assert len(done.error.splitlines()) == lines


@settings(max_examples=50)
@given(YAML, st.booleans())
def test_yaml(text: str, after_a_sweep: bool) -> None:
    with place() as folder:
        path = folder / "s.yaml"
        path.write_bytes((SMALL_SWEEP * after_a_sweep + text).encode())
        check(folder, files(folder), gaintrace(folder, "config", "validate", "s.yaml"))


@given(
    st.lists(st.tuples(st.sampled_from(PATHS) | NOISE, VALUES), min_size=1, max_size=3), st.sampled_from(preset_names())
)
def test_overrides(changes: list[tuple[str, str]], preset: str) -> None:
    try:
        spec = load_spec(preset, [f"{path}={value}" for path, value in changes])
    except ConfigError as error:
        assert str(error)
        return
    for swept, config in spec.runs():
        assert type(config.training.epochs) is int
        assert not any(isinstance(value, bool) for value in swept.values())


@given(
    st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=4),
    st.binary(max_size=6),
    st.booleans(),
    st.integers(0, 60),
)
def test_imported_tables(rows: list[list[str]], noise: bytes, in_test: bool, at: int) -> None:
    epochs = b"bce_loss_weight,epoch,valid_e1_auc,valid_e2_auc\n0.3,1,0.68,0.53\n0.8,1,0.69,0.53\n"
    test = b"bce_loss_weight,test_e1_auc,test_e2_auc\n0.3,0.6853,0.5438\n0.8,0.6856,0.5343\n"
    added = "\n".join(",".join(row) for row in rows).encode()
    if in_test:
        test = test[:at] + noise + test[at:] + added
    else:
        epochs = epochs[:at] + noise + epochs[at:] + added
    with place() as folder:
        (folder / "epochs.csv").write_bytes(epochs)
        (folder / "test.csv").write_bytes(test)
        before = files(folder)
        try:
            plan = import_results(folder, open_store(folder / "store"), load_spec("phase2"))
        except GaintraceError as error:
            assert "\n" not in str(error).strip()
            assert files(folder) == before
            return
        for run in plan.runs:
            assert 0 <= run.config.training.bce_loss_weight <= 1


COMMANDS = [
    ["report", "NAME", "--no-open"],
    ["report", "--out", "NAME", "--to", "NAME", "--no-open"],
    ["promote", "NAME", "--run", "NAME"],
    ["reproduce", "NAME", "--data", "NAME"],
    ["trajectories", "NAME", "--against", "NAME"],
    ["aggregate", "--sweep", "NAME", "--out", "NAME", "--pushgateway", "NAME"],
    ["train-shard", "--sweep", "NAME", "--shard", "0", "--data", "NAME"],
    ["defaults", "diff", "NAME", "--out", "NAME"],
    ["import-results", "NAME", "--out", "NAME"],
    ["config", "validate", "NAME"],
    ["plan", "NAME", "--data", "NAME"],
    ["plan", "small.yaml", "--outputs", "/proc/NAME"],
    ["plan", "small.yaml", "--out", "small.yaml/NAME"],
    ["sweep", "small.yaml", "--data", "NAME", "--pushgateway", "NAME"],
]


@settings(max_examples=50)
@given(st.sampled_from(COMMANDS), st.data())
def test_places_and_names(command: list[str], data: st.DataObject) -> None:
    arguments = [argument.replace("NAME", data.draw(NAMES)) if "NAME" in argument else argument for argument in command]
    with place() as folder:
        check(folder, files(folder), gaintrace(folder, *arguments))
