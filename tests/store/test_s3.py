"""The S3 store against a real server, whole and through a proxy that breaks requests."""

import io
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from gaintrace.cli import app
from gaintrace.errors import ConfigError, DataError, ExitCode, StoreError
from gaintrace.store import MissingObjectError, Store, open_store
from gaintrace.store.s3 import S3Store
from tests.conftest import thorough
from tests.faulty_proxy import FaultyProxy
from tests.servers import KEY, SECRET, installed, s3_server

SWEEP = """
name: small
base:
  data: {synthetic: {students: 60, skills: 4, mean_length: 12, seed: 3}}
  model: {d_model: 8, n_heads: 2, n_blocks: 1, d_ff: 8}
  training: {epochs: 2, batch_size: 16, learning_rate: 0.01}
grid: {training.bce_loss_weight: [0.3, 0.7]}
"""


def gaintrace(*arguments: str) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
    if done.exception:
        raise done.exception
    return done.output


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
    faulty(lambda *_: fault)
    with pytest.raises(StoreError, match=reason):
        open_store(f"s3://{bucket}/p").write("a", b"x")


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
    monkeypatch.setenv("AWS_ENDPOINT_URL", os.environ["AWS_ENDPOINT_URL"].replace("http://", "https://"))
    with pytest.raises(StoreError, match="check AWS_ENDPOINT_URL: http or https"):
        open_store(f"s3://{bucket}/p").read("a")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(StoreError, match="check AWS_ENDPOINT_URL"):
        open_store(f"s3://{bucket}/p").read("a")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "not a url")
    with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL is not a URL"):
        open_store(f"s3://{bucket}/p")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigError, match=r"S3 cannot be set up: .*nobody"):
        open_store(f"s3://{bucket}/p")


def test_a_uri_with_credentials_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="credentials come from AWS_") as caught:
        open_store(f"s3://{KEY}:{SECRET}@bucket/prefix")
    assert KEY not in str(caught.value)
    assert SECRET not in str(caught.value)


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


LARGE = 20 * 1024 * 1024


