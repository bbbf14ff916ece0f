import os
import subprocess
import sys

import pytest

OPENMP = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


@pytest.mark.parametrize(
    ("own", "spins"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "77"}, "77"), ({"OMP_WAIT_POLICY": "PASSIVE"}, "0")],
)
def test_threads_hardly_spin_unless_told_to(own: dict[str, str], spins: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in OPENMP} | own | {"OMP_DISPLAY_ENV": "verbose"}
    command = [sys.executable, "-c", "import gaintrace.training.device"]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stderr
    if "GOMP_SPINCOUNT" not in shown:
        pytest.skip("torch was not built with GNU OpenMP here")
    assert f"GOMP_SPINCOUNT = '{spins}'" in shown
