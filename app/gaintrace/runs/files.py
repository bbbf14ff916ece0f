"""A run's files beside its result.json, which names the very ones it was written with.

Pods may end one run at once, and an attempt may die before its result. So no file replaces another: a name that is
taken by other content gets a part of the content's hash. Importable without torch.
"""

import hashlib

from pydantic import ValidationError

from gaintrace.config import explain
from gaintrace.errors import StoreError
from gaintrace.runs.result import RunResult
from gaintrace.store import Store, layout


def add_file(folder: Store, name: str, data: bytes) -> str:
    """Put a file into a run's folder, and return what it is called there: `name`, or `stem-hash.suffix`."""
    if folder.create(name, data) or folder.read(name) == data:
        return name
    stem, _, suffix = name.partition(".")
    own = f"{stem}-{hashlib.sha256(data).hexdigest()[:12]}.{suffix}"
    folder.write(own, data)
    return own


def file_name(folder: Store, name: str) -> str:
    """What a file of a finished run is called in its folder. Raises StoreError where result.json cannot be read."""
    try:
        result = RunResult.model_validate_json(folder.read(layout.RESULT))
    except ValidationError as error:
        raise StoreError(f"{folder.uri}/result.json is damaged: {explain(error)}") from None
    return result.files.get(name, name)  # results of before name none: theirs have their plain names


def read_file(folder: Store, name: str, result: RunResult | None = None) -> bytes:
    """A file of a finished run, as its result was written with it. `result`: where it is read already.

    Raises StoreError.
    """
    return folder.read(file_name(folder, name) if result is None else result.files.get(name, name))
