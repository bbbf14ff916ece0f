"""`predict`: from a table to a table, and one line for every mistake."""

from pathlib import Path

import pandas as pd
import pytest

from gaintrace.errors import ExitCode
from gaintrace.runs.result import RunResult
from gaintrace.store import layout, open_store
from tests.cli.here import gaintrace
from tests.conftest import SMALL_SWEEP

COLUMNS = ["--student", "pupil", "--skill", "topic", "--correct", "right"]
CLASS = ["--raw", "class.csv", *COLUMNS]
ANSWERS = "pupil,topic,right\nann,skill-0,1\nann,skill-1,0\nbob,skill-4,1\nbob,skill-4,x\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store in which a sweep was trained and a data set lies, and a table."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "folder").mkdir()
    (folder / "small.yaml").write_text(SMALL_SWEEP.replace("epochs: 3", "epochs: 1"))
    (folder / "mine.csv").write_text(ANSWERS)
    assert gaintrace(folder, "sweep", "small.yaml").code is ExitCode.OK
    rows = [f"s{student},skill-{(student + turn) % 5},{turn % 2}" for student in range(30) for turn in range(9)]
    (folder / "class.csv").write_text("\n".join(["pupil,topic,right", *rows]))
    prepared = gaintrace(
        folder, "data", "prepare", "csv", "--raw", "class.csv", *COLUMNS, "--out", "store/datasets/class"
    )
    assert prepared.code is ExitCode.OK, prepared.error
    return folder


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_gives_a_row_a_student_and_skill(trained: Path, suffix: str) -> None:
    done = gaintrace(trained, "predict", "small", "--data", "mine.csv", *COLUMNS, "--to", f"p.{suffix}")
    assert done.code is ExitCode.OK, done.error
    lines = done.output.splitlines()
    assert lines[0] == "rows left out: 1 right is neither right nor wrong, as x, line 5"
    assert lines[1].startswith("10 predictions by run ")
    found = (pd.read_csv if suffix == "csv" else pd.read_parquet)(trained / f"p.{suffix}")
    assert list(found.columns) == [
        *("student", "skill", "probability", "probability_by_mastery", "mastery", "ability"),
        *("practice", "right", "history"),
    ]
    assert found["student"].tolist() == ["ann"] * 5 + ["bob"] * 5
    assert found["probability"].between(0, 1).all()


def test_skills_and_places_are_chosen(trained: Path) -> None:
    table = ["predict", "small", "--data", "mine.csv", *COLUMNS, "--to", "p.csv", "--force"]
    assert gaintrace(trained, *table, "--skills", "skill-3, skill-0").code is ExitCode.OK
    assert pd.read_csv(trained / "p.csv")["skill"].tolist() == ["skill-3", "skill-0"] * 2
    assert gaintrace(trained, *table, "--at", "every").code is ExitCode.OK
    assert pd.read_csv(trained / "p.csv")[["student", "position", "skill", "response"]].values.tolist() == [
        ["ann", 1, "skill-1", 0]
    ]
    assert gaintrace(trained, *table, "--at", "every", "--skills", "all").code is ExitCode.OK
    assert len(pd.read_csv(trained / "p.csv")) == (2 + 1) * 5


def test_without_data_the_run_s_own_students_are_predicted(trained: Path) -> None:
    done = gaintrace(trained, "predict", "small", "--to", "own.parquet")
    assert done.output.startswith("76 of the 120 students trained this run; how well these are predicted is no test")
    assert len(pd.read_parquet(trained / "own.parquet")) == 120 * 5


MISTAKES = [
    (["predict", "nothing", "--to", "x.csv"], 2, "has no finished run nothing"),
    (["predict", "small", "--to", "x.xlsx"], 2, "--to x.xlsx: name a file that ends in .parquet or .csv"),
    (["predict", "small", "--to", "s3://b/x.csv"], 2, "--to s3://b/x.csv: only a file of this machine is possible"),
    (["predict", "small", "--to", ""], 2, "--to is empty; give a file"),
    (["predict", "small", "--to", "no/x.csv"], 2, "--to no/x.csv: there is no folder no"),
    (
        ["predict", "small", "--to", "x.csv", "--data", "mine.csv"],
        2,
        "which columns are meant; it has pupil, topic, right",
    ),
    (
        ["predict", "small", "--to", "x.csv", "--data", "mine.csv", "--student", "pupil"],
        2,
        "missing --skill, --correct",
    ),
    (
        ["predict", "small", "--to", "x.csv", "--data", "mine.csv", *COLUMNS[:-1], "ok"],
        2,
        "no column 'ok' (correct)",
    ),
    (["predict", "small", "--to", "x.csv", "--data", "no.csv", *COLUMNS], 3, "no.csv: no such file"),
    (
        ["predict", "small", "--to", "x.csv", "--data", "folder", *COLUMNS],
        3,
        "--data folder: a folder, and no",
    ),
    (["predict", "small", "--to", "x.csv", "--data", "./folder", *COLUMNS], 3, "--data ./folder: a folder, and no"),
    (
        ["predict", "small", "--to", "x.csv", "--out", "nowhere"],
        2,
        "no finished run small, nor any other",
    ),
    (["predict", "small", "--to", "x.csv", "--data", "nowhere", *COLUMNS], 3, "nowhere: no prepared data set there"),
    (["predict", "small", "--to", "x.csv", "--data", "class", *COLUMNS], 2, "is no table but a data set"),
    (["predict", "small", "--to", "x.csv", *COLUMNS], 2, "without --data the run's own data set is read"),
    (["predict", "small", "--to", "x.csv", "--data", "nowhere"], 3, "nowhere: no prepared data set there"),
    (["predict", "small", "--to", "x.csv", "--skills", "skil-0"], 2, "did you mean skill-0?"),
    (["predict", "small", "--to", "x.csv", "--skills", " "], 2, "--skills is empty"),
    (["predict", "small", "--to", "x.csv", "--data", "binary.csv", *COLUMNS], 3, "binary.csv: a binary file"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), MISTAKES)
