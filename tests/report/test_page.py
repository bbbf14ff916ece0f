"""The report: whole, self-contained, and the same things in HTML, Markdown and on the terminal."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from gaintrace.analysis import findings
from gaintrace.analysis.provenance import Cost
from gaintrace.analysis.summary import analyse
from gaintrace.report.aggregate import aggregate
from gaintrace.report.provenance import cost
from gaintrace.report.tables import PAGE_ROWS
from gaintrace.report.terminal import show
from gaintrace.report.words import TITLES
from gaintrace.store import open_store
from tests.made_results import fail, planned, predict, published, succeed

GRID = "{learning_curve.m_sat_init: [0.7, 0.8], training.bce_loss_weight: [0.1, 0.2, 0.3]}"


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)


def written(store, plan, name="report.html"):
    return store.read(f"sweeps/{plan.sweep_id}/{name}").decode()


def shown(summary, width=80):
    console = Console(width=width, file=io.StringIO())
    show(console, summary)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("grid", "figures"),
    [
        ("{}", {"learning-curves"}),
        ("{training.bce_loss_weight: [0.1, 0.2]}", {"trade-off", "pareto", "learning-curves"}),
        ("{model.gain: [scalar, per_skill]}", {"trade-off", "pareto", "learning-curves"}),
        (GRID, {"importance", "effects", "heatmap", "pareto", "learning-curves"}),
    ],
)
def test_figures_fit_the_grid(store, grid, figures):
    plan = planned(store, f"name: made\ngrid: {grid}\n")
    for index in range(len(plan.runs)):
        succeed(store, plan, index, 0.7 + index / 1000, 0.5)
    aggregate(store, plan.sweep_id)
    folder = f"sweeps/{plan.sweep_id}"
    assert {key.split("/")[-1].removesuffix(".svg") for key in store.keys(f"{folder}/figures")} == figures
    page = written(store, plan)
    assert page.count("<svg") == 2 * len(figures)  # for a page and for a phone
    assert all(f"figures/{name}.svg" in written(store, plan, "report.md") for name in figures)
    assert not any(outside in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", "") for outside in ("http://", "https://", "<script "))  # fmt: skip
    assert page.count("<script>") == 1  # for comfort alone


@pytest.mark.figures
def test_ids_inside_figures_do_not_meet(store):
    plan = published(store)
    aggregate(store, plan.sweep_id)
    ids = [part.split('"')[0] for part in written(store, plan).split('<clipPath id="')[1:]]
    assert ids and len(set(ids)) == len(ids)


def test_verdict_and_findings_are_in_all_three(store):
    plan = planned(store, overrides=["base.training.clip_scope=global"])
    for index, epoch in enumerate([5, 5, 5, 3, 3, 3]):
        succeed(store, plan, index, 0.7 - index / 10_000, 0.55, best_epoch=epoch)
    summary = aggregate(store, plan.sweep_id)
    flowing = " ".join(shown(summary).split())
    page, text = written(store, plan), written(store, plan, "report.md")
    assert summary.findings
    for finding in summary.findings:
        assert finding.text in flowing
        assert finding.text in text
        assert finding.text.split(":")[0] in page
    assert "ranks first of 6 configurations" in flowing and "ranks first" in page and "ranks first" in text


def test_every_finding_has_a_title():
    """A page cannot be written with one that has none."""
    sources = [path.read_text() for path in Path(findings.__file__).parent.glob("*.py")]
    assert set(re.findall(r'name="(\w+)"', "".join(sources))) == TITLES.keys()


def test_intervals_stand_beside_the_ranking(store):
    plan = planned(store, "name: made\ngrid: {training.bce_loss_weight: [0.3, 0.8]}\nseeds: [1, 2]\n")
    for index, run in enumerate(plan.runs):
        predict(store, plan, index, 1.0 if run.config.training.bce_loss_weight == 0.3 else 0.6)
    summary = aggregate(store, plan.sweep_id)
    page, text, terminal = written(store, plan), written(store, plan, "report.md"), shown(summary)
    difference = summary.comparison.configurations[1].difference
    interval = f"[−{abs(difference.low):.4f}, −{abs(difference.high):.4f}]"
    assert interval in page and interval in text and interval in terminal
    assert "By E1 + E2 on test" in page and "By E1 + E2 on test" in text
    assert "<summary>Single runs</summary>" in page
    assert "differences" in {key.split("/")[-1].removesuffix(".svg") for key in store.keys("sweeps") if "svg" in key}


def test_what_is_missing_is_named_and_escaped(store):
    plan = planned(store)
    succeed(store, plan, 2, 0.70, 0.52)
    fail(store, plan, 1, "a | b\nc <script>")
    terminal = shown(aggregate(store, plan.sweep_id))
    page, text = written(store, plan), written(store, plan, "report.md")
    assert "1 failed and 4 not finished of 6 planned" in terminal and "NonFiniteLossError: a | b" in terminal
    assert "&lt;script&gt;" in page and "not finished" in page
    assert "a \\| b c <script>" in text


def test_a_long_ranking_is_cut_and_points_on(store):
    values = [round(0.1 + i / 100, 2) for i in range(PAGE_ROWS + 5)]
    plan = planned(store, f"name: made\ngrid: {{training.bce_loss_weight: {values}}}\n")
    for index in range(len(plan.runs)):
        succeed(store, plan, index, 0.7 + index / 1000, 0.5)
    summary = aggregate(store, plan.sweep_id)
    assert "More configurations are in results.csv" in written(store, plan)
    assert "More configurations are in results.csv" in written(store, plan, "report.md")
    assert "more in results.csv" in shown(summary)


def test_the_terminal_table_fits_80_columns(store):
    plan = published(store)
    lines = shown(aggregate(store, plan.sweep_id)).splitlines()
    assert [line.split()[1] for line in lines[2:8]] == ["0.3", "0.4", "0.5", "0.7", "0.6", "0.8"]
    assert "0.9572" in lines[2]


def test_cost_and_environment_are_told(store, monkeypatch):
    monkeypatch.setenv("GAINTRACE_REVISION", "abc123")
    plan = published(store)
    aggregate(store, plan.sweep_id)
    page = written(store, plan)
    assert "6 of 6 runs succeeded. Training took 15 s on unknown device in 6 runs." in page
    summary = analyse(store, plan).summary
    longer = summary.model_copy(update={"cost": Cost(seconds={"cpu": 5400, "cuda": 60}, runs=1, joules=3.6e6)})
    assert cost(longer).endswith("Training took 1.5 h (5400 s) on CPU, 60 s on GPU in a run and 1.00 kWh at the GPU.")
    assert "abc123" in page and "<dt>Seeds</dt><dd>42</dd>" in page
    assert f"gaintrace sweep STORE/sweeps/{plan.sweep_id}/spec.yaml" in page


def test_a_page_says_which_configurations_it_compares(store, monkeypatch):
    monkeypatch.setattr("gaintrace.analysis.comparison.RUNS_READ", 3)
    plan = planned(store, "name: made\ngrid: {training.bce_loss_weight: [0.1, 0.2, 0.3, 0.4, 0.5]}\n")
    for index in range(5):
        predict(store, plan, index, 1 - index / 50)
    summary = aggregate(store, plan.sweep_id)
    note = "Noise was looked at in 3 of 5 configurations, the best and the last; of the other 2 nothing is said."
    for text in (written(store, plan), written(store, plan, "report.md"), " ".join(shown(summary).split())):
        assert note in text
    assert written(store, plan).count("not compared</span>") >= 2
    assert written(store, plan, "report.md").count("not compared |") >= 2


@pytest.mark.figures
def test_names_too_long_for_a_figure_are_ranks_there(store, recwarn):
    steep = [2.5, 123456789.125]
    plan = planned(
        store,
        "name: made\ngrid:\n"
        + "".join(f"  learning_curve.{name}: {steep}\n" for name in ("beta_skill_init", "threshold_temperature"))
        + "  training.learning_rate: [0.000123456789, 0.00123456789]\n",
    )
    for index in range(len(plan.runs)):
        predict(store, plan, index, 1 - index / 50)
    aggregate(store, plan.sweep_id)
    wide = store.read(f"sweeps/{plan.sweep_id}/figures/differences.svg").decode()
    assert ">rank<" not in wide
    assert written(store, plan).count(">rank<") == 1, "a phone's"
    assert not recwarn.list
