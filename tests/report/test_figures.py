"""Parts of figures: colours that follow values, names that lie apart, values under the pointer, two themes."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.lines import Line2D
from matplotlib.text import Text

from gaintrace.analysis.comparison import Comparison, Configuration
from gaintrace.report.figures.curves import learning_curves
from gaintrace.report.figures.front import _together
from gaintrace.report.figures.labels import name_points
from gaintrace.report.figures.looks import brief, in_columns, looks
from gaintrace.report.figures.mastery import MasteryPanel, panel_title, short, student_panel
from gaintrace.report.figures.plane import plane
from gaintrace.report.figures.style import E1, INK, NARROW, PALETTE, SCALE, WIDE, canvas, in_page, palette, svg
from gaintrace.report.words import four, signed


def configuration(rank, runs=("a",), **swept):
    return Configuration(
        rank=rank, swept=swept, runs=list(runs), test_e1_auc=0.7 - rank / 100, test_e2_auc=0.5, combined=0.9
    )


def luminance(colour):
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    low, high = sorted(map(luminance, (a, b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("dark", "page"), [(False, "#ffffff"), (True, "#14171b")])
def test_every_colour_stands_out_from_its_page(dark, page):
    assert all(contrast(colour, page) >= 3 for colour in palette(dark).values())
    assert palette(dark).keys() == {name for name, _ in PALETTE.values()} - {"ink", "page"}


def test_colour_follows_the_value_and_not_the_rank():
    found = looks([configuration(n, rate=rate) for n, rate in enumerate([0.1, 0.001, 0.01], 1)], ["rate"])
    order = [SCALE.index(look.colour) for look in found.of]
    assert order == [len(SCALE) - 1, 0, (len(SCALE) - 1) // 2]
    assert list(found.colours["rate"]) == ["0.001", "0.01", "0.1"]
    assert found.dashes == {}


def test_a_second_parameter_has_dashes_and_one_that_hardly_differs_comes_later():
    grid = [configuration(n, a=a, b=b, c=n > 4) for n, (a, b) in enumerate([(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)], 1)]
    found = looks(grid, ["c", "a", "b"])
    assert list(found.colours) == ["a"], "c is alike in four of five"
    assert list(found.dashes) == ["b"]
    assert len({(look.colour, look.dash) for look in found.of}) == 5


@settings(max_examples=25)  # a figure each
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=6, unique=True))
@example([(0.0, 0.0), (0.0, 0.015625), (0.0, 0.001953125)])
def test_names_of_few_points_lie_apart_and_inside(points):
    with canvas("names", WIDE, 4) as figure:
        axes = figure.subplots()
        axes.set_xlim(-0.1, 1.1)
        axes.set_ylim(-0.1, 1.1)
        name_points(figure, axes, [(x, y, f"0.{n} · 1.5") for n, (x, y) in enumerate(points)], [])
        figure.draw_without_rendering()
        boxes = [Text.get_window_extent(text) for text in axes.texts]  # without the line to its point
        room = axes.get_window_extent()
    assert len(boxes) == len(points)
    for box in boxes:
        assert room.x0 - 2 <= box.x0 and box.x1 <= room.x1 + 2
    for box, other in pairwise(sorted(boxes, key=lambda box: box.y0)):
        across = min(box.x1, other.x1) - max(box.x0, other.x0)
        down = min(box.y1, other.y1) - max(box.y0, other.y0)
        assert across <= 2 or down <= 2


def test_learning_curves_are_means_in_bands():
    frames = {
        run: pd.DataFrame({"epoch": [1, 2, 3], "valid_e1_auc": aucs, "valid_e2_auc": aucs})
        for run, aucs in {"a": [0.5, 0.6, 0.7], "b": [0.6, 0.7, 0.9], "c": [0.4, 0.4, 0.4]}.items()
    }
    table = pd.DataFrame({"run_id": list("abc"), "best_epoch_e1": [3, 2, 1], "best_epoch_e2": [3, 3, 3]})
    shown = [configuration(1, "ab", rate=0.1), configuration(2, "c", rate=0.2)]
    figure = learning_curves(table, frames, shown, ["rate"], WIDE)
    above = figure.axes[0]
    both, alone = [line.get_ydata().tolist() for line in above.lines if len(line.get_xdata()) == 3]
    assert both == pytest.approx([0.55, 0.65, 0.8]) and alone == [0.4, 0.4, 0.4]
    (band,) = above.collections  # of the one that has two runs
    assert band.get_datalim(above.transData).y0 == pytest.approx(0.5)
    diamonds = [line.get_xdata()[0] for line in above.lines if line.get_marker() == "D"]
    assert diamonds == [3, 2, 1]


def test_a_drawing_tells_its_values_and_has_both_themes():
    with canvas("tips", WIDE, 2) as figure:
        axes = figure.subplots()
        (points,) = axes.plot([1, 2], [1, 2], "o", color=E1)
        (line,) = axes.plot([1, 2], [2, 1], color=INK)
        figure.tip(points, ["first <a>", "second"])
        figure.tip(line, ["all of it"])
    text = svg(figure)
    root = ElementTree.fromstring(text)
    titles = [element.text for element in root.iter() if element.tag.endswith("}title")]
    assert titles == ["first <a>", "second", "all of it"]
    page = in_page(text)
    assert "var(--c1)" in page and "var(--ink)" in page and E1 not in page and INK not in page
    assert not re.search(r'id="(axes|line2d|text|patch)_\d+"', page), "ids would meet those of other figures"


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_plane_of_numbers_alone_tells_them_as_they_were_given(width):
    grid = [configuration(n, rate=10.0**-n, d_model=16 * n) for n in range(1, 5)]
    comparison = Comparison(metric="test_e1_auc", repetitions=1, students=None, configurations=grid, runs={})
    drawn = svg(plane(comparison, "rate", "d_model", "test_e1_auc", "E1", width))
    told = re.findall(r"<title>(rate .*)</title>", drawn)
    assert told == [f"rate {10.0**-n}, d_model {16 * n}: 0.{70 - n}00" for n in (4, 3, 2, 1)]


def test_numbers_of_numpy_are_written_as_others():
    assert four(np.float64(0.95275)) == "0.9528" and signed(np.float64(-0.00004)) == "+0.0000"


def test_a_plane_of_words_has_them_at_its_steps():
    grid = [configuration(n, gain=("scalar", "per_skill")[n % 2], rate=10.0**-n) for n in range(1, 5)]
    comparison = Comparison(metric="test_e1_auc", repetitions=1, students=None, configurations=grid, runs={})
    drawn = plane(comparison, "rate", "gain", "test_e1_auc", "E1", WIDE)
    assert [text.get_text() for text in drawn.axes[0].get_yticklabels()] == ["scalar", "per_skill"]
    assert drawn.axes[0].collections[0].get_offsets()[:, 1].tolist() == [0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("sizes", "most", "columns", "rows"),
    [((3, 3, 1), 4, 3, 3), ((7, 3, 1), 4, 4, 4), ((7, 3, 1), 2, 2, 7), ((3, 1), 1, 1, 4)],
)
def test_each_column_of_a_legend_is_of_one_parameter(sizes, most, columns, rows):
    groups = [[Line2D([], [], label=f"{group}") for _ in range(size)] for group, size in enumerate(sizes)]
    handles, found = in_columns(groups, most)
    assert (found, len(handles)) == (columns, columns * rows)
    in_each = [{h.get_label() for h in handles[n * rows : (n + 1) * rows]} - {" "} for n in range(columns)]
    if len(sizes) <= most:
        assert all(len(labels) == 1 for labels in in_each)
    assert sorted(h.get_label() for h in handles if h.get_label() != " ") == sorted(
        str(g) for g, size in enumerate(sizes) for _ in range(size)
    )


def test_numbers_of_many_digits_are_brief_on_an_axis_and_stay_apart():
    assert brief(["1.123456789012", "2.5"]) == ["1.123", "2.5"]
    assert brief(["1.12341", "1.12342"]) == ["1.12341", "1.12342"]
    assert brief(["cosine", "0.0001"]) == ["cosine", "0.0001"]


def test_points_at_one_place_are_named_in_the_room_of_a_phone():
    assert _together(["0.3 · a", "0.7 · a"]) == "0.3 · a = 0.7 · a"
    assert _together(["0.3", "0.7", "0.9"]) == "0.3 = 0.7 = …"
    assert _together(["1.123456789012 · linear", "1.123456789012 · cosine"]) == "1.123456789012 · linear = …"


def test_names_of_skills_and_students_are_as_long_as_a_panel(recwarn):
    assert short("Addition of fractions") == "Addition of f…" and short("skill-7") == "skill-7"
    assert short("分数の足し算と引き算") == "分数の足し算…"
    assert panel_title("student 12345678", "20 interactions") == "student 12345678, 20 interactions"
    long = panel_title("student " + "x" * 60, "first 199 of 1,234 interactions")
    assert long == "student xxxxx…, first 199 of 1,234 interactions"
    names = ["Addition of fractions", "分数の足し算と引き算"]
    lines, practice = (dict.fromkeys(names, value) for value in (np.linspace(0.2, 0.8, 5), [(1, 1)]))
    figure = student_panel(MasteryPanel(title=long, lines=lines, practice=practice))
    drawn = svg(figure)
    assert "分数の足し算…" in drawn and not [w for w in recwarn if "Glyph" in str(w.message)]
    right = figure.get_window_extent().x1
    assert all(text.get_window_extent().x1 <= right for text in [figure.axes[0]._left_title, *figure.axes[0].texts])
