"""Faults of a workflow's step are counted, preemptions are not, whatever their order."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.cli import sweep, validate
from gaintrace.cli.attempts import NO_FAULT, check_attempt
from gaintrace.errors import ConfigError, ExitCode, GivenUpError
from gaintrace.store import open_store

FAULTS = [1, int(ExitCode.STORE), int(ExitCode.DEVICE), 134, 139]


def made(store: str, codes: list[int], retries: int, step: str = "w-0") -> int:
    """Attempts that are made of a step whose attempts end so, one after the other, until it is given up."""
    for number, last in enumerate([0, *codes]):
        try:
            check_attempt(open_store(store), f"{step}:{number}:{last}", retries)
        except GivenUpError as error:
            assert error.exit_code is ExitCode.GIVEN_UP
            return number
    return len(codes) + 1


@given(
    preempted=st.lists(st.tuples(st.integers(0, 30), st.sampled_from(NO_FAULT)), max_size=30),
    retries=st.integers(0, 6),
    faults=st.integers(0, 10),
)
def test_preemptions_use_up_no_retry(tmp_path_factory, preempted, retries, faults):
    codes = [FAULTS[number % len(FAULTS)] for number in range(faults)]
    for place, code in preempted:
        codes.insert(min(place, len(codes)), code)
    store = str(tmp_path_factory.mktemp("store"))
    number = made(store, codes, retries)
    met = sum(code not in NO_FAULT for code in codes[: number - 1 if faults <= retries else number])
    assert met == min(faults, retries + 1)
    assert (number == len(codes) + 1) == (faults <= retries)


def test_steps_do_not_count_each_other_s_and_asking_anew_forgets(tmp_path: Path) -> None:
    store = str(tmp_path)
    assert made(store, [9, 9, 9], 2, "w-0") == 3
    assert made(store, [9, 9], 2, "w-1") == 3
    assert made(store, [9, 9], 2, "w-s3://bucket/data") == 3
    assert made(store, [9, 9], 2, "w-0") == 3, "as after `argo retry`"


def test_a_step_that_is_given_up_says_what_ended_it_and_reads_nothing_else(tmp_path: Path) -> None:
    for number, code in enumerate([0, 9, 5]):
        check_attempt(open_store(str(tmp_path)), f"w-3:{number}:{code}", 2)
    words = r"^w-3 is given up: faults ended 3 of its attempts, with exit codes 9, 5, 1; "
    with pytest.raises(GivenUpError, match=words):
        sweep.train_shard("no-such-sweep", 3, str(tmp_path), attempt="w-3:3:1", retries=2)
    with pytest.raises(GivenUpError, match=words):
        validate.validate(["no-such-data"], str(tmp_path), attempt="w-3:4:75", retries=2)


@pytest.mark.parametrize("text", ["w-0", "w-0:1", "w-0:one:9", "w-0:1:{{lastRetry.exitCode}}"])
def test_an_attempt_that_says_nothing_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="expected STEP:NUMBER:CODE"):
        check_attempt(open_store(str(tmp_path)), text, 4)
