"""Outputs that are closed, full or not UTF-8, names with odd characters, and places that are none."""

import os
import shlex
import subprocess
import sys

import pytest

from gaintrace.cli import main
from gaintrace.data.dataset import load_dataset, load_info
from tests.conftest import SMALL_SWEEP, thorough

RAW = "user_id,log_id,sequence_id,correct\n" + "".join(f"{u},{i},s{i % 2},{i % 2}\n" for u in "ab" for i in range(4))
COMMAND = [sys.executable, "-c", "from gaintrace.cli import run; run()"]
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG"))} | {"COLUMNS": "80"}
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ENCODINGS = [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "utf-8"}, C_LOCALE]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "raw.csv").write_text(RAW)
    return tmp_path


def gaintrace(*arguments, cwd, expect=0, shell="", environment=None):
    """Output, error and exit code of a command; `shell` is what follows it on the command line."""
    script = f'"$@" {shell}; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", script, "bash", *COMMAND, *arguments],
        cwd=cwd,
        capture_output=True,
        env=ENVIRONMENT | (environment or {}),
        timeout=120,
        check=False,
    )
    output, error = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    assert done.returncode == expect, output + error
    assert "Traceback" not in error
    assert "Exception ignored" not in error
    assert len(error.splitlines()) == (expect != 0)
    return output, error


@pytest.fixture
def here(folder, monkeypatch, capsys):
    """The same without a process of its own, in the folder."""
    monkeypatch.chdir(folder)

    def run(*arguments, expect=0):
        monkeypatch.setattr(sys, "argv", ["gaintrace", *arguments])
        with monkeypatch.context() as streams:
            streams.setattr(sys, "stdout", sys.stdout)
            streams.setattr(sys, "stderr", sys.stderr)
            with pytest.raises(SystemExit) as end:
                main()
        output, error = capsys.readouterr()
        assert (end.value.code or 0) == expect, output + error
        assert len(error.splitlines()) == (expect != 0)
        return output, error

    return run


def prepared(folder, out="d", **options):
    return gaintrace("data", "prepare", "assist2015", "--raw", "raw.csv", "--out", out, cwd=folder, **options)


def test_a_full_output_is_said_in_one_line_and_costs_nothing(folder):
    _, error = prepared(folder, shell="> /dev/full", expect=5)
    assert error.startswith("error: cannot write to standard output: No space left on device")
    assert load_dataset(str(folder / "d")).info.interactions == 8
    for command in (["data", "info", "d"], ["config", "list"], ["data", "--help"], ["--version"]):
        gaintrace(*command, cwd=folder, shell="> /dev/full", expect=5)


def test_an_error_keeps_its_exit_code_though_no_output_can_be_written(folder):
    for shell in ("> /dev/full 2> /dev/full", "2> /dev/full", ">&- 2>&-", ">&- 2>&- <&-"):
        script = f'"$@" {shell}'
        command = ["bash", "-c", script, "bash", *COMMAND, "data", "info", "nothing there"]
        assert subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode == 3


@pytest.mark.parametrize("shell", ["| head -c 1", "| true", ">&-", "<&- >&-"])
def test_an_output_that_nobody_reads_stops_nothing(folder, shell):
    prepared(folder, shell=shell)
    assert load_dataset(str(folder / "d")).info.interactions == 8


def test_a_sweep_whose_output_is_full_keeps_its_results(folder):
    (folder / "small.yaml").write_text(SMALL_SWEEP.replace("epochs: 3", "epochs: 1"))
    gaintrace("sweep", "small.yaml", cwd=folder, shell="> /dev/full", expect=5)
    (path,) = folder.glob("store/sweeps/*/results.csv")
    assert path.read_text().count("succeeded") == 2
    assert list(folder.glob("store/sweeps/*/report.html"))


