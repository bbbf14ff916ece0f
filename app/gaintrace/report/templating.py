"""Templates of the report."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gaintrace.report.figures import Figure
from gaintrace.report.figures.style import in_page


def page_template(name: str) -> Any:
    """A template of HTML, by file name; what is put into it is escaped."""
    return _template(name, autoescape=True)


def text_template(name: str) -> Any:
    """A template of Markdown, by file name. The filter `cell` keeps a text from ending its table cell."""
    return _template(name, autoescape=False)


def in_both_widths(figure: Figure) -> tuple[Markup, Markup]:
    """A figure as a page shows it, and a phone."""
    return Markup(in_page(figure.wide)), Markup(in_page(figure.narrow))


def _template(name: str, autoescape: bool) -> Any:
    environment = Environment(
        loader=PackageLoader("gaintrace.report"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = lambda value: str(value).replace("|", "\\|").replace("\n", " ")
    return environment.get_template(name)
