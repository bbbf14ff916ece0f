"""Two sweeps side by side: differences only where the same students answered."""

import json

import pytest
from typer.testing import CliRunner

from gaintrace.cli import app
from gaintrace.errors import ConfigError
from gaintrace.report.aggregate import aggregate
from gaintrace.report.beside import beside, differing
from gaintrace.store import open_store
from gaintrace.sweeps.plan import DataReference, make_plan, write_plan
from tests.made_results import DATA, planned, predict, spec_of

TWO = "name: {name}\ngrid: {{training.bce_loss_weight: [0.3, 0.8]}}\nseeds: [1, 2]\n"


def made(store, name, epochs, skill, data=DATA):
    plan = make_plan(spec_of(TWO.format(name=name), [f"base.training.epochs={epochs}"]), data)
    write_plan(store, plan)
    for index in range(4):
        predict(store, plan, index, skill - index / 50)
    aggregate(store, plan.sweep_id)
    return plan


def test_the_better_best_is_better_by_a_paired_interval(tmp_path):
    store = open_store(tmp_path)
    a, b = made(store, "first", 5, 0.6), made(store, "second", 7, 1.0)
    page = beside(store, a.sweep_id, b.sweep_id)
    assert "first beside second" in page and "2 pairs of runs of equal seed and fold" in page
    assert ">training.epochs</td>" in page and ">data set</td>" not in page, "what is equal is not told"
    rows = page[page.index('id="best"') : page.index('id="differing"')].split("<tr>")[2:]
    assert len(rows) == 3 and all("+0." in row and '<span class="soft">[+0.' in row for row in rows)
    assert "Configurations that both have" in page and "bce_loss_weight 0.8" in page
    assert page.count("<svg") == 2 * 4 * 2  # of both, and for a phone: differences, trade-off, front, learning curves
    assert page.count('<div class="narrow"><svg') == 2 * 4


def test_other_students_leave_nothing_to_compare(tmp_path):
    store = open_store(tmp_path)
    a = made(store, "first", 5, 0.6)
    b = made(store, "second", 5, 1.0, DataReference(uri="e", name="others", hash="f" * 16))
    page = beside(store, a.sweep_id, b.sweep_id)
    assert "different data (made 01234567, others ffffffff)" in page
    assert "Configurations that both have" not in page
    assert "made (0123456789abcdef)" in page


def test_a_sweep_beside_itself_differs_in_nothing(tmp_path):
    store = open_store(tmp_path)
    a = made(store, "first", 5, 0.6)
    page = beside(store, a.sweep_id, a.sweep_id)
    assert "In nothing that they were asked for." in page
    assert page.count("+0.0000") >= 3


@pytest.mark.figures
def test_the_command_writes_one_page_of_two(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = open_store(tmp_path / "store")
    a, b = made(store, "first", 5, 0.6), made(store, "second", 7, 1.0)
    done = CliRunner().invoke(app, ["report", "first", "second", "--out", "store", "--no-open"])
    assert done.stdout.strip() == f"{a.sweep_id}-{b.sweep_id}.html"
    assert "first beside second" in (tmp_path / done.stdout.strip()).read_text()
    with pytest.raises(ConfigError, match="3 sweeps; a report is of one, or of two"):
        raise CliRunner().invoke(app, ["report", "first", "second", "first", "--out", "store"]).exception


def test_one_sweep_is_not_set_beside_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    a = made(open_store(tmp_path / "store"), "first", 5, 0.6)
    done = CliRunner().invoke(app, ["report", "first", a.sweep_id, "--out", "store", "--no-open"])
    assert isinstance(done.exception, ConfigError) and f"both are sweep {a.sweep_id}" in str(done.exception)
    assert not list(tmp_path.glob("*.html"))


def test_a_search_is_told_by_where_it_looks():
    def asked(**search):
        space = {"training.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "model.d_model": [32, 64]}
        text = f"name: s\nsearch: {json.dumps({'rounds': 2, 'runs_per_round': 4, 'space': space} | search)}\n"
        return make_plan(spec_of(text), DATA)

    grid = make_plan(spec_of("name: g\ngrid: {training.learning_rate: [0.001, 0.002]}\n"), DATA)
    rows = {str(row[0]): [str(cell) for cell in row[1:]] for row in differing(grid, asked()).rows}
    assert rows["training.learning_rate"] == ["0.001, 0.002", "searched, 0.0001 to 0.01, logarithmic"]
    assert rows["model.d_model"][1] == "searched, 32, 64"
    assert rows["search.sampler"] == ["–", "tpe"] and rows["search.rounds"] == ["–", "2"]
    assert "search.stop" not in rows
    rows = [[str(cell) for cell in row] for row in differing(asked(), asked(rounds=3, sampler="random")).rows]
    assert rows == [["search.sampler", "tpe", "random"], ["search.rounds", "2", "3"]]


@pytest.mark.parametrize(("form", "begins"), [("pdf", b"%PDF-1."), ("svg", b"<svg ")])
@pytest.mark.figures
def test_figures_are_files_for_a_paper(tmp_path, form, begins):
    store = open_store(tmp_path / "store")
    plan = planned(store, TWO.format(name="first"))
    for index in range(4):
        predict(store, plan, index, 1 - index / 50)
    order = ["report", "first", "--out", str(tmp_path / "store"), "--figures", str(tmp_path / "new" / "folder")]
    for _ in range(2):
        done = CliRunner().invoke(app, [*order, "--format", form])
        assert done.exception is None
        files = {path.name: path.read_bytes() for path in (tmp_path / "new" / "folder").glob(f"*.{form}")}
        names = {"differences", "spread", "trade-off", "pareto", "learning-curves"}
        assert {name.removesuffix(f".{form}") for name in files} == names
        assert all(content.startswith(begins) for content in files.values())
        assert len(done.stdout.splitlines()) == len(files)
        assert not any(b"var(--" in content for content in files.values()), "colours of a page are none elsewhere"
    again = {path.name: path.read_bytes() for path in (tmp_path / "new" / "folder").glob(f"*.{form}")}
    assert again == files


def test_what_figures_as_files_cannot_have_is_refused(tmp_path):
    store = open_store(tmp_path / "store")
    plan = planned(store, TWO.format(name="first"))
    folder, end = str(tmp_path / "new"), ["--out", str(tmp_path / "store"), "--no-open"]
    for given, said in (
        (["--format", "svg"], "--format is of figures; name their folder with --figures"),
        (["--figures", folder, "--to", "page.html"], "--figures writes figures instead of the report"),
        (["--figures", folder], f"sweep {plan.sweep_id} has nothing to draw"),
    ):
        with pytest.raises(ConfigError, match=said):
            raise CliRunner().invoke(app, ["report", "first", *given, *end]).exception
