"""What every store promises: whole objects, exclusive creation, and nothing half written."""

import os
import threading
from pathlib import Path

import pytest

from gaintrace.errors import ConfigError, StoreError
from gaintrace.store import MissingObjectError, layout, open_store


@pytest.fixture
def folder(tmp_path):
    return open_store(tmp_path / "new" / "store")


@pytest.fixture(params=["folder", "s3"])
def store(request, folder):
    return folder if request.param == "folder" else open_store(f"s3://{request.getfixturevalue('bucket')}/some/prefix")


def test_objects_are_written_replaced_listed_and_deleted(store):
    assert store.keys() == []
    store.write("a/b.txt", b"1")
    store.write("a/b.txt", b"2")
    store.write("a-c/d", b"3")
    assert store.read("a/b.txt") == b"2"
    assert store.keys() == ["a-c/d", "a/b.txt"]
    assert store.keys("a") == ["a/b.txt"]
    assert store.child("a").read("b.txt") == b"2"
    assert store.exists("a/b.txt")
    store.delete("a/b.txt")
    store.delete("a/b.txt")
    assert not store.exists("a/b.txt")
    with pytest.raises(MissingObjectError, match="no such"):
        store.read("a/b.txt")


def test_of_many_creators_one_wins(store):
    won = []

    def create(number):
        if store.create("runs/x/result.json", str(number).encode() * 1000):
            won.append(number)

    threads = [threading.Thread(target=create, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.read("runs/x/result.json") == str(won[0]).encode() * 1000
    assert store.keys() == ["runs/x/result.json"]


def test_a_failed_write_leaves_the_old_object(folder, monkeypatch):
    store = folder
    store.write("a", b"old")
    monkeypatch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StoreError, match="the disk is full"):
        store.write("a", b"new")
    monkeypatch.undo()
    assert store.read("a") == b"old"
    assert [path.name for path in store.root.iterdir()] == ["a"]


@pytest.mark.parametrize("key", ["", "/etc/passwd", "a//b", "../a", "a/../../b", "."])
def test_keys_stay_inside_the_store(store, key):
    with pytest.raises(ConfigError, match="not an object key"):
        store.write(key, b"")


def test_what_a_killed_process_left_is_cleared_and_what_is_being_written_is_not(folder):
    folder.write("a/x", b"1")
    old, new = (folder.root / "a" / f".tmp-{name}" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    folder.write("a/x", b"2")
    assert not old.exists()
    assert new.exists()
    assert folder.keys() == ["a/x"]


def test_a_file_system_without_hard_links_is_named(folder, monkeypatch):
    monkeypatch.setattr("os.link", lambda *_: (_ for _ in ()).throw(OSError(95, "Operation not supported")))
    with pytest.raises(StoreError, match="no hard links; use another, or s3://"):
        folder.create("a", b"")
    assert list(folder.root.iterdir()) == []


def test_files_get_the_permissions_that_the_user_s_mask_leaves(folder):
    mask = os.umask(0o027)
    try:
        folder.write("a", b"")
    finally:
        os.umask(mask)
    assert folder.path("a").stat().st_mode & 0o777 == 0o640


def test_uris(tmp_path):
    assert open_store((tmp_path / "a b").as_uri()).root == tmp_path / "a b"
    for uri in ("file://host/a", "ftp://a", "s3://bucket/a?versionId=1", "file:///a#b"):
        with pytest.raises(ConfigError):
            open_store(uri)


@pytest.mark.parametrize("uri", ["s3://[bucket]/x", "s3://[::1/x", "file://[a]/b", "s3://a\u2100b/x"])
def test_what_is_no_uri_is_refused(uri):
    with pytest.raises(ConfigError, match="not a URI"):
        open_store(uri)


@pytest.mark.parametrize("uri", ["", " "])
def test_an_empty_place_is_not_the_current_folder(uri):
    with pytest.raises(ConfigError, match="an empty place"):
        open_store(uri)


@pytest.mark.parametrize("path", ["//[x", "a[b]", "[", "a//[b]c"])
def test_brackets_are_nothing_special_in_a_path(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    assert open_store(path).uri == str(Path(path))


def test_links_to_folders_are_followed_and_never_in_a_circle(tmp_path):
    elsewhere = open_store(tmp_path / "elsewhere")
    elsewhere.write("one/plan.json", b"1")
    store = open_store(tmp_path / "store")
    store.write("sweeps/two/plan.json", b"2")
    sweeps = store.path("sweeps")
    (sweeps / "one").symlink_to(tmp_path / "elsewhere" / "one")
    for name, target in (("up", ".."), ("self", "self"), ("broken", "nowhere"), ("two/back", "../../sweeps")):
        (sweeps / name).symlink_to(target)
    os.mkfifo(sweeps / "pipe")
    assert [key for key in store.keys("sweeps") if key.count("/") == 2] == [
        "sweeps/one/plan.json",
        "sweeps/two/plan.json",
    ]
    assert layout.sweep_ids(store) == ["one", "two"]
    assert store.read("sweeps/one/plan.json") == b"1"


def test_a_folder_that_cannot_be_listed_is_named(folder, monkeypatch):
    folder.write("a/b", b"")
    monkeypatch.setattr("os.scandir", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(StoreError, match=r"cannot list .*: no permission"):
        folder.keys("a")
