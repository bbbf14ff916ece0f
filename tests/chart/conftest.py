import pytest

from tests.chart.cases import CASES, render


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every case, rendered once."""
    found = {}
    for name, (values, options) in CASES.items():
        result = render(tmp_path_factory.mktemp(name), values, *options)
        assert result.returncode == 0, result.stderr
        found[name] = result.stdout
    return found
