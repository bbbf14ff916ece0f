"""Real servers for tests: processes of their own on loopback ports, stopped by process id."""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

KEY, SECRET = "AKIDTESTONLY00000001", "test-only-secret-5f0c2b7e91d4"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process(command: list[str], ready: str, log: Path, seconds: float = 30) -> Iterator[None]:
    """Run a server until the block ends; `ready` is a URL that answers once it serves, within some seconds."""
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=clean_environment())
        try:
            _wait(server, ready, log, seconds)
            yield
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait(server: "subprocess.Popen[bytes]", ready: str, log: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(ready, timeout=2)
            return
        except urllib.error.HTTPError as error:
            if error.code != 503:  # which says: not yet
                return  # it answers
            time.sleep(0.1)
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                return  # it answers, with a certificate that is ours alone
            time.sleep(0.1)
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{ready} does not answer: {log.read_text()[-2000:]}")


def clean_environment() -> dict[str, str]:
    """The environment without proxies and AWS settings of the machine."""
    return {k: v for k, v in os.environ.items() if "proxy" not in k.lower() and not k.startswith("AWS_")}


@contextlib.contextmanager
def s3_server(folder: Path, *tls: str) -> Iterator[str]:
    """moto's S3 over HTTP, or over TLS with `-c` certificate and `-k` key; its endpoint."""
    try:
        import moto.server  # noqa: F401
    except ImportError:
        pytest.skip("moto's server is not installed")
    port = free_port()
    endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port), *tls]
    with process(command, endpoint, folder / "s3.log"):
        yield endpoint


def installed(*programs: str) -> None:
    """Skip the test where a program is missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")


def beside_python(program: str) -> str:
    """Where a program is that pip installed beside this Python, or that is on the path. Skips where it is not."""
    places = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    found = shutil.which(program, path=places)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


@contextlib.contextmanager
def pushgateway(folder: Path) -> Iterator[str]:
    """A Pushgateway; its URL. It keeps nothing on disk: Debian's would, for all that run on the machine."""
    installed("prometheus-pushgateway")
    port = free_port()
    command = ["prometheus-pushgateway", f"--web.listen-address=127.0.0.1:{port}", "--persistence.file="]
    with process(command, f"http://127.0.0.1:{port}/-/ready", folder / "pushgateway.log"):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def prometheus(folder: Path, scrapes: list[dict[str, object]]) -> Iterator[str]:
    """A Prometheus that scrapes every second; its URL. `scrapes`: scrape_configs."""
    installed("prometheus")
    port = free_port()
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": scrapes}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    with process(command, f"http://127.0.0.1:{port}/-/ready", folder / "prometheus.log"):
        yield f"http://127.0.0.1:{port}"