@pytest.mark.parametrize("environment", [ENCODINGS[0], *map(thorough, ENCODINGS[1:3]), ENCODINGS[3]])
def test_what_cannot_be_encoded_is_printed_in_ascii(folder, environment):
    out = "Größe → 数据 [b]x[bold] :warning: ${HOME}"
    output, _ = prepared(folder, out, environment=environment)
    assert "(sha256" in output
    assert "...)" in output or "…)" in output
    again, _ = gaintrace("data", "info", out, cwd=folder, environment=environment)
    assert output.startswith(again)
    assert load_info(str(folder / out)).name == "Größe-数据-b-x-bold-warning-HOME"
    _, error = gaintrace("data", "info", out + "ß", cwd=folder, environment=environment, expect=3)
    assert "[b]x[bold] :warning: ${HOME}" in error
    help_text, _ = gaintrace("data", "prepare", "--help", cwd=folder, environment=environment)
    assert "--raw" in help_text


def test_a_product_is_not_printed_as_a_difference():
    code = "from gaintrace.cli import output; output.install(); print('E1 + 0.5 · E2 − 1')"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONIOENCODING": "ascii"}, capture_output=True, check=True
    )
    assert done.stdout == b"E1 + 0.5 * E2 - 1\n"


@pytest.mark.parametrize(
    "out",
    [
        "st[a]",
        "st[b]x[bold]",
        ":warning:",
        "a b",
        "it's",
        'a"b',
        "a\\[b",
        "-x",
        "~x",
        "a:b",
        "%20",
        "#1",
        "ünï",
        "a\tb",
    ],
)
def test_odd_characters_in_paths_work_and_are_printed(folder, here, out):
    raw = f"{out}.csv"
    (folder / "raw.csv").rename(folder / raw)
    output, _ = here("data", "prepare", "assist2015", f"--raw={raw}", f"--out={out}")
    assert load_dataset(str(folder / out)).sources[0].name == raw
    assert raw in output
    assert shlex.quote(out) in output
    output, _ = here("data", "export", f"--out={out}/pykt", "--", out)
    assert output.splitlines() == [f"{out}/pykt/train_valid.csv", f"{out}/pykt/test.csv"]
    assert (folder / out / "pykt" / "test.csv").is_file()
    _, error = here("data", "info", f"./{out}x", expect=3)
    assert f"./{out}x: no prepared data set there".replace("\t", "\\t") in error


