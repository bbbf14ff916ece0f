"""The notebook in docs runs from its first cell to its plot."""

import json
import os

import pytest

from gaintrace.docs import ROOT

NOTEBOOK = ROOT / "docs" / "from-answers-to-mastery.ipynb"


def test_the_notebook_runs_and_ends_with_a_plot(tmp_path):
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute(env=os.environ | {"OMP_NUM_THREADS": "1"})
    *_, predicted, _, plot = notebook.cells
    assert "fractions" in predicted.outputs[-1]["data"]["text/plain"]
    assert any("image/png" in output.get("data", {}) for output in plot.outputs)
    assert (tmp_path / "store" / "datasets" / "my-class" / "dataset.json").is_file()


def test_the_notebook_is_kept_without_outputs():
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    assert {len(cell["outputs"]) for cell in cells if cell["cell_type"] == "code"} == {0}
