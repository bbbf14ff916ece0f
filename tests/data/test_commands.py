"""`gaintrace data` as a person meets it: what it prints, what it refuses, and how damage is mended."""

import json

import pytest
from typer.testing import CliRunner

from gaintrace.cli.data import app
from gaintrace.config import SyntheticConfig
from gaintrace.data.dataset import load_dataset
from gaintrace.data.synthetic import generate
from gaintrace.errors import ConfigError, DataError

RAW = "user_id,log_id,sequence_id,correct\n" + "".join(f"{u},{i},s{i % 2},{i % 2}\n" for u in "ab" for i in range(4))


def run(*arguments):
    result = CliRunner().invoke(app, list(map(str, arguments)))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.fixture
def raw(tmp_path):
    path = tmp_path / "raw.csv"
    path.write_text(RAW + "a,9,s1,0.5\nc,1,s1,1\n")
    return path


def test_prepare_says_what_was_read_kept_and_dropped(raw, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output = run("prepare", "assist2015", "--raw", raw, "--out", "my data")
    for line in (
        "students  2",
        "interactions  8",
        "rows read  10",
        "rows dropped  1 correct is neither 0 nor 1 (line 10)",
        "              1 of students with fewer than 3 answers (line 11)",
        "Next: gaintrace train gaintrace --data 'my data'",
        "(minutes on one core: about ten for 700,000 answers)",
    ):
        assert line in output
    assert max(map(len, output.splitlines())) <= 80
    assert run("info", "my data") == output[: output.index("\nNext")]


def test_the_same_again_is_no_work_and_another_is_refused(raw, tmp_path):
    out = tmp_path / "d"
    run("prepare", "assist2015", "--raw", raw, "--out", out)
    before = (out / "dataset.json").stat().st_mtime_ns
    assert "holds this data set already" in run("prepare", "assist2015", "--raw", raw, "--out", out)
    assert (out / "dataset.json").stat().st_mtime_ns == before
    raw.write_text(RAW)
    run("prepare", "assist2015", "--raw", raw, "--out", out)
    raw.write_text(RAW.replace("b,3,s1,1", "b,3,s1,0"))
    with pytest.raises(ConfigError, match="--force to replace it"):
        run("prepare", "assist2015", "--raw", raw, "--out", out)
    changed = run("prepare", "assist2015", "--raw", raw, "--out", out, "--force")
    assert load_dataset(str(out)).hash in changed


@pytest.mark.parametrize("name", ["interactions.parquet", "students.parquet"])
@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"PAR1")])
def test_preparing_again_mends_a_damaged_data_set(raw, tmp_path, name, damage):
    out = tmp_path / "d"
    run("prepare", "assist2015", "--raw", raw, "--out", out)
    damage(out / name)
    with pytest.raises(DataError, match="Prepare the data set again"):
        run("info", out)
    assert f"Written again: {out}" in run("prepare", "assist2015", "--raw", raw, "--out", out)
    assert load_dataset(str(out)).info.interactions == 8


def test_an_unreadable_description_is_replaced_by_force_alone(raw, tmp_path):
    out = tmp_path / "d"
    run("prepare", "assist2015", "--raw", raw, "--out", out)
    (out / "dataset.json").write_text("{")
    with pytest.raises(DataError, match="--force"):
        run("prepare", "assist2015", "--raw", raw, "--out", out)
    run("prepare", "assist2015", "--raw", raw, "--out", out, "--force")
    assert load_dataset(str(out)).info.interactions == 8


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [("--skills", 20_000, "less than or equal to 10000"), ("--seed", 2**31, "less than 2147483648")],
)
def test_sizes_that_cannot_be_simulated_are_named(tmp_path, option, value, message):
    with pytest.raises(ConfigError, match=f"{option} {value}: .*{message}"):
        run("simulate", "--out", tmp_path / "d", option, value)


def test_the_simulator_is_an_option_and_is_kept_with_the_data(tmp_path):
    for name, options in (("irt", ["--forgetting", 0.1]), ("bkt", []), ("curve", [])):
        out = tmp_path / name
        made = run("simulate", "--out", out, "--students", 30, "--simulator", name, *options)
        assert f"made of  simulation ({name})" in made
        stored = load_dataset(str(out))
        assert stored.simulator == name
        config = SyntheticConfig(students=30, simulator=name, forgetting=options[1] if options else None)
        assert stored.hash == generate(config).hash
    with pytest.raises(ConfigError, match=r"^simulator curve forgets nothing: leave out forgetting"):
        run("simulate", "--out", tmp_path / "x", "--forgetting", 0.1)


def test_two_data_sets_of_one_reader_have_names_of_their_own(raw, tmp_path, monkeypatch):
    """Records of validations go by the name."""
    monkeypatch.chdir(tmp_path)
    for out, name in (
        ("store/datasets/first", "first"),
        ("second set/", "second-set"),
        ((tmp_path / "third").as_uri(), "third"),
        ("./fourth/../fifth", "fifth"),
        ("Größe [1]", "Größe-1"),
    ):
        run("prepare", "assist2015", "--raw", raw, "--out", out)
        assert (load_dataset(out).name, load_dataset(out).reader) == (name, "assist2015")
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    run("simulate", "--out", ".", "--students", 20)
    assert (load_dataset(".").name, load_dataset(".").reader) == ("inside", None)
    run("prepare", "assist2015", "--raw", raw, "--out", "x", "--name", "mine_2.1")
    assert load_dataset("x").name == "mine_2.1"


@pytest.mark.parametrize("name", ["", ".", "..", "-a", "a.", "a/b", "a b", "a[b]", "x" * 65])
def test_names_that_are_no_part_of_a_path_are_refused_before_reading(tmp_path, name):
    with pytest.raises(ConfigError, match=r"^--name .*use letters"):
        run("prepare", "assist2015", "--raw", tmp_path / "nowhere", "--out", tmp_path / "d", "--name", name)


def test_a_data_set_that_is_there_keeps_its_name_until_another_is_asked_for(raw, tmp_path):
    out = tmp_path / "d"
    run("prepare", "assist2015", "--raw", raw, "--out", out)
    tree = json.loads((out / "dataset.json").read_text())
    del tree["reader"], tree["dropped_at"]
    (out / "dataset.json").write_text(json.dumps(tree | {"name": "assist2015"}))
    before = load_dataset(str(out))
    assert "holds this data set already" in run("prepare", "assist2015", "--raw", raw, "--out", out)
    (out / "students.parquet").unlink()
    run("prepare", "assist2015", "--raw", raw, "--out", out)
    assert (load_dataset(str(out)).name, load_dataset(str(out)).hash) == ("assist2015", before.hash)
    assert "It was called assist2015" in run("prepare", "assist2015", "--raw", raw, "--out", out, "--name", "new")
    assert (load_dataset(str(out)).name, load_dataset(str(out)).hash) == ("new", before.hash)
