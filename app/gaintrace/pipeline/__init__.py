"""Whole undertakings, from a configuration to what is written: sweeps, validations, reproductions.

Callable from Python with typed arguments and without a terminal; commands read options, call these and print.
"""
