"""`gaintrace report`: which sweep is meant, where its report is, and what a browser makes of it."""

import json
import re
import shutil
import subprocess
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gaintrace.cli import app
from gaintrace.cli.report import opened
from gaintrace.errors import ConfigError
from gaintrace.report.aggregate import aggregate
from gaintrace.report.export import page_alone
from gaintrace.store import FolderStore, Store, open_store
from gaintrace.sweeps.plan import Plan
from tests.made_results import fail, planned, published, succeed
from tests.servers import installed

TWO_PARAMETERS = """
name: grid
grid: {training.bce_loss_weight: [0.3, 0.4], learning_curve.beta_skill_init: [1.0, 2.0]}
"""


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What a browser was asked to open, on a machine with a display."""
    found: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", lambda uri: found.append(uri) or True)
    return found


def report(*arguments: str) -> tuple[str, str]:
    done = CliRunner().invoke(app, ["report", *arguments])
    if done.exception:
        raise done.exception
    return done.stdout.strip(), done.stderr


def aggregated(store: Store) -> Plan:
    plan = published(store)
    aggregate(store, plan.sweep_id)
    return plan


def test_a_folder_s_report_is_opened_where_it_is(tmp_path: Path, shown: list[str]) -> None:
    plan = aggregated(FolderStore(tmp_path))
    path = tmp_path / "sweeps" / plan.sweep_id / "report.html"
    for name in (plan.sweep_id, "made", ""):
        assert report(name, "--out", str(tmp_path)) == (str(path), "")
    assert shown == [path.as_uri()] * 3


def test_a_report_in_a_bucket_is_copied_and_opened(
    bucket: str, tmp_path: Path, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    uri = f"s3://{bucket}/p"
    plan = aggregated(open_store(uri))
    page = page_alone(open_store(uri).read(f"sweeps/{plan.sweep_id}/report.html"), plan.sweep_id)
    printed, _ = report("made", "--out", uri)
    assert (printed, (tmp_path / printed).read_bytes()) == (f"{plan.sweep_id}.html", page)
    assert shown == [(tmp_path / printed).as_uri()]
    report("made", "--out", uri, "--to", "new/folder/page.html", "--no-open")
    assert (tmp_path / "new/folder/page.html").read_bytes() == page
    assert len(shown) == 1


def test_a_copy_links_to_nothing_that_is_not_beside_it(tmp_path: Path) -> None:
    plan = aggregated(FolderStore(tmp_path))
    report("made", "--out", str(tmp_path), "--to", str(tmp_path / "mailed.html"), "--no-open")
    original = (tmp_path / "sweeps" / plan.sweep_id / "report.html").read_text()
    copy = (tmp_path / "mailed.html").read_text()
    assert 'href="results.csv"' in original
    assert {link[0] for link in re.findall(r'href="([^"]+)"', copy)} == {"#"}
    assert f"<code>sweeps/{plan.sweep_id}/results.csv</code>" in copy


def test_a_copy_replaces_a_report_and_nothing_else_unasked(tmp_path: Path) -> None:
    aggregated(FolderStore(tmp_path))
    page, notes = tmp_path / "page.html", tmp_path / "notes.txt"
    notes.write_text("important")
    for _ in range(2):
        report("made", "--out", str(tmp_path), "--to", str(page), "--no-open")
    for place, said in ((notes, "exists and is no report"), (Path("/dev/null"), "a device or a pipe")):
        with pytest.raises(ConfigError, match=said):
            report("made", "--out", str(tmp_path), "--to", str(place), "--no-open")
    assert notes.read_text() == "important"
    report("made", "--out", str(tmp_path), "--to", str(notes), "--no-open", "--force")
    assert notes.read_bytes() == page.read_bytes()


def test_of_several_sweeps_of_a_name_the_newest_is_meant(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    plans = [planned(store, overrides=[f"base.training.epochs={n}"]) for n in (3, 5, 4)]
    for day, plan in zip((1, 3, 2), plans, strict=True):
        aggregate(store, plan.sweep_id)
        store.write(f"sweeps/{plan.sweep_id}/planned.txt", f"2026-01-0{day}T00:00:00+00:00\n".encode())
    assert plans[1].sweep_id in report("made", "--out", str(tmp_path), "--no-open")[0]
    assert plans[0].sweep_id in report(plans[0].sweep_id, "--out", str(tmp_path), "--no-open")[0]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no sweep; `gaintrace plan` makes one"):
        report("--out", str(tmp_path))
    plan = planned(FolderStore(tmp_path))
    with pytest.raises(ConfigError, match=f"gaintrace aggregate --sweep {plan.sweep_id}"):
        report("--out", str(tmp_path))
    with pytest.raises(ConfigError, match=f"no sweep other; sweeps there: {plan.sweep_id}"):
        report("other", "--out", str(tmp_path))


def test_without_a_display_the_path_is_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    plan = aggregated(FolderStore(tmp_path))
    printed, told = report("--out", str(tmp_path))
    assert printed == str(tmp_path / "sweeps" / plan.sweep_id / "report.html")
    assert "No browser can be opened here" in told
    monkeypatch.setenv("BROWSER", "/no/such/browser %s")
    assert not opened(tmp_path)


MEASURE = """
<script>document.body.append(Object.assign(document.createElement("pre"), {id: "measured", textContent: JSON.stringify({
  figures: [...document.querySelectorAll("figure svg")].map(svg => {
    const box = svg.getBoundingClientRect(); return [box.width, box.height, svg.querySelectorAll("path").length] }),
  fetched: performance.getEntriesByType("resource").map(entry => entry.name),
  page: document.documentElement.scrollWidth, window: window.innerWidth,
  rows: document.querySelectorAll("tbody tr").length,
})}))</script></body>
"""


@pytest.mark.parametrize("width", [1280, 500])
@pytest.mark.figures
def test_a_browser_shows_tables_and_figures_and_fetches_nothing(tmp_path: Path, width: int) -> None:
    installed("chromium")
    store = FolderStore(tmp_path)
    plan = planned(store, TWO_PARAMETERS)
    for index in range(3):
        succeed(store, plan, index, 0.70 - index / 100, 0.55)
    fail(store, plan, 3)
    aggregate(store, plan.sweep_id)
    page = store.read(f"sweeps/{plan.sweep_id}/report.html").decode()
    assert not re.search(r"""(?:src|href|xlink:href)=["'](?!#|results\.|report\.md)|url\((?!["']?#)|@import""", page)
    (tmp_path / "measured.html").write_text(page.replace("</body>", MEASURE))
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900", "--dump-dom"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path}/profile"]
    done = subprocess.run(
        [*command, (tmp_path / "measured.html").as_uri()], capture_output=True, text=True, check=False, timeout=120
    )
    found = re.search(r'<pre id="measured">(.+?)</pre>', done.stdout, re.S)
    assert found, done.stderr[-2000:]
    measured = json.loads(found[1])
    seen = [figure for figure in measured["figures"] if figure[0] > 0]  # each is drawn for a page and for a phone
    assert len(seen) == 4  # effects, two parameters together, one encoder against the other, learning curves
    assert all(wide > 300 and high > 100 and paths > 3 for wide, high, paths in seen)
    assert measured["fetched"] == []
    assert measured["rows"] >= 4
    assert measured["page"] <= measured["window"]  # wide tables scroll by themselves
    shutil.rmtree(tmp_path / "profile", ignore_errors=True)
