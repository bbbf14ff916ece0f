"""Dual-encoder knowledge tracing: train one run, sweep many, trust the numbers."""

import os

from gaintrace.version import __version__ as __version__

# torch's threads spin for milliseconds while they wait for each other. On cores that have other work, that takes the
# time of the very thread that is waited for, and a sweep takes three to nine times as long (benchmarks/NOTES.md).
# GNU OpenMP reads how long to spin when torch is loaded, so it is said before anything loads it.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
