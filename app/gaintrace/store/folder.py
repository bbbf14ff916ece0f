"""A store in a folder."""

import contextlib
import errno
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from gaintrace.errors import StoreError
from gaintrace.store.base import MissingObjectError, checked_key, observe

TEMPORARY = ".tmp-"
ABANDONED = 3600.0
"""Seconds after which a temporary file has nobody who writes it."""


class FolderStore:
    """A store in a folder. Writes go to a temporary file, are flushed to disk and renamed into place."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def uri(self) -> str:
        """The folder's path."""
        return str(self.root)

    def path(self, key: str) -> Path:
        """The file that holds an object."""
        return self._named(self.root.joinpath(*checked_key(key).split("/")))

    def read(self, key: str) -> bytes:
        """See Store.read."""
        path = self.path(key)
        try:
            data = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            observe("done")
            raise MissingObjectError(f"{path}: no such file") from None
        except OSError as error:
            raise _store_error(path, "read", error) from error
        observe("done")
        return data

    def write(self, key: str, data: bytes) -> None:
        """See Store.write."""
        path = self.path(key)
        with self._temporary(path, data) as temporary:
            temporary.replace(path)
            _sync_folder(path.parent)
        observe("done")

    def create(self, key: str, data: bytes) -> bool:
        """See Store.create."""
        path = self.path(key)
        with self._temporary(path, data) as temporary:
            try:
                os.link(temporary, path)  # unlike a rename, a link fails where the name is taken
            except FileExistsError:
                observe("done")
                return False
            except OSError as error:
                if error.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
                    observe("failed")
                    raise StoreError(
                        f"cannot create {path}: its file system has no hard links; use another, or s3://"
                    ) from error
                raise
            _sync_folder(path.parent)
        observe("done")
        return True

    def exists(self, key: str) -> bool:
        """See Store.exists."""
        return os.path.isfile(self.path(key))  # noqa: PTH113 - Path.is_file raises where the name is too long

    def keys(self, prefix: str = "") -> list[str]:
        """See Store.keys."""
        top = self.path(prefix) if prefix else self._named(self.root)
        skipped = len(top.parts) - (len(prefix.split("/")) if prefix else 0)
        found = ("/".join(path.parts[skipped:]) for path in _files(top, ()))
        # What a locale of ASCII leaves as bytes is UTF-8; a name that is none keeps its bytes.
        return sorted(key.encode(errors="surrogateescape").decode(errors="surrogateescape") for key in found)

    def delete(self, key: str) -> None:
        """See Store.delete."""
        path = self.path(key)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _store_error(path, "delete", error) from error
        observe("done")

    def child(self, prefix: str) -> "FolderStore":
        """See Store.child."""
        return FolderStore(self.path(prefix))

    @staticmethod
    def _named(path: Path) -> Path:
        """The path as the file system's encoding, which a locale may set to ASCII, can name it."""
        try:
            os.fsencode(path)
        except UnicodeEncodeError:
            return Path(os.fsdecode(str(path).encode(errors="surrogateescape")))
        return path

    @contextlib.contextmanager
    def _temporary(self, path: Path, data: bytes) -> Iterator[Path]:
        temporary = path.parent / f"{TEMPORARY}{uuid.uuid4().hex}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield temporary
        except OSError as error:
            raise _store_error(path, "write", error) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
                _clear(path.parent)


def _files(folder: Path, above: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    """Every file below a folder, behind links too; a link back to a folder that leads there is not followed again."""
    try:
        found = folder.stat()
        here = (found.st_dev, found.st_ino)
        entries = [] if here in above else list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise _store_error(folder, "list", error) from error
    for entry in entries:
        try:
            is_folder = entry.is_dir()
            is_file = not is_folder and entry.is_file() and not entry.name.startswith(TEMPORARY)
        except OSError:
            continue  # a link in a loop
        if is_folder:
            yield from _files(Path(entry.path), (*above, here))
        elif is_file:
            yield Path(entry.path)


def _clear(folder: Path) -> None:
    """Remove what processes killed in mid-write left long ago."""
    for left in folder.glob(f"{TEMPORARY}*"):
        if time.time() - left.stat().st_mtime > ABANDONED:
            left.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _store_error(path: Path, what: str, error: OSError) -> StoreError:
    hint = {
        errno.ENOSPC: "the disk is full; free space and run the same command again",
        errno.EDQUOT: "the disk quota is used up; free space and run the same command again",
        errno.EACCES: "no permission; choose another folder or change its owner",
        errno.EPERM: "not permitted; choose another folder or change its owner",
        errno.EROFS: "the file system is read-only; choose another folder",
        errno.ENOTDIR: "a part of the path is a file, not a folder",
        errno.EEXIST: "a part of the path is a file, not a folder",
        errno.EISDIR: "this is a folder, not a file",
    }.get(error.errno or 0, error.strerror or str(error))
    observe("failed")
    return StoreError(f"cannot {what} {path}: {hint}")
