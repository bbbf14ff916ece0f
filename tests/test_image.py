"""The container image: built with buildah on a minimal Debian, and run locked down.

`make image-test` runs it: a build takes five to ten minutes on two cores and downloads what pip needs, so it is no part
of `make test`. GAINTRACE_IMAGE_TEST names an image that is there already, or is 1 to build one.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gaintrace import __version__

ROOT = Path(__file__).parents[1]
TOOLS = ("buildah", "podman", "debootstrap", "runc")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]

pytestmark = [
    pytest.mark.image,
    pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} not installed"),
    pytest.mark.skipif("GAINTRACE_IMAGE_TEST" not in os.environ, reason="builds an image; `make image-test` runs it"),
]
LOCKED = ["--runtime=runc", "--cgroup-manager=cgroupfs", "--read-only", "--cap-drop=all", "--network=none"]
LOCKED += ["--security-opt=no-new-privileges", "--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096"]


def call(*command: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800, **options)  # type: ignore[call-overload,no-any-return]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image, of a base made here: no registry is needed but pip's."""
    if os.environ["GAINTRACE_IMAGE_TEST"] != "1":
        yield os.environ["GAINTRACE_IMAGE_TEST"]
        return
    folder = tmp_path_factory.mktemp("image")
    include = "--include=python3,python3-venv,ca-certificates"
    made = call("debootstrap", "--variant=minbase", include, "bookworm", str(folder / "root"))
    if made.returncode:
        pytest.skip(f"no base image: {made.stdout[-300:]}")
    container = call("buildah", "from", "scratch").stdout.strip()
    call("buildah", "add", container, str(folder / "root"), "/")
    call("buildah", "commit", "--rm", container, "localhost/gaintrace-test-base")
    options = ["--isolation=chroot", "--network=host", "--pull-never", "--build-arg=REVISION=tested"]
    options += ["--build-arg=BASE_IMAGE=localhost/gaintrace-test-base"]
    certificates = Path("/etc/ssl/certs/ca-certificates.crt")
    if certificates.is_file():
        options += ["-v", f"{certificates}:/run/host-ca.crt:ro", "--build-arg=PIP_CERT=/run/host-ca.crt"]
    wheels = os.environ.get("PIP_FIND_LINKS", "")
    if Path(wheels).is_dir() and wheels:
        options += ["-v", f"{wheels}:{wheels}:ro", f"--build-arg=PIP_FIND_LINKS={wheels}"]
    built = call("buildah", "bud", *options, "-t", "localhost/gaintrace-test", str(ROOT))
    assert built.returncode == 0, built.stderr[-2000:]
    yield "localhost/gaintrace-test"
    call("buildah", "rmi", "--force", "localhost/gaintrace-test", "localhost/gaintrace-test-base")


def test_it_runs_as_nobody_with_a_read_only_root(image: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    volume = f"--volume={tmp_path}:/work/store"
    version = call("podman", "run", "--rm", *LOCKED, image, "--version")
    assert version.stdout.strip() == f"gaintrace {__version__}", version.stderr
    options = ["--set=base.training.epochs=1", "--set=base.data.synthetic.students=100"]
    sweep = call("podman", "run", "--rm", *LOCKED, volume, image, "sweep", "demo", *options)
    assert sweep.returncode == 0, sweep.stderr
    report = next(tmp_path.glob("sweeps/*/report.html"))
    assert report.stat().st_uid == 65532
    assert "Traceback" not in sweep.stderr


def test_a_stop_is_survived(image: str, tmp_path: Path) -> None:
    """What a preempted pod meets: SIGTERM, 75 after a checkpoint, and the same command goes on to the end."""
    tmp_path.chmod(0o777)
    options = ["--set=base.training.epochs=4", "--set=base.training.patience=4", "--out=/work/store"]
    command = [*LOCKED, f"--volume={tmp_path}:/work/store", image, "sweep", "demo", *options]
    name = f"gaintrace-test-{os.getpid()}"
    started = call("podman", "run", "--detach", f"--name={name}", *command)
    assert started.returncode == 0, started.stderr
    try:
        for _ in range(120):
            if "6 runs" in call("podman", "logs", name).stdout:
                break
            time.sleep(1)
        call("podman", "stop", "--time=110", name)
        code = call("podman", "inspect", "--format={{.State.ExitCode}}", name).stdout.strip()
        assert code == "75", call("podman", "logs", name).stderr
    finally:
        call("podman", "rm", "--force", name)
    assert list(tmp_path.glob("runs/*/checkpoint*"))
    again = call("podman", "run", "--rm", *command)
    assert again.returncode == 0, again.stderr
    assert not list(tmp_path.glob("runs/*/checkpoint*"))
    assert len(list(tmp_path.glob("runs/*/result.json"))) == 6


def test_a_wrong_command_says_so_and_exits_with_2(image: str) -> None:
    result = call("podman", "run", "--rm", *LOCKED, image, "sweep", "phase3")
    assert result.returncode == 2
    assert "no preset of that name" in result.stderr


def test_labels_say_what_it_was_built_from(image: str) -> None:
    found = call("podman", "inspect", "--format={{json .Config.Labels}} {{.Config.User}}", image).stdout
    assert f'"org.opencontainers.image.version":"{__version__}"' in found
    assert '"org.opencontainers.image.revision":"' in found
    assert '"org.opencontainers.image.revision":"unknown"' not in found
    assert found.strip().endswith("65532:65532")
