"""Claims on shards: one process has each, and the place of a dead one is taken."""

import subprocess
import sys
import time

import pytest

from gaintrace.store import open_store
from gaintrace.sweeps import claims as module
from gaintrace.sweeps.claims import LEASE, Claims, Owner, place

ELSEWHERE = Owner(owner="other", place="another machine", pid=1)


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)


def put(store, owner, number=0):
    store.write(f"sweeps/s/claims/00003/{number:05}.json", owner.model_dump_json().encode())


def test_a_claim_is_held_until_it_is_released(store):
    one, other = Claims(store, "s"), Claims(store, "s")
    with one.take(3):
        assert other.take(3) is None
        with other.take(4):
            pass
    with other.take(3):
        assert one.take(3) is None
    assert store.keys("sweeps/s/claims/00003") == [f"sweeps/s/claims/00003/0000{n}.json" for n in (0, 1)]


def test_a_claim_of_another_machine_that_nobody_renews_ends_after_the_lease(store):
    now = [0.0]
    claims = Claims(store, "s", lambda: now[0])
    put(store, ELSEWHERE)
    assert claims.take(3) is None
    now[0] = LEASE - 1
    assert claims.take(3) is None
    put(store, ELSEWHERE.model_copy(update={"renewed": 1}))
    now[0] = LEASE + 1
    assert claims.take(3) is None
    now[0] += LEASE
    with claims.take(3):
        pass


@pytest.mark.skipif(not place(), reason="the system does not tell its boots apart")
def test_a_claim_of_a_process_that_is_no_more_ends_at_once(store):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    put(store, Owner(owner="other", place=place(), pid=gone.pid))
    with Claims(store, "s").take(3):
        pass
    put(store, Owner(owner="other", place="another machine", pid=gone.pid), number=2)
    assert Claims(store, "s").take(3) is None


def test_of_two_that_take_the_place_of_a_dead_one_one_has_it(store):
    now = [0.0]
    one, other = (Claims(store, "s", lambda: now[0]) for _ in range(2))
    put(store, ELSEWHERE)
    assert (one.take(3), other.take(3)) == (None, None)
    now[0] = LEASE + 1
    with one.take(3):
        assert other.take(3) is None


def test_an_owner_finds_that_it_was_taken_for_dead(store, monkeypatch):
    monkeypatch.setattr(module, "RENEWED", 0.01)
    with Claims(store, "s").take(3) as claim:
        deadline = time.monotonic() + 30
        while claim.owner.renewed < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert claim.owner.renewed >= 2
        assert not claim.lost
        put(store, ELSEWHERE, number=1)
        while not claim.lost and time.monotonic() < deadline:
            time.sleep(0.01)
        assert claim.lost
    assert not Owner.model_validate_json(store.read("sweeps/s/claims/00003/00000.json")).released


def test_a_claim_that_cannot_be_read_ends_after_the_lease(store):
    now = [0.0]
    claims = Claims(store, "s", lambda: now[0])
    store.write("sweeps/s/claims/00003/00000.json", b"{")
    assert claims.take(3) is None
    now[0] = LEASE + 1
    with claims.take(3):
        pass
