import pytest

from tests.chart.cases import CASES, render, render_ahead


@pytest.fixture(scope="session")
def rendered() -> dict[str, str]:
    """Every case, rendered once."""
    for values, options in CASES.values():
        render_ahead(values, options=options)
    found = {name: render(values, *options) for name, (values, options) in CASES.items()}
    assert [result.stderr for result in found.values() if result.returncode] == []
    return {name: result.stdout for name, result in found.items()}
