"""What is recorded for the default on a data set, and which of several data sets of one name it is about."""

from pathlib import Path

from pydantic import Field, ValidationError

from gaintrace.config import Strict, explain
from gaintrace.errors import StoreError
from gaintrace.store import FolderStore, MissingObjectError, Store, layout, open_store
from gaintrace.sweeps.plan import DataReference


class Pair(Strict):
    """Test AUC of one run."""

    fold: int
    seed: int
    e1: float
    e2: float


class Reference(Strict):
    """reference.json."""

    label: str
    config_hash: str
    data_hash: str
    code_version: str
    runs: list[Pair]
    place: str | None = Field(None, description="where the data set lay; unknown of old records and simulated students")


def read_record(store: Store, data: DataReference) -> Reference | None:
    """What is recorded of this data set, under its name and hash, or by an earlier version under its name alone."""
    found = _read(store, layout.validation(data.name, data.hash, layout.RECORD))
    if found is None:
        found = _read(store, layout.validation(data.name, "", layout.RECORD))
    return found if found is not None and found.data_hash == data.hash else None


def write_record(store: Store, data: DataReference, reference: Reference) -> None:
    """Record, in place of what is recorded of the same data set."""
    store.write(layout.validation(data.name, data.hash, layout.RECORD), reference.model_dump_json(indent=1).encode())


def read_superseded(store: Store, data: DataReference) -> Reference | None:
    """What is recorded of other data that lay where this data set lies, or that may have: then it was altered."""
    here = place(data.uri)
    for key in layout.validation_records(store, data.name):
        found = _read(store, key)
        if found is not None and found.data_hash != data.hash and (found.place is None or found.place == here):
            return found
    return None


def place(uri: str | None) -> str | None:
    """One text for one place, however it was written."""
    if uri is None:
        return None
    store = open_store(uri)
    return str(Path(store.uri).resolve()) if isinstance(store, FolderStore) else store.uri


def _read(store: Store, key: str) -> Reference | None:
    try:
        return Reference.model_validate_json(store.read(key))
    except MissingObjectError:
        return None
    except ValidationError as error:
        raise StoreError(f"{store.uri}/{key} is damaged: {explain(error)}. Validate again with --record") from None
