"""A mistake gets one message and its exit code, whatever the command."""

from pathlib import Path

import pytest

from tests.cli import apart
from tests.cli.here import gaintrace


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


def test_a_dotted_key_below_base_is_told_how_sections_are_written(folder: Path) -> None:
    (folder / "dotted.yaml").write_text("name: x\nbase:\n  training.epochs: 3\n")
    done = gaintrace(folder, "config", "validate", "dotted.yaml")
    assert done.code == 2
    assert "only keys of the grid are dotted paths: write training: {epochs: …}" in done.error


def test_how_many_epochs_a_sweep_over_them_trains_is_said(folder: Path) -> None:
    done = gaintrace(folder, "config", "validate", "small.yaml", "--set", "grid.training.epochs=[1, 2, 4]")
    assert "is 6 runs of 1, 2 or 4 epochs" in done.output
    assert "is 2 runs of 3 epochs" in gaintrace(folder, "config", "validate", "small.yaml").output


@pytest.mark.parametrize("name", ["misspelled", "./misspelled", "store/datasets/misspelled"])
def test_validating_what_was_never_there_leaves_no_record(folder: Path, name: str) -> None:
    done = gaintrace(folder, "validate", name, "--out", "store", "--record")
    assert done.code == 3
    assert not list((folder / "store").rglob("*.json"))


def test_data_sets_are_looked_at_by_their_name_in_the_store(folder: Path) -> None:
    gaintrace(folder, "data", "simulate", "--students", "30", "--skills", "3", "--out", "store/datasets/mine")
    assert "30" in gaintrace(folder, "data", "info", "mine").output
    assert gaintrace(folder, "data", "export", "mine", "--out", "theirs").code == 0
    assert "did you mean mine?" in gaintrace(folder, "data", "info", "mien").error