def test_a_name_that_is_no_text_is_used_and_printed_as_it_is(folder):
    name = os.fsdecode(b"caf\xe9")
    (folder / "raw.csv").rename(folder / name)
    gaintrace("data", "prepare", "assist2015", "--raw", name, "--out", name + ".d", cwd=folder)
    assert load_info(str(folder / (name + ".d"))).sources[0].name == "caf\ufffd"
    done = subprocess.run([*COMMAND, "data", "info", name], cwd=folder, capture_output=True, check=False)
    assert b"caf\xe9" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["data", "prepare", "assist2015", "--raw", "raw.csv", "--out", ""], 2, "--out is empty"),
        (["data", "prepare", "assist2015", "--raw", "raw.csv", "--out", " "], 2, "--out is empty"),
        (["data", "prepare", "assist2015", "--raw", "", "--out", "d"], 2, "--raw is empty"),
        (["data", "prepare", "pykt", "--raw", "", "--out", "d"], 2, "--raw is empty"),
        (["data", "prepare", "assist2015", "--raw", "raw.csv", "--out", "d", "--name", ""], 2, "--name ''"),
        (["data", "prepare", "assist2015", "--raw", "raw.csv", "--out", "d", "--name", "../x"], 2, "--name ../x"),
        (["data", "simulate", "--out", ""], 2, "--out is empty"),
        (["data", "simulate", "--out", "gs://b/x"], 2, "gs:// is not supported"),
        (["data", "info", ""], 2, "an empty place"),
        (["data", "info", "s3://[bucket]/x"], 2, "s3://[bucket]/x: not a URI"),
        (["data", "info", "s3://[::1/x"], 2, "s3://[::1/x: not a URI"),
        (["data", "info", "file://[x]/y"], 2, "file://[x]/y: not a URI"),
        (["data", "info", "s3://a\u2100b/x"], 2, "not a URI"),
        (["data", "info", "//[x"], 3, "//[x: no prepared data set there"),
        (["data", "info", "raw.csv"], 3, "raw.csv: no prepared data set there"),
        (["data", "info", "no\nthing\x1b[31m"], 3, "no\\nthing\\x1b[31m: no prepared data set there"),
        (["data", "prepare", "assist2015", "--raw", "no\nthing", "--out", "d"], 3, "no\\nthing: no such file"),
        (["data", "prepare", "assist2015", "--raw", "/dev/null", "--out", "d"], 3, "/dev/null: a device, not a file"),
        (["data", "prepare", "assist2015", "--raw", "fifo", "--out", "d"], 3, "fifo: a pipe, not a file"),
        (["data", "prepare", "pykt", "--raw", "fifo", "--out", "d"], 3, "fifo: a pipe, not a file"),
        (["data", "prepare", "assist2015", "--raw", "raw.csv/x", "--out", "d"], 3, "raw.csv/x: cannot be read"),
        (["data", "prepare", "assist2015", "--raw", "x" * 300, "--out", "d"], 3, "cannot be read: File name too long"),
        (["data", "prepare", "pykt", "--raw", "x" * 300, "--out", "d"], 3, "cannot be read: File name too long"),
        (["data", "prepare", "assist2015", "--raw", "loop", "--out", "d"], 3, "loop: cannot be read"),
        (["data", "prepare", "pykt", "--raw", "loop", "--out", "d"], 3, "loop: cannot be read"),
        (["data", "prepare", "assist2015", "--raw", "raw.csv", "--out", "x" * 300], 5, "File name too long"),
        (
            ["data", "prepare", "assist2015", "--raw", "raw.csv", "--out", "loop"],
            5,
            "loop/dataset.json: Too many levels of symbolic links",
        ),
        (
            ["data", "prepare", "assist2015", "--raw", "raw.csv", "--out", "fifo"],
            5,
            "fifo/dataset.json: a part of the path is a file",
        ),
        (["data", "info", "x" * 300], 5, "File name too long"),
        (["data", "export", "loop", "--out", "d"], 5, "cannot read loop"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line_and_nothing_is_written(folder, here, arguments, code, message):
    os.mkfifo(folder / "fifo")
    (folder / "loop").symlink_to("loop")
    _, error = here(*arguments, expect=code)
    assert message in error
    assert sorted(path.name for path in folder.iterdir()) == ["fifo", "loop", "raw.csv"]


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("s3://bucket/x", "--out s3://bucket/x: only a folder"),
        ("file:///tmp/x", "only a folder"),
        ("", "--out is empty"),
        ("raw.csv", "a part of the path is a file"),
        ("pykt", "there already. Choose another folder, or --force"),
    ],
)
def test_an_export_goes_to_a_folder_and_replaces_nothing_unasked(folder, here, out, message):
    here("data", "prepare", "assist2015", "--raw", "raw.csv", "--out", "d")
    (folder / "pykt").mkdir()
    (folder / "pykt" / "train_valid.csv").write_text("mine")
    before = sorted(map(str, folder.rglob("*")))
    _, error = here("data", "export", "d", "--out", out, expect=5 if out == "raw.csv" else 2)
    assert message in error
    assert sorted(map(str, folder.rglob("*"))) == before
    assert (folder / "pykt" / "train_valid.csv").read_text() == "mine"
    if out == "pykt":
        here("data", "export", "d", "--out", out, "--force")
        assert (folder / "pykt" / "train_valid.csv").read_text().startswith("fold,uid")


def test_a_substituted_process_is_refused(folder):
    script = '"$@" --raw <(cat raw.csv)'
    arguments = ["data", "prepare", "assist2015", "--out", "d"]
    done = subprocess.run(
        ["bash", "-c", script, "bash", *COMMAND, *arguments], cwd=folder, capture_output=True, check=False
    )
    assert done.returncode == 3
    assert b"a pipe, not a file. Write what comes through it to a file" in done.stderr
    assert len(done.stderr.splitlines()) == 1
