"""Where results are kept: one object store in a folder or a bucket, and what lies where in it."""

from gaintrace.store.base import MissingObjectError, Store
from gaintrace.store.folder import FolderStore
from gaintrace.store.open import open_store

__all__ = ["FolderStore", "MissingObjectError", "Store", "open_store"]