def test_a_mistake_gets_one_line_and_leaves_no_file(
    trained: Path, arguments: list[str], code: int, message: str
) -> None:
    (trained / "binary.csv").write_bytes(b"\x00\x01" * 40)
    done = gaintrace(trained, *arguments)
    assert message in done.error
    assert (done.code, len(done.error.splitlines())) == (code, 1)
    assert not (trained / "x.csv").exists()


def test_a_run_that_failed_or_lost_its_weights_is_refused_in_one_line(trained: Path) -> None:
    store = open_store(trained / "store")
    run = layout.run_ids(store)[0]
    result = RunResult.model_validate_json(store.read(layout.run(run, "result.json")))
    failed = result.model_copy(update={"run_id": "failed", "status": "failed"})
    store.write(layout.run("failed", "result.json"), failed.model_dump_json().encode())
    done = gaintrace(trained, "predict", "failed", "--to", "x.csv")
    assert (done.code, len(done.error.splitlines())) == (2, 1)
    assert "run failed failed (no reason is recorded)" in done.error
    store.delete(layout.run("failed", "result.json"))
    weights = store.read(layout.run(run, "model.safetensors"))
    for lost in (store.delete, lambda key: store.write(key, b"\xff" * 99)):
        lost(layout.run(run, "model.safetensors"))
        done = gaintrace(trained, "predict", run, "--to", "x.csv")
        assert (done.code, len(done.error.splitlines())) == (5, 1)
        store.write(layout.run(run, "model.safetensors"), weights)


def test_nothing_that_is_there_is_replaced_unasked(trained: Path) -> None:
    given = ["predict", "small", "--data", "mine.csv", *COLUMNS]
    (trained / "there.csv").write_text("precious")
    for to, said in (
        (["mine.csv"], "mine.csv exists"),
        (["mine.csv", "--force"], "is what --data names"),
        (["there.csv"], "there.csv exists; name another file, or replace it with --force"),
    ):
        done = gaintrace(trained, *given, "--to", *to)
        assert (done.code, len(done.error.splitlines())) == (ExitCode.CONFIG, 1)
        assert said in done.error
    assert (trained / "mine.csv").read_text() == ANSWERS
    assert (trained / "there.csv").read_text() == "precious"
    assert gaintrace(trained, *given, "--to", "there.csv", "--force").code is ExitCode.OK
    (trained / "m.safetensors.md").write_text("precious")
    done = gaintrace(trained, "export", "small", "--format", "safetensors", "--to", "m.safetensors")
    assert "m.safetensors.md exists" in done.error


def test_what_was_moved_is_found_by_its_content(trained: Path, tmp_path: Path) -> None:
    """A store is moved with the data sets in it; the run's configuration still names the place where they were."""
    for name in ("class.csv", "small.yaml"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    prepared = gaintrace(tmp_path, "data", "prepare", "csv", *CLASS, "--out", "old/datasets/class")
    assert prepared.code is ExitCode.OK, prepared.error
    no_students = ["--set", "base.data.synthetic=null", "--set", "base.data.dataset=old/datasets/class"]
    assert gaintrace(tmp_path, "sweep", "small.yaml", *no_students, "--out", "old").code is ExitCode.OK
    (tmp_path / "old").rename(tmp_path / "new")
    (tmp_path / "new/datasets/class").rename(tmp_path / "new/datasets/renamed")
    for command in (
        ["predict", "small", "--to", "own.csv"],
        ["trajectories", "small"],
        ["evaluate", "small"],
        ["reproduce", "small"],
        ["export", "small", "--format", "safetensors", "--to", "m.safetensors"],
    ):
        done = gaintrace(tmp_path, *command, "--out", "new")
        assert done.code is ExitCode.OK, done.error
    assert "30 students" in (tmp_path / "m.safetensors.md").read_text()
    (tmp_path / "new/datasets/renamed").rename(tmp_path / "class")
    gone = gaintrace(tmp_path, "trajectories", "small", "--out", "new")
    assert (gone.code, len(gone.error.splitlines())) == (ExitCode.DATA, 1)
    assert "old/datasets/class: no prepared data set there any more" in gone.error
    done = gaintrace(tmp_path, "export", "small", "--format", "safetensors", "--to", "m2.safetensors", "--out", "new")
    assert "has no data set of its content" in done.output
