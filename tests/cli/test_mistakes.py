"""A mistake gets one message and its exit code, whatever the command."""

from pathlib import Path

import pytest

from tests.cli import apart
from tests.cli.here import gaintrace
from tests.conftest import SMALL_SWEEP


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(SMALL_SWEEP)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["sweep", "nothing"], 2, "no such file, and no preset"),
        (["sweep", "phase2"], 2, "no data set: give --data FOLDER"),
        (["sweep", "phase2", "--data", "nowhere"], 3, "no prepared data set there"),
        (["sweep", "small.yaml", "--device", "tpu"], 2, "--device tpu"),
        (["sweep", "small.yaml", "--device", "cuda:99"], 9, "CUDA devices"),
        (["sweep", "small.yaml", "--out", "gs://bucket"], 2, "gs:// is not supported"),
        (["sweep", "small.yaml", "--out", "small.yaml"], 5, "a part of the path is a file"),
        (["sweep", "small.yaml", "--runs-per-pod", "0"], 2, "greater than or equal to 1"),
        (["sweep", "small.yaml", "--set", "base.data.synthetic.students=4"], 3, "no student with 3 interactions"),
        (["train-shard", "--sweep", "x", "--shard", "0"], 2, "there is no sweep"),
        (["aggregate", "--sweep", "x"], 2, "there is no sweep"),
        (["data", "prepare", "assist2015", "--raw", "small.yaml", "--out", "d"], 3, "small.yaml: line 1: no column"),
        (["promote", "x"], 2, "there is no sweep"),
        (["defaults", "show", "7"], 2, "has no default 7; there is none"),
        (["reproduce", "x"], 2, "has no finished run x"),
        (["trajectories", "x"], 2, "has no finished run x"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_a_mistake_gets_one_message_and_its_exit_code(
    folder: Path, arguments: list[str], code: int, message: str
) -> None:
    done = gaintrace(folder, *arguments)
    said = done.output + done.error
    assert done.code == code, said
    assert message in " ".join(said.replace("│", " ").split())
    assert "Traceback" not in said


def test_so_it_does_in_a_process_of_its_own(folder: Path) -> None:
    said = apart.gaintrace("plan", "nothing", cwd=folder, expect=2)
    assert said.startswith("error: nothing: no such file, and no preset")
    assert len(said.splitlines()) == 1