def test_a_large_object_goes_in_parts_and_comes_back_whole(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gaintrace.store.s3.MULTIPART", LARGE)
    data = os.urandom(1024 * 1024) * 21
    store = open_store(f"s3://{bucket}/p")
    store.write("large", data)
    assert store.read("large") == data
    import boto3

    assert "-" in boto3.client("s3").head_object(Bucket=bucket, Key="p/large")["ETag"]  # the sign of an upload in parts


@pytest.mark.parametrize("size", [100, LARGE + 1], ids=["small", "in parts"])
def test_a_changed_byte_is_noticed(
    bucket: str, faulty: Callable[..., FaultyProxy], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("gaintrace.store.s3.MULTIPART", LARGE)
    open_store(f"s3://{bucket}/p").write("a", b"x" * size)
    faulty(first(["flip"]))
    assert open_store(f"s3://{bucket}/p").read("a") == b"x" * size
    monkeypatch.setenv("GAINTRACE_STORE_DEADLINE", "1")
    faulty(lambda *_: "flip")
    with pytest.raises(StoreError, match="does not match its checksum"):
        open_store(f"s3://{bucket}/p").read("a")


def test_an_upload_in_parts_survives_faults_and_names_those_that_stay(
    bucket: str, faulty: Callable[..., FaultyProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gaintrace.store.s3.MULTIPART", LARGE)
    data = os.urandom(1024 * 1024) * 21
    faulty(first(["503", "", "reset", "500"]))
    open_store(f"s3://{bucket}/p").write("a", data)
    assert open_store(f"s3://{bucket}/p").read("a") == data
    monkeypatch.setenv("GAINTRACE_STORE_DEADLINE", "1")
    for fault, reason in (("503", "too busy"), ("500", "cannot write"), ("reset", "cannot be reached")):
        faulty(lambda *_, fault=fault: fault)
        with pytest.raises(StoreError, match=reason):
            open_store(f"s3://{bucket}/p").write("b", data)
    faulty(lambda *_: "")
    assert open_store(f"s3://{bucket}/p").keys() == ["a"]


def test_an_object_that_somebody_else_put_is_read(bucket: str) -> None:
    import boto3

    boto3.client("s3").put_object(Bucket=bucket, Key="p/a", Body=b"theirs")
    assert open_store(f"s3://{bucket}/p").read("a") == b"theirs"


def test_a_certificate_of_an_authority_of_one_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed("openssl")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out ca.crt -days 1 -subj /CN=127.0.0.1"
    subprocess.run([*command.split(), "-addext", "subjectAltName=IP:127.0.0.1"], cwd=tmp_path, check=True)
    for name in [name for name in os.environ if name.startswith("AWS_") or "proxy" in name.lower()]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with s3_server(tmp_path, "-c", str(tmp_path / "ca.crt"), "-k", str(tmp_path / "key")) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        began = time.monotonic()
        with pytest.raises(StoreError, match="certificate is not trusted; set AWS_CA_BUNDLE"):
            open_store("s3://bucket/p").write("a", b"")
        assert time.monotonic() - began < 10  # it is not tried again
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.crt"))
        import boto3

        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="bucket")
        store = open_store("s3://bucket/p")
        store.write("a", b"private")
        assert store.read("a") == b"private"


def test_listings_are_read_to_the_last_page(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gaintrace.store.s3.PAGE", 10)
    store = open_store(f"s3://{bucket}/p")
    for number in range(25):
        store.write(f"runs/{number:05}/x", b"")
    assert store.keys("runs") == [f"runs/{number:05}/x" for number in range(25)]


@pytest.fixture
def sweep_file(tmp_path: Path) -> str:
    (tmp_path / "small.yaml").write_text(SWEEP)
    return str(tmp_path / "small.yaml")


def table(store: Store) -> bytes:
    """results.csv without the times."""
    (key,) = [key for key in store.keys("sweeps") if key.endswith("results.csv")]
    frame = pd.read_csv(io.BytesIO(store.read(key)), dtype=str).drop(columns="seconds")
    return frame.to_csv(index=False).encode()


def test_a_sweep_gives_the_same_bytes_on_s3_and_leaks_no_credential(
    bucket: str, tmp_path: Path, sweep_file: str
) -> None:
    here, there = str(tmp_path / "store"), f"s3://{bucket}/p"
    printed = {}
    for out in (here, there):
        data = f"{out}/datasets/simulated"
        gaintrace("data", "simulate", "--students", "60", "--mean-length", "12", "--out", data)
        printed[out] = gaintrace("sweep", sweep_file, "--data", data, "--out", out)
    folder, objects = open_store(here), open_store(there)
    assert objects.keys() == folder.keys()
    assert table(objects) == table(folder)
    everything = [objects.read(key) for key in objects.keys()]  # noqa: SIM118
    everything.append(printed[there].encode())
    assert len(everything) > 20
    assert not any(secret.encode() in text for text in everything for secret in (KEY, SECRET))


def test_a_pod_reads_its_data_once_and_refuses_other_data_than_was_planned(
    bucket: str, sweep_file: str, faulty: Callable[..., FaultyProxy]
) -> None:
    out = f"s3://{bucket}/p"
    data = f"{out}/datasets/simulated"
    gaintrace("data", "simulate", "--students", "60", "--mean-length", "12", "--out", data)
    sweep_id = gaintrace("plan", sweep_file, "--data", data, "--out", out).strip().splitlines()[-1]
    proxy = faulty(lambda *_: "")
    gaintrace("train-shard", "--sweep", sweep_id, "--shard", "0", "--out", out)
    read = Counter(
        path.rsplit("/", 1)[-1] for method, path, _ in proxy.seen if method == "GET" and "/datasets/" in path
    )
    assert read == {"dataset.json": 1, "interactions.parquet": 1, "students.parquet": 1}
    gaintrace("data", "simulate", "--students", "50", "--mean-length", "12", "--out", data, "--force")
    with pytest.raises(DataError, match="was planned on"):
        gaintrace("train-shard", "--sweep", sweep_id, "--shard", "0", "--out", out)


def test_a_sweep_through_a_bad_network_ends_in_the_same_numbers(
    bucket: str, tmp_path: Path, sweep_file: str, faulty: Callable[..., FaultyProxy]
) -> None:
    gaintrace("sweep", sweep_file, "--out", str(tmp_path / "store"))
    dice = random.Random(7)
    kinds = ["500", "503", "reset", "short", "lost", "slow", "flip"]
    proxy = faulty(lambda *_: dice.choice(kinds) if dice.random() < 0.3 else "")
    gaintrace("sweep", sweep_file, "--out", f"s3://{bucket}/p")
    assert {fault for _, _, fault in proxy.seen} >= {"500", "503", "lost", "slow"}
    assert table(open_store(f"s3://{bucket}/p")) == table(open_store(tmp_path / "store"))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [thorough("500", "the server answers InternalError"), thorough("503", "too busy"), ("reset", "cannot be reached")],
)
def test_a_sweep_on_a_server_that_dies_says_so_and_leaves_nothing_half(
    bucket: str,
    sweep_file: str,
    faulty: Callable[..., FaultyProxy],
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    reason: str,
) -> None:
    monkeypatch.setenv("GAINTRACE_STORE_DEADLINE", "1")
    faulty(lambda method, path, number: fault if number > 8 else "")
    with pytest.raises(StoreError, match=reason):
        gaintrace("sweep", sweep_file, "--out", f"s3://{bucket}/p")
    monkeypatch.delenv("GAINTRACE_STORE_DEADLINE")
    faulty(lambda *_: "")
    store = open_store(f"s3://{bucket}/p")
    assert not [key for key in store.keys() if key.endswith("result.json")]  # noqa: SIM118
    gaintrace("sweep", sweep_file, "--out", f"s3://{bucket}/p")
    assert len(table(store).splitlines()) == 3


def test_a_store_that_fails_is_one_line_and_an_exit_code(
    bucket: str, sweep_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAINTRACE_STORE_DEADLINE", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    command = [sys.executable, "-c", "from gaintrace.cli import run; run()", "plan", sweep_file, "--out", "s3://b/p"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == ExitCode.STORE
    assert re.fullmatch(r"error: cannot write s3://b/p/\S+: the server cannot be reached; .*\n", done.stderr)
