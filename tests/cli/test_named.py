"""What a person means by a name: places, data sets, sweeps, runs; and what is near where there is none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gaintrace.cli.named import dataset, finished_run
from gaintrace.errors import ConfigError, DataError, ExitCode
from gaintrace.report.aggregate import aggregate
from gaintrace.store import FolderStore, open_store
from tests.cli.here import files, gaintrace
from tests.conftest import SMALL_SWEEP, thorough
from tests.made_results import planned, published, succeed


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["plan", "small.yaml", "--out", ""], 2, "--out is empty"),
        (["plan", "small.yaml", "--out", "  "], 2, "--out is empty"),
        (["sweep", "demo", "--data", ""], 2, "--data is empty"),
        (["train", "demo", "--data", " "], 2, "--data is empty"),
        (["plan", "demo", "--data="], 2, "--data is empty"),
        (["train-shard", "--sweep", "x", "--shard", "0", "--data="], 2, "--data is empty"),
        (["reproduce", "x", "--data="], 2, "--data is empty"),
        (["trajectories", "x", "--data="], 2, "--data is empty"),
        (["reproduce", ""], 2, "RUN is empty"),
        (["trajectories", " "], 2, "RUN is empty"),
        (["validate", ""], 2, "DATASET is empty"),
        (["promote", ""], 2, "SWEEP is empty"),
        (["import-results", ""], 2, "FOLDER is empty"),
        (["import-results", "s3://b/x"], 2, "FOLDER s3://b/x: only a folder of this machine"),
        (["report", "--to", ""], 2, "--to is empty"),
        (["report", "--to", "s3://b/x"], 2, "--to s3://b/x: only a file of this machine"),
        (["plan", "small.yaml", "--outputs", ""], 2, "--outputs is empty"),
        (["plan", "small.yaml", "--outputs", "s3://b/x"], 2, "only a folder of this machine"),
        (["plan", "small.yaml", "--outputs", "/proc/x"], 5, "--outputs /proc/x: cannot be written"),
        (["plan", "small.yaml", "--outputs", "small.yaml/x"], 5, "--outputs small.yaml/x: cannot be written"),
        (["sweep", "small.yaml", "--pushgateway", "not a url"], 2, "--pushgateway not a url: not an address"),
        (["validate", "x", "--pushgateway", "h:99999"], 2, "--pushgateway h:99999: not an address"),
        (["aggregate", "--sweep", "x", "--pushgateway", "ftp://h"], 2, "--pushgateway ftp://h: not an address"),
        (["sweep", "small.yaml", "--metrics", "abc"], 2, "--metrics abc: expected PORT"),
        (["sweep", "demo", "--data", "nix"], 3, "nix: no prepared data set there"),
        (["sweep", "demo", "--data", "d", "--set", "base.data.dataset=e"], 2, "has no effect: --data names"),
        (["sweep", "demo", "--data", "d", "--set", "base.data.synthetic.students=9"], 2, "has no effect: --data"),
        (["report", "--out", "s3://[x]/y"], 2, "s3://[x]/y: not a URI"),
        (["plan", "small.yaml", "--out", "gs://b"], 2, "gs:// is not supported"),
    ],
)
def test_an_empty_or_impossible_place_is_refused_and_nothing_is_written(
    folder: Path, arguments: list[str], code: int, message: str
) -> None:
    done = gaintrace(folder, *arguments)
    assert message in done.error
    assert (done.code, len(done.error.splitlines())) == (code, 1)
    assert files(folder) == ["small.yaml"]


def test_workflows_may_leave_the_data_to_the_sweep(folder: Path) -> None:
    for order in (["--data=", "--data-optional"], ["--data-optional", "--data="]):
        assert gaintrace(folder, "plan", "small.yaml", *order).code is ExitCode.OK


def test_a_data_set_is_found_by_its_name_in_the_store(folder: Path) -> None:
    store = open_store(folder / "store")
    for name in ("store/datasets/one", "here"):
        assert gaintrace(folder, "data", "simulate", "--out", name, "--students", "60").code is ExitCode.OK
    assert dataset(store, "one") == f"{store.uri}/datasets/one"
    assert dataset(store, "some/where") == "some/where"
    with pytest.raises(DataError, match=r"onne: no prepared data set there; did you mean one\? .* has one;"):
        dataset(store, "onne")
    planned_ = gaintrace(folder, "plan", "small.yaml", "--set", "base.data={}", "--data", "one")
    assert "2 runs on one (60 students" in planned_.error
    planned_ = gaintrace(folder, "plan", "small.yaml", "--set", "base.data={}", "--data", "here")
    assert "2 runs on here (60 students" in planned_.error
    assert gaintrace(folder, "data", "simulate", "--out", "one", "--students", "61").code is ExitCode.OK
    both = gaintrace(folder, "plan", "small.yaml", "--set", "base.data={}", "--data", "one")
    assert "one is the folder ./one and a data set of the store; write ./one or store/datasets/one" in both.error


def test_a_run_is_named_by_its_id_its_beginning_or_its_sweep(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    plan = published(store)
    best = aggregate(store, plan.sweep_id).best
    assert best is not None
    for run in (planned_.run_id for planned_ in plan.runs):
        assert finished_run(store, run) == finished_run(store, run[:8]) == run
        assert finished_run(store, run[:8], plan.sweep_id) == run
    assert finished_run(store, "made") == finished_run(store, plan.sweep_id) == best["run_id"]
    for text, message in (
        ("zz", "has no finished run zz; the ranking"),
        ("madde", r"has no finished run madde; did you mean made\?"),
        ("", "RUN is empty"),
    ):
        with pytest.raises(ConfigError, match=message):
            finished_run(store, text)
    digits = [run.run_id[0] for run in plan.runs]
    shared = next(digit for digit in digits if digits.count(digit) > 1)
    with pytest.raises(ConfigError, match=rf"run {shared}: \d runs begin so: .*; write more"):
        finished_run(store, shared)


def test_only_finished_runs_have_short_names_and_a_sweep_without_any_has_no_best(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    plan = planned(store)
    with pytest.raises(ConfigError, match="has no finished run"):
        finished_run(store, plan.runs[0].run_id[:8])
    aggregate(store, plan.sweep_id)
    with pytest.raises(ConfigError, match="no run succeeded, so it has no best run"):
        finished_run(store, "made")
    succeed(store, plan, 0, 0.7, 0.6)
    assert finished_run(store, plan.runs[0].run_id[:8]) == plan.runs[0].run_id


def test_a_sweep_that_nearly_exists_is_suggested(tmp_path: Path) -> None:
    published(FolderStore(tmp_path / "store"))
    done = gaintrace(tmp_path, "promote", "mad")
    assert "has no sweep mad; did you mean made? Sweeps there: made-" in done.error


@pytest.mark.parametrize(
    "out", ["st[/b]", *map(thorough, ["st[a]", "[bold]x", "a b", "#1"]), ":warning:", "ünï", "it's"]
)
def test_odd_characters_in_paths_are_printed_as_they_are(tmp_path: Path, out: str) -> None:
    store = open_store(tmp_path / out)
    plan = published(store)
    done = gaintrace(tmp_path, "aggregate", "--sweep", plan.sweep_id, "--out", out)
    assert f"report: {out}/sweeps/{plan.sweep_id}/report.html" in done.output
    assert (
        gaintrace(tmp_path, "report", "--out", out, "--no-open").output == f"{out}/sweeps/{plan.sweep_id}/report.html\n"
    )
    forced = gaintrace(tmp_path, "promote", "made", "--out", out, "--force")
    (line,) = (line for line in forced.output.splitlines() if line.startswith("default 1 ("))
    assert line.endswith(f"): {out}/defaults/current.yaml")
    assert out in gaintrace(tmp_path, "reproduce", "zz", "--out", out).error


LOCALES = [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "latin-1"}]
SCRIPT = """
import sys
from gaintrace.cli import main
for line in sys.argv[1:]:
    sys.argv = ["gaintrace", *line.split()]
    try:
        main()
    except SystemExit as end:
        assert not end.code, (line, end.code)
