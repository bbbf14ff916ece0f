"""What leaves the store: figures as files, for a paper, and a report to be read away from what lies beside it."""

import re
from collections.abc import Iterator

from gaintrace.analysis.summary import analyse
from gaintrace.report.drawing import draw
from gaintrace.report.figures.style import pdf, svg
from gaintrace.report.mastery import show_mastery
from gaintrace.store import Store, layout
from gaintrace.sweeps.plan import read_plan

BESIDE = re.compile(r'<a href="([^"#:]+)">[^<]*</a>')
"""A link to a file of the sweep's folder."""


def page_alone(page: bytes, sweep_id: str) -> bytes:
    """A report without links to what lies beside it in the store: these are named by their place there."""
    return BESIDE.sub(lambda link: f"<code>{layout.sweep(sweep_id, link[1])}</code>", page.decode()).encode()


def figure_files(store: Store, sweep_id: str, form: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of every figure of the report, anew from the results. `form`: svg, or pdf with fonts inside."""
    plan = read_plan(store, sweep_id)
    summary, table, _, epochs = analyse(store, plan)
    for name, figure in draw(summary, table, epochs).items():
        yield f"{name}.{form}", figure.in_format(form)
    shown = show_mastery(store, plan, summary)
    if shown is None:
        return
    for kind, panels in (("student", shown.students), ("skill", shown.skills)):
        for number, panel in enumerate(panels, 1):
            yield f"mastery-{kind}-{number}.{form}", pdf(panel) if form == "pdf" else svg(panel).encode()
