"""What every store promises: whole objects, exclusive creation, and nothing half written."""

import threading

import pytest

from gaintrace.errors import ConfigError, StoreError
from gaintrace.store import MissingObjectError, open_store


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


def test_uris(tmp_path):
    assert open_store((tmp_path / "a b").as_uri()).root == tmp_path / "a b"
    for uri in ("file://host/a", "ftp://a"):
        with pytest.raises(ConfigError):
            open_store(uri)
