"""Hooks of mkdocs: the project's documents as pages beside those of docs/, links between them, the notebook, formulas.

What a link leads to outside these documents, code and charts, is no page: its text stays, with the path.
"""

import json
import posixpath
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "ARCHITECTURE.md": "architecture.md",
    "benchmarks/RESULTS.md": "results.md",
    "benchmarks/ABLATIONS.md": "ablations.md",
    "benchmarks/SPEED.md": "speed.md",
    "docs/from-answers-to-mastery.ipynb": "from-answers-to-mastery.md",
}
"""Documents that are pages under another name, by their path in the project."""
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
BLOCK, INLINE = re.compile(r"\$\$(.+?)\$\$", re.S), re.compile(r"(?<![\\$\w`])\$([^$\n]+?)\$(?![\w$])")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that lie elsewhere."""
    for path, page in PAGES.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=notebook(text) if path.endswith(".ipynb") else text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead links to pages, and set formulas."""
    names = {there: path for path, there in PAGES.items()}
    here = posixpath.dirname(names.get(page.file.src_uri, f"docs/{page.file.src_uri}"))
    text = LINK.sub(lambda found: linked(found, here), markdown)
    return formulas(text) if "$$" in text else text


def linked(found: re.Match[str], here: str) -> str:
    """A link of a document in the folder `here` of the project as one between pages, or as text."""
    image, text, target = found.groups()
    if target.startswith(("http:", "https:", "#")):
        return found[0]
    path, mark, anchor = target.partition("#")
    path = posixpath.normpath(posixpath.join(here, path))
    page = PAGES.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
    if page is None or not (path in PAGES or (ROOT / path).is_file()):
        return text if text.strip("`") == path else f"{text} (`{path}`)"
    return f"{image}[{text}]({page}{mark}{anchor})"


def formulas(text: str) -> str:
    """TeX between dollars as MathML, which browsers draw by themselves."""
    text = BLOCK.sub(lambda found: f'\n<p class="formula">{mathml(found[1], "block")}</p>\n', text)
    # A line that began with <math> would be taken for a block.
    return INLINE.sub(lambda found: f"<span>{mathml(found[1], 'inline')}</span>", text)


def mathml(tex: str, display: Any) -> str:
    """One formula."""
    return convert(" ".join(tex.split()).replace("{aligned}", "{align*}"), display=display)


def notebook(text: str) -> str:
    """A notebook as Markdown: its text, its code, and what that printed."""
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", []):
            said = output.get("text") or output.get("data", {}).get("text/plain")
            parts += [f"```text\n{''.join(said)}\n```"] if said else []
    return "\n\n".join(parts) + "\n"
