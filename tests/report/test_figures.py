"""Parts of figures: colours that follow values, names that lie apart, values under the pointer, two themes."""

import re
from itertools import pairwise
from types import SimpleNamespace
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.analysis.comparison import Configuration
from gaintrace.report.figures.curves import learning_curves
from gaintrace.report.figures.labels import name_points
from gaintrace.report.figures.looks import looks
from gaintrace.report.figures.plane import plane
from gaintrace.report.figures.style import E1, INK, PALETTE, SCALE, WIDE, canvas, in_page, palette, svg


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


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=6, unique=True))
def test_names_of_few_points_lie_apart_and_inside(points):
    with canvas("names", WIDE, 4) as figure:
        axes = figure.subplots()
        axes.set_xlim(-0.1, 1.1)
        axes.set_ylim(-0.1, 1.1)
        name_points(figure, axes, [(x, y, f"0.{n} · 1.5") for n, (x, y) in enumerate(points)], [])
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in axes.texts]
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


def test_a_plane_tells_values_of_numbers_alone_as_they_were_written():
    found = [configuration(n, rate=0.01 * n, size=8 * n) for n in (1, 2, 3)]
    drawn = svg(plane(SimpleNamespace(configurations=found), "rate", "size", "test_e1_auc", "E1, test", WIDE))
    assert "rate 0.01, size 8: 0.6900" in drawn
    assert "rate 0.03, size 24: 0.6700" in drawn
