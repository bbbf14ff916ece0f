"""The S3 store against a real server, whole and through a proxy that breaks requests."""

import io
import multiprocessing
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from gaintrace.errors import ConfigError, ExitCode, StoreError
from gaintrace.s3 import S3Store
from gaintrace.store import FolderStore, MissingObjectError, open_store
from tests.faulty_proxy import FaultyProxy
from tests.servers import KEY, SECRET

SWEEP = """
name: small
base:
  data: {synthetic: {students: 60, skills: 4, mean_length: 12, seed: 3}}
  model: {d_model: 8, n_heads: 2, n_blocks: 1, d_ff: 8}
  training: {epochs: 2, batch_size: 16, learning_rate: 0.01}
grid: {training.bce_loss_weight: [0.3, 0.7]}
"""


def gaintrace(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", "from gaintrace.cli import main; main()", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)


@pytest.fixture
def faulty(s3_endpoint: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FaultyProxy]]:
    """Start a proxy before the server, and send everything through it."""
    started = []

    def start(choose: Callable[[str, str, int], str]) -> FaultyProxy:
        proxy = FaultyProxy(s3_endpoint, choose)
        started.append(proxy)
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        return proxy

    yield start
    for proxy in started:
        proxy.stop()


def first(faults: list[str]) -> Callable[[str, str, int], str]:
    """The first requests get these faults, all later ones none."""
    return lambda method, path, number: faults[number] if number < len(faults) else ""


@pytest.mark.parametrize("fault", ["500", "503", "reset", "short", "slow"])
@pytest.mark.parametrize("operation", ["read", "write", "create", "keys", "exists", "delete"])
def test_a_fault_that_passes_is_survived(
    bucket: str, faulty: Callable[..., FaultyProxy], fault: str, operation: str
) -> None:
    data = os.urandom(100_000)
    open_store(f"s3://{bucket}/p").write("a", data)
    faulty(first([fault, fault]))
    store = open_store(f"s3://{bucket}/p")
    expected = {"read": data, "write": None, "create": True, "keys": ["a"], "exists": True, "delete": None}
    calls: dict[str, Callable[[], object]] = {
        "read": lambda: store.read("a"),
        "write": lambda: store.write("a", data[::-1]),
        "create": lambda: store.create("b", data),
        "keys": store.keys,
        "exists": lambda: store.exists("a"),
        "delete": lambda: store.delete("a"),
    }
    assert calls[operation]() == expected[operation]


def test_an_exclusive_put_whose_answer_is_lost_has_won(bucket: str, faulty: Callable[..., FaultyProxy]) -> None:
    faulty(first(["lost"]))
    store = open_store(f"s3://{bucket}/p")
    assert store.create("result.json", b"mine")
    assert not store.create("result.json", b"other")
    # An answered refusal is one, whatever the bytes are.
    assert not store.create("result.json", b"mine")
    assert store.read("result.json") == b"mine"


def test_an_exclusive_put_that_lost_while_its_answer_was_lost(bucket: str, faulty: Callable[..., FaultyProxy]) -> None:
    other = open_store(f"s3://{bucket}/p")

    def choose(method: str, path: str, number: int) -> str:
        if number == 0:
            other.create("result.json", b"other")
            return "reset"
        return ""

    faulty(choose)
    assert not open_store(f"s3://{bucket}/p").create("result.json", b"mine")
    assert other.read("result.json") == b"other"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("500", "the server answers InternalError"), ("503", "too busy"), ("reset", "cannot be reached")],
)
def test_a_fault_that_stays_ends_at_the_deadline_with_its_name(
    bucket: str, faulty: Callable[..., FaultyProxy], monkeypatch: pytest.MonkeyPatch, fault: str, reason: str
) -> None:
    monkeypatch.setenv("GAINTRACE_STORE_DEADLINE", "1")
    proxy = faulty(lambda *_: fault)
    with pytest.raises(StoreError, match=reason):
        open_store(f"s3://{bucket}/p").write("a", b"x")
    assert len(proxy.seen) > 1


def test_a_body_that_never_arrives_whole_is_no_object(
    bucket: str, faulty: Callable[..., FaultyProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(f"s3://{bucket}/p").write("a", b"x" * 10_000)
    monkeypatch.setenv("GAINTRACE_STORE_DEADLINE", "1")
    faulty(lambda *_: "short")
    with pytest.raises(StoreError, match="before the object's end"):
        open_store(f"s3://{bucket}/p").read("a")


def test_what_is_wrong_is_named(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAINTRACE_STORE_DEADLINE", "1")
    with pytest.raises(StoreError, match=r"cannot write s3://no-such-bucket-here/a: there is no such bucket"):
        open_store("s3://no-such-bucket-here").write("a", b"")
    with pytest.raises(ConfigError, match="no bucket"):
        open_store("s3:///prefix")
    with pytest.raises(StoreError, match="not a name a bucket can have"):
        open_store("s3://Not_A_Bucket!/p").write("a", b"")
    with pytest.raises(MissingObjectError, match=f"s3://{bucket}/p/a: no such object"):
        open_store(f"s3://{bucket}/p").read("a")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(StoreError, match="check AWS_ENDPOINT_URL"):
        open_store(f"s3://{bucket}/p").read("a")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "not a url")
    with pytest.raises(ConfigError, match="S3 cannot be set up"):
        open_store(f"s3://{bucket}/p")


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("AccessDenied", 403, "lack a permission"),
        ("InvalidAccessKeyId", 403, "does not know the access key"),
        ("SignatureDoesNotMatch", 403, "check the secret key"),
        ("RequestTimeTooSkewed", 403, "clock"),
        ("PermanentRedirect", 301, "another region"),
        ("ExpiredToken", 400, "log in again"),
    ],
)
def test_refusals_are_named_at_once_and_repeat_nothing(bucket: str, code: str, status: int, words: str) -> None:
    """What only the real service answers comes from botocore's own stubber; it is not tried again."""
    from botocore.stub import Stubber

    store = open_store(f"s3://{bucket}/p")
    assert isinstance(store, S3Store)
    with Stubber(store.client) as stub:
        stub.add_client_error("get_object", code, f"you sent {KEY} {SECRET}", status)
        with pytest.raises(StoreError, match=words) as caught:
            store.read("a")
    assert KEY not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_no_credentials(bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(StoreError, match="no credentials; set AWS_ACCESS_KEY_ID"):
        open_store(f"s3://{bucket}/p").write("a", b"")


def test_a_large_object_goes_in_parts_and_comes_back_whole(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gaintrace.s3.MULTIPART", 20 * 1024 * 1024)
    data = os.urandom(1024 * 1024) * 21
    store = open_store(f"s3://{bucket}/p")
    store.write("large", data)
    assert store.read("large") == data
    import boto3

    assert "-" in boto3.client("s3").head_object(Bucket=bucket, Key="p/large")["ETag"]  # the sign of an upload in parts


def test_listings_are_read_to_the_last_page(bucket: str) -> None:
    store = open_store(f"s3://{bucket}/p")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.write(f"runs/{n:05}/x", b""), range(1050)))
    assert store.keys("runs") == [f"runs/{n:05}/x" for n in range(1050)]


