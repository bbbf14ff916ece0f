"""What a reader sees: reports in a browser at three widths, light and dark, measured.

Nothing is cut or lies on another, text stands out 4.5 : 1 from what is behind it and lines and marks 3 : 1, and every
axis with numbers says of what.
"""

import json
from pathlib import Path

import pytest

from gaintrace.config import parse_spec
from gaintrace.pipeline.sweep import run_sweep
from gaintrace.report.aggregate import aggregate
from gaintrace.report.beside import beside
from gaintrace.report.tables import BLOCKS
from gaintrace.store import FolderStore
from tests.browser import Browser, browser
from tests.made_results import fail, planned, predict

LOOK = (Path(__file__).parent / "look.js").read_text()
pytestmark = pytest.mark.figures
WIDTHS, SCHEMES = (390, 1280, 1920), ("light", "dark")
SMALL = """
base:
  data: {synthetic: {students: 120, skills: 6, mean_length: 20, seed: 7}}
  model: {d_model: 8, n_heads: 2, n_blocks: 1, d_ff: 16}
  training: {epochs: 3}
"""
SPECS = {
    "seeds and folds": "grid: {training.learning_rate: [5.0e-4, 2.0e-3, 8.0e-3], model.gain: [scalar, per_skill]}\n"
    "seeds: [1, 2]\nfolds: [0, 1]",
    "four parameters": "grid: {learning_curve.beta_skill_init: [1.5, 2.5], learning_curve.m_sat_init: [0.7, 0.9],\n"
    "  learning_curve.sigmoid_offset: [1.5, 2.5], training.curve_learning_rate: [1.0e-3, 3.0e-2]}\n"
    "objective: {rank_by: test_e2_auc}",
    "search": "search: {sampler: random, rounds: 2, runs_per_round: 7, space: {\n"
    "  training.learning_rate: {low: 3.0e-4, high: 2.0e-2, log: true}, model.gain: [scalar, per_skill],\n"
    "  learning_curve.sigmoid_offset: {low: 1.0, high: 3.0}}}",
    "evidence": "preset: gaintrace\ngrid: {training.learning_rate: [1.0e-3, 2.0e-3, 4.0e-3, 1.0e-2]}\nseeds: [1, 2]",
}


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Paths of reports by what they show; swept anew, so that every section has something to show."""
    store = FolderStore(tmp_path_factory.mktemp("store"))
    found = {}
    for name, text in SPECS.items():
        spec = parse_spec(f"name: {name.replace(' ', '-')}\n{SMALL}{text}\n", "test")
        found[name] = run_sweep(spec, store).plan.sweep_id
    values = [round(0.1 + n / 50, 2) for n in range(30)]
    plan = planned(store, f"name: gaps\ngrid: {{training.bce_loss_weight: {values}}}\n")
    for index in range(29):
        predict(store, plan, index, 1 - (index % 9) / 50)
    fail(store, plan, 29, "epoch 2: loss is not finite, " + "and_this_is_why_" * 20)
    aggregate(store, plan.sweep_id)
    found["gaps"] = plan.sweep_id
    pages = {name: store.path(f"sweeps/{sweep}/report.html") for name, sweep in found.items()}
    pages["two"] = tmp_path_factory.mktemp("two") / "two.html"
    pages["two"].write_text(beside(store, found["seeds and folds"], found["search"]))
    return pages


def look(tab: Browser, page: Path, width: int, scheme: str) -> dict[str, object]:
    tab.open(page, width, scheme)
    found: dict[str, object] = json.loads(tab.run(f"JSON.stringify(({LOOK})())"))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SPECS, "gaps", "two"])
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_faint_or_unnamed(tab, reports, name, width, scheme):
    found = look(tab, reports[name], width, scheme)
    assert found["page"] <= found["window"]
    assert found["figures"] >= 4 and found["texts"] > 50 and found["marks"] > 50
    faults = ("cut", "faint_text", "faint_marks", "unnamed_axes", "overlaps", "outside")
    assert {fault: found[fault] for fault in faults} == {fault: [] for fault in faults}


@pytest.mark.slow
def test_the_script_sorts_copies_and_tells_values_and_nothing_needs_it(tab, reports):
    page = reports["gaps"]
    tab.open(page, 1280, "light")
    column = "[...document.querySelectorAll('#ranking ~ .scroll tbody tr')].map(row => row.cells[1].textContent)"
    head = "document.querySelectorAll('#ranking ~ .scroll th')[1]"
    before = tab.run(column)
    tab.run(f"{head}.querySelector('button').click()")
    assert tab.run(column) == sorted(before, key=float, reverse=True) != before
    tab.run(f"{head}.querySelector('button').click()")
    assert tab.run(column) == sorted(before, key=float)
    assert tab.run(f"{head}.getAttribute('aria-sort')") == "ascending"
    assert tab.run("document.querySelectorAll('code[data-copy] + button.copy').length") > 25
    tab.run("""(() => { const mark = document.querySelector('figure svg title').parentNode;
        mark.scrollIntoView(); const box = mark.getBoundingClientRect();
        mark.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, clientX: box.x, clientY: box.y})); })()""")
    assert "bce_loss_weight" in tab.run("document.querySelector('.tip').textContent")
    read = "document.querySelector('main').innerText.replaceAll(/\\s|copy/g, '')"
    tab.open(page, 1280, "light")
    with_script = tab.run(read)
    tab.open(page, 1280, "light", script=False)
    assert tab.run(read) == with_script


@pytest.mark.slow
def test_a_phone_shows_the_first_rows_and_all_when_asked_without_the_script(tab, reports):
    rows = "[...document.querySelectorAll('#ranking ~ .scroll')][0].querySelectorAll('tbody tr')"
    seen = f"[...{rows}].filter(row => row.offsetHeight).length"
    every = 25
    tab.open(reports["gaps"], 1280, "light", script=False)
    assert tab.run(seen) == every and tab.run("document.querySelector('label.more').offsetHeight") == 0
    tab.open(reports["gaps"], 390, "light", script=False)
    assert tab.run(seen) == BLOCKS
    tab.run("document.querySelector('#ranking ~ label.more').click()")
    assert tab.run(seen) == every


def test_the_look_sees_what_is_wrong(tab, tmp_path):
    page = tmp_path / "wrong.html"
    page.write_text(
        """<body style="background: #fff; margin: 0"><p style="color: #ccc">faint</p>
        <div class="scroll" style="width: 50px; overflow-x: auto"><table style="width: 400px"><tr><td>cut</table></div>
        <figure><svg width="200" height="100"><g class="axes">
        <g class="axis"><g class="tick"><g><text x="10" y="90">0.5</text></g></g></g>
        <path d="M0 0 L90 90" style="stroke: #eeeeee; fill: none"/><text x="20" y="50">one</text>
        <text x="24" y="50">two</text><text x="190" y="20">outside</text></g></svg></figure>"""
    )
    found = look(tab, page, 390, "light")
    for fault in ("cut", "faint_text", "faint_marks", "unnamed_axes", "overlaps", "outside"):
        assert found[fault], fault