"""


@pytest.mark.parametrize("locale", [pytest.param(LOCALES[0], id="C"), thorough(LOCALES[1])])
def test_every_command_reads_and_writes_utf_8_in_every_locale(tmp_path: Path, locale: dict[str, str]) -> None:
    text = SMALL_SWEEP.replace("name: small", "name: small\ndescription: Größe → 数据")
    text = text.replace("epochs: 3", "epochs: 1").replace("[0.3, 0.7]", "[0.3]")
    (tmp_path / "größe.yaml").write_text(text, encoding="utf-8")
    commands = [
        "config list",
        "config show phase2",
        "config show größe.yaml --set description=Größe",
        "data simulate --out Größe/datasets/数据 --students 60 --skills 3 --mean-length 8",
        "plan größe.yaml --set base.data={} --data 数据 --out Größe --outputs ß",
        "sweep größe.yaml --set base.data={} --data 数据 --out Größe",
        "trajectories small --out Größe",
        "report small --out Größe --no-open --to ß/ß.html",
        "promote small --out Größe --force",
        "defaults show --out Größe",
        "reproduce small --out Größe",
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHONUTF8"))} | locale
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *commands], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    store = tmp_path / "Größe"
    (spec,) = store.glob("sweeps/small-*/spec.yaml")
    assert "Größe → 数据" in store.joinpath(spec.parent, "report.md").read_text(encoding="utf-8")
    assert "Größe" in (store / "defaults" / "current.yaml").read_text(encoding="utf-8")
    assert (tmp_path / "ß" / "shards.json").read_text() == "[0]"
