"""What tests of commands share."""

from pathlib import Path

import pytest

from tests.conftest import SMALL_SWEEP


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to work in, with the small sweep."""
    (tmp_path / "small.yaml").write_text(SMALL_SWEEP)
    return tmp_path
