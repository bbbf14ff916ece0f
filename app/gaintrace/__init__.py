"""Dual-encoder knowledge tracing: train one run, sweep many, trust the numbers.

From Python: `load` a trained run and ask it, `prepare` a data set from a DataFrame, train a `sweep`. They are loaded
when they are first used, so that importing the package costs nothing.
"""

import os
from typing import TYPE_CHECKING, Any

from gaintrace.version import __version__

if TYPE_CHECKING:
    from gaintrace.api import load, prepare, sweep

__all__ = ["__version__", "load", "prepare", "sweep"]

# torch's threads spin for milliseconds while they wait for each other. On cores that have other work, that takes the
# time of the very thread that is waited for, and a sweep takes three to nine times as long (benchmarks/NOTES.md).
# GNU OpenMP reads how long to spin when torch is loaded, so it is said before anything loads it.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'gaintrace' has no attribute {name!r}")
    from gaintrace import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