def _finish(uri: str, numbers: list[int], who: str) -> list[int]:
    store = open_store(uri)
    won = []
    for number in numbers:
        store.write(f"runs/{number}/epochs.csv", who.encode())
        if store.create(f"runs/{number}/result.json", who.encode() * 100):
            won.append(number)
    return won


def test_of_200_runs_finished_by_eight_processes_none_is_lost_or_doubled(bucket: str) -> None:
    uri = f"s3://{bucket}/p"
    jobs = []
    for who in range(8):  # each run is somebody's and a rival's
        mine = [n for n in range(200) if n % 4 == who % 4]
        random.Random(who).shuffle(mine)
        jobs.append((uri, mine, f"process {who}"))
    with multiprocessing.get_context("spawn").Pool(8) as pool:
        won = pool.starmap(_finish, jobs)
    assert sorted(number for numbers in won for number in numbers) == list(range(200))
    store = open_store(uri)
    for (_, _, who), numbers in zip(jobs, won, strict=True):
        for number in numbers[:5]:
            assert store.read(f"runs/{number}/result.json") == who.encode() * 100


@pytest.fixture
def sweep_file(tmp_path: Path) -> str:
    (tmp_path / "small.yaml").write_text(SWEEP)
    return str(tmp_path / "small.yaml")


def table(store: object) -> bytes:
    assert isinstance(store, FolderStore | S3Store)
    (key,) = [key for key in store.keys("sweeps") if key.endswith("results.csv")]
    frame = pd.read_csv(io.BytesIO(store.read(key)), dtype=str).drop(columns="seconds")
    return frame.to_csv().encode()


def test_a_sweep_gives_the_same_bytes_on_s3_and_leaks_no_credential(
    bucket: str, tmp_path: Path, sweep_file: str
) -> None:
    here, there = str(tmp_path / "store"), f"s3://{bucket}/p"
    outputs = []
    for out in (here, there):
        data = f"{out}/datasets/simulated"
        outputs += [
            gaintrace("data", "simulate", "--students", "60", "--mean-length", "12", "--out", data),
            gaintrace("sweep", sweep_file, "--data", data, "--out", out),
        ]
    assert [done.returncode for done in outputs] == [0] * 4, [done.stderr for done in outputs]
    assert f"report: {there}/sweeps/small-" in outputs[3].stdout.replace("\n", "")
    folder, objects = open_store(here), open_store(there)
    assert objects.keys() == folder.keys()
    assert table(objects) == table(folder)
    everything = [objects.read(key) for key in objects.keys()]  # noqa: SIM118
    everything += [(done.stdout + done.stderr).encode() for done in outputs]
    assert not any(secret.encode() in text for text in everything for secret in (KEY, SECRET))


def test_a_sweep_through_a_bad_network_ends_in_the_same_numbers(
    bucket: str, tmp_path: Path, sweep_file: str, faulty: Callable[..., FaultyProxy]
) -> None:
    assert gaintrace("sweep", sweep_file, "--out", str(tmp_path / "store")).returncode == 0
    dice = random.Random(7)
    kinds = ["500", "503", "reset", "short", "lost", "slow"]
    proxy = faulty(lambda *_: dice.choice(kinds) if dice.random() < 0.3 else "")
    done = gaintrace("sweep", sweep_file, "--out", f"s3://{bucket}/p")
    assert done.returncode == 0, done.stderr
    assert {fault for _, _, fault in proxy.seen} >= {"500", "503", "lost", "slow"}
    assert table(open_store(f"s3://{bucket}/p")) == table(open_store(tmp_path / "store"))


def test_a_sweep_on_a_server_that_dies_says_so_and_leaves_nothing_half(
    bucket: str, sweep_file: str, faulty: Callable[..., FaultyProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAINTRACE_STORE_DEADLINE", "2")
    faulty(lambda method, path, number: "500" if number > 8 else "")
    done = gaintrace("sweep", sweep_file, "--out", f"s3://{bucket}/p")
    assert done.returncode == ExitCode.STORE
    assert "Traceback" not in done.stderr
    assert "the server answers InternalError" in done.stderr.replace("\n", " ")
    monkeypatch.delenv("GAINTRACE_STORE_DEADLINE")
    faulty(lambda *_: "")
    assert gaintrace("sweep", sweep_file, "--out", f"s3://{bucket}/p").returncode == 0
