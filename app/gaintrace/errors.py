"""Errors a user can cause, and the exit codes that are the command line's contract.

A message says what was wrong, where, and what to do. Everything else is a bug and exits with 1 and a traceback.
"""

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit status means, and whether running it again can help."""

    OK = 0, "everything asked for is done"
    UNEXPECTED = 1, "a bug or an unforeseen fault; the traceback says where. A retry may help"
    CONFIG = 2, "wrong usage or configuration. A retry cannot help"
    DATA = 3, "the data set is missing or not what it claims. A retry cannot help"
    INCOMPLETE = 4, "too few runs succeeded; what did is kept and `results.csv` names the others"
    STORE = (
        5,
        "the store, or standard output, cannot be used (full disk, no permission, unreachable). A retry may help. "
        "Output that is closed from the start is taken for one that nobody wants",
    )
    CLUSTER = 6, "the cluster cannot be reached, refuses, or lacks something. A retry may help"
    REGRESSION = 7, "done, and the numbers are not what is recorded: a validation surely worse, a run not reproduced"
    REFUSED = 8, "a promotion that the sweep's numbers do not support; the message says why. --force overrules"
    DEVICE = 9, "the GPU failed, or the one asked for is not there; no run is to blame. A retry elsewhere may help"
    GIVEN_UP = 10, "a workflow's step that faults ended too often; the message has their exit codes"
    INTERRUPTED = 75, "stopped by a signal; finished runs and checkpoints are kept. The same command continues"

    meaning: str

    def __new__(cls, value: int, meaning: str) -> "ExitCode":
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    @classmethod
    def of(cls, number: int | None) -> "ExitCode | None":
        """The code of a number, if it is one of ours."""
        return next((code for code in cls if code.value == number), None)


def did_you_mean(word: str, known: Iterable[str], also: Iterable[str] = ()) -> str:
    """`; did you mean x?` for a word that is none of the known ones, empty where nothing is near.

    `also`: what is meant for another reason than its spelling, as the same name in another place.
    """
    near = [*difflib.get_close_matches(word, list(known), 1), *also]
    if not near:
        return ""
    return f"; did you mean {' or '.join(filter(None, [', '.join(near[:-1]), near[-1]]))}?"


class GaintraceError(Exception):
    """Base of every error whose message is meant for the user."""

    exit_code = ExitCode.UNEXPECTED


class ConfigError(GaintraceError):
    """A configuration, option or argument that cannot be used."""

    exit_code = ExitCode.CONFIG


class DataError(GaintraceError):
    """A data set that is missing, damaged or not what it claims to be."""

    exit_code = ExitCode.DATA


class IncompleteError(GaintraceError):
    """Too few runs succeeded."""

    exit_code = ExitCode.INCOMPLETE


class StoreError(GaintraceError):
    """The store cannot be read or written."""

    exit_code = ExitCode.STORE


class ClusterError(GaintraceError):
    """The cluster cannot be reached, refuses, or lacks something."""

    exit_code = ExitCode.CLUSTER


class RegressionError(GaintraceError):
    """A validation came out worse than what is recorded for its data set, or a run was not reproduced."""

    exit_code = ExitCode.REGRESSION


class RefusedError(GaintraceError):
    """A promotion that the sweep's numbers do not support."""

    exit_code = ExitCode.REFUSED


class DeviceError(GaintraceError):
    """The device that was to train failed, or is not there."""

    exit_code = ExitCode.DEVICE


class GivenUpError(GaintraceError):
    """A step that faults ended so often that another attempt is not made."""

    exit_code = ExitCode.GIVEN_UP


class InterruptedRunError(GaintraceError):
    """Training was stopped by a signal after its state was saved."""

    exit_code = ExitCode.INTERRUPTED
