"""The documentation as a site: every page is there, every link leads somewhere, and nothing is fetched."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser import browser

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    for name in ("mkdocs", "latex2mathml"):
        pytest.importorskip(name)
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr  # strict: a link that leads nowhere is an error
    return folder


@pytest.mark.slow
def test_no_page_is_wider_than_a_phone(site, tmp_path):
    with browser(tmp_path) as tab:
        wide = {}
        for page in site.glob("*.html"):
            tab.open(page, 390, "light")
            wide[page.name] = tab.run("document.documentElement.scrollWidth")
    assert "model.html" in wide and {name: width for name, width in wide.items() if width > 390} == {}


def test_the_site_is_whole_and_fetches_nothing(site):
    pages = {page.name: page.read_text() for page in site.glob("*.html") if page.name != "404.html"}
    assert {
        "index.html",
        "model.html",
        "reference.html",
        "from-answers-to-mastery.html",
        "runbook.html",
    } <= pages.keys()
    for section in ("Tutorial", "How-to", "Reference", "Explanation"):
        assert section in pages["index.html"]
    fetched = re.compile(r"""<(?:script|img|iframe)[^>]+src=["']?(?:https?:)?//|<link[^>]+href=["']?(?:https?:)?//""")
    assert not [name for name, page in pages.items() if fetched.search(page)]
    for name, page in pages.items():
        for target in re.findall(r'href="([^":#]+)(?:#[^"]*)?"', page):
            assert (site / target).exists() or target == ".", (name, target)
    model = pages["model.html"]
    assert model.count("<math") > 20 and "$" not in re.sub(r"<[^>]+>", "", model.split("<body", 1)[1])
    assert "app/gaintrace/model/evidence.py" in model  # what is no page is named
