"""Dual-encoder knowledge tracing: train one run, sweep many, trust the numbers."""

__version__ = "0.1.0"
