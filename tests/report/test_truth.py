"""What a sweep says of itself is in results.json: every number, up to its rounding, and every parameter by its name."""

import io
import json
import re
from decimal import Decimal
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from gaintrace.config import RunConfig
from gaintrace.report.aggregate import aggregate
from gaintrace.report.figures import Figure
from gaintrace.report.figures.style import Drawing
from gaintrace.report.terminal import show
from gaintrace.report.verdict import verdict
from gaintrace.store import open_store
from tests.made_results import fail, planned, predict, succeed

NUMBER = re.compile(r"(?<![\w.·-])([−+-]?\d[\d,]*(?:\.\d+)?)( ?%)?(?![\w]|\.\d)")
GRIDS = {
    "training.bce_loss_weight": [0.3, 0.5, 0.8],
    "learning_curve.beta_skill_init": [1.5, 2.0, 2.5],
    "learning_curve.m_sat_init": [0.7, 0.8],
    "model.gain": ["scalar", "per_skill"],
}
RULES = ["valid_combined", "valid_e1_auc", "valid_e2_auc", "combined", "test_e1_auc", "test_e2_auc"]
FIGURES = ("differences", "trade-off", "effects", "interaction", "pareto", "learning-curves")
OWN = {"95"}
"""The level of every interval."""
PARAMETERS = {name for section in RunConfig().model_dump().values() for name in section}
ADVICE = {"patience", "epochs", "selection_metric", "clip_scope", "curve_learning_rate"}
"""Parameters that findings tell a reader to change."""


def leaves(value):
    """Numbers and texts of a document, keys and counts of lists and mappings included."""
    if isinstance(value, dict):
        yield len(value)
        for key, own in value.items():
            yield key
            yield from leaves(own)
    elif isinstance(value, list):
        yield len(value)
        for own in value:
            yield from leaves(own)
    elif value is not None:
        yield value


def untold(text, document):
    """Numbers of a text that are nowhere in a document."""
    known = [value for value in leaves(document) if isinstance(value, int | float)]
    words = " ".join(value for value in leaves(document) if isinstance(value, str))
    numbers = [Decimal(repr(float(value))) for value in known]
    numbers += [Decimal(found.group(1).replace(",", "").replace("−", "-")) for found in NUMBER.finditer(words)]
    missing = []
    for found in NUMBER.finditer(text):
        digits, percent = found.group(1).replace(",", "").replace("−", "-"), found.group(2)
        told = abs(Decimal(digits)) / (100 if percent else 1)
        decimals = len(digits.partition(".")[2]) + (2 if percent else 0)
        rounding = Decimal("0.5000001") * Decimal(10) ** -decimals
        if digits not in OWN and not any(abs(abs(number) - told) <= rounding for number in numbers):
            missing.append(found.group(0))
    return missing


def told(store, plan):
    """What aggregation writes and says, but for figures: results.json, and the texts."""
    with patch(
        "gaintrace.report.page.draw",
        return_value=dict.fromkeys(FIGURES, Figure(lambda width: Drawing("none", width, 1))),
    ):
        summary = aggregate(store, plan.sweep_id)
    folder = store.child(f"sweeps/{plan.sweep_id}")
    document = json.loads(folder.read("results.json"))
    console = Console(width=200, file=io.StringIO())
    show(console, summary)
    said = verdict(summary)
    markdown = folder.read("report.md").decode()
    ids = re.compile("|".join(row["run_id"][:8] + "[0-9a-f]{0,4}" for row in document["runs"]))  # no numbers
    texts = {
        "verdict": " ".join([said.result, said.trust, *said.notes]),
        "findings": " ".join(finding.text for finding in summary.findings),
        "terminal": ids.sub("", console.file.getvalue()),
        "markdown": markdown[: markdown.index("## Figures")],
    }
    return summary, document, texts


@settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow])
@given(
    names=st.lists(st.sampled_from(sorted(GRIDS)), min_size=1, max_size=3, unique=True),
    rule=st.sampled_from(RULES),
    seeds=st.sampled_from([0, 0, 2, 3]),
    alpha=st.sampled_from([0.5, 1.0, 0.25]),
    scope=st.sampled_from(["global", "per_encoder"]),
    levels=st.lists(st.sampled_from([0, 1, 5, 40, 200]), min_size=7, max_size=7),
    gaps=st.lists(st.sampled_from([-20, 0, 20]), min_size=5, max_size=5),
    epochs=st.lists(st.integers(1, 5), min_size=3, max_size=3),
    troubled=st.booleans(),
)
def test_every_number_is_in_results_json(
    tmp_path_factory, names, rule, seeds, alpha, scope, levels, gaps, epochs, troubled
):
    store = open_store(tmp_path_factory.mktemp("store"))
    grid = {name: GRIDS[name] for name in names}
    text = {
        "name": "made",
        "base": {"training": {"clip_scope": scope}},
        "grid": grid,
        "seeds": list(range(1, seeds + 1)),
        "objective": {"rank_by": rule, "alpha": alpha},
        "success": {"test_e1_auc": 0.7005, "test_e2_auc": 0.55},
    }
    plan = planned(store, json.dumps(text))
    for index in range(len(plan.runs)):
        if troubled and index == 1:
            fail(store, plan, index)
            continue
        e1, e2 = 0.7 + levels[index % 7] / 10_000, 0.55 + levels[(index // 2) % 7] / 10_000
        valid = (e1 + gaps[index % 5] / 10_000, e2 - gaps[index % 3] / 10_000)
        succeed(store, plan, index, e1, e2, best_epoch=epochs[index % 3], valid=valid)
    _, document, texts = told(store, plan)
    assert {name: missing for name, said in texts.items() if (missing := untold(said, document))} == {}


@pytest.mark.parametrize("rule", ["valid_combined", "combined"])
@pytest.mark.parametrize("damaged", [None, 0, 1])
@pytest.mark.parametrize("students", [30, 200])
@pytest.mark.parametrize("more", ["", "seeds: [1, 2]\n"])
def test_so_is_every_number_about_noise(tmp_path, rule, damaged, students, more):
    store = open_store(tmp_path)
    text = f"grid: {{learning_curve.beta_skill_init: [1.5, 2.0, 2.5]}}\nobjective: {{rank_by: {rule}}}\n{more}"
    plan = planned(store, f"name: made\n{text}")
    for index, run in enumerate(plan.runs):
        predict(
            store, plan, index, {1.5: 1.0, 2.0: 0.98, 2.5: 0.6}[run.config.learning_curve.beta_skill_init], students
        )
    if damaged is not None:
        store.write(f"runs/{plan.runs[damaged].run_id}/predictions.parquet", b"")
    summary, document, texts = told(store, plan)
    assert {name: missing for name, said in texts.items() if (missing := untold(said, document))} == {}
    assert ("predictions_unread" in [finding.name for finding in summary.findings]) == (damaged is not None)


@given(text=st.sampled_from(["0.1234 of", "at 77 %", "rank 19.", "[−0.7001, +0.2]"]))
def test_a_number_that_is_not_there_is_found_out(text):
    assert untold(text, {"a": [0.5, 0.2], "b": "3 of 4"}) != []
    assert untold("50 % of 0.20, −0.5 and 3", {"a": [0.5, 0.2], "b": "3 of 4"}) == []


WEIGHT, BETA, M_SAT, GAIN = GRIDS


@pytest.mark.parametrize(
    ("names", "acts"),
    [
        ([WEIGHT, BETA], BETA),
        ([WEIGHT, BETA], WEIGHT),
        ([BETA, M_SAT], M_SAT),
        ([WEIGHT, BETA, M_SAT], M_SAT),
        ([M_SAT, GAIN, WEIGHT], GAIN),
    ],
)
@pytest.mark.parametrize("rule", ["valid_combined", "test_e2_auc"])
def test_a_parameter_that_acts_is_never_said_not_to(tmp_path, names, acts, rule):
    """Of two or three parameters one acts: sentences about idle ones name others, and every name was swept."""
    store = open_store(tmp_path)
    text = {"name": "made", "grid": {name: GRIDS[name] for name in names}, "objective": {"rank_by": rule}}
    plan = planned(store, json.dumps(text))
    for index, run in enumerate(plan.runs):
        place = GRIDS[acts].index(run.swept[acts])
        predict(store, plan, index, [0.5, 0.7, 1.0][place])
    summary, _, texts = told(store, plan)
    idle = [f for f in summary.findings if f.name in ("parameter_cannot_act", "no_effect_seen")]
    assert all(finding.numbers["parameters"] == ["bce_loss_weight"] for finding in idle)
    said = f"{texts['verdict']} {texts['findings']}"
    assert (
        len(re.findall("hardly a way to act", said))
        == len(re.findall("bce_loss_weight has hardly a way to act", said))
        == (2 if WEIGHT in names else 0)
    )
    assert "look for another cause" not in said and "to be expected" not in said
    words = set(re.findall(r"[a-z]+_[a-z_]+", said)) & PARAMETERS
    assert words <= set(summary.parameters) | ADVICE
