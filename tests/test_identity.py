"""The code version changes with whatever can change a number."""

import subprocess
import sys

from gaintrace.identity import NUMERIC_SOURCES

HANDLED_OTHERWISE = {
    "gaintrace": "nothing in it",
    "gaintrace.config": "the configuration's hash is in a run's identity",
    "gaintrace.identity": "decides identity, no numbers",
    "gaintrace.errors": "texts",
    "gaintrace.store": "bytes in, bytes out",
    "gaintrace.data": "nothing in it",
    "gaintrace.data.dataset": "the data's hash is in a run's identity",
    "gaintrace.data.split": "the folds are in the data's hash",
}


def test_every_module_that_training_imports_is_in_the_code_version():
    script = "import sys, gaintrace.training.loop; print(*[m for m in sys.modules if m.split('.')[0] == 'gaintrace'])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    sources = tuple("gaintrace." + name.removesuffix(".py").replace("/", ".") for name in NUMERIC_SOURCES)
    inside = {name for name in found if name in sources or name.startswith(tuple(f"{s}." for s in sources))}
    assert set(found) - inside == set(HANDLED_OTHERWISE)
