"""The canonical form of a data set: interactions, students with their folds, and the names of the skills.

On disk: interactions.parquet, students.parquet and dataset.json, which is written last and carries a hash of the
content, so that a damaged or altered data set is noticed and equal data sets are known to be equal.
"""

import hashlib
import io
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from pydantic import Field, ValidationError

from gaintrace.config import Strict, explain
from gaintrace.data.split import TEST_FOLD
from gaintrace.errors import DataError
from gaintrace.store import MissingObjectError, Store, open_store

COLUMNS = {"student": "int32", "step": "int32", "item": "int32", "skill": "int32", "response": "int8"}
TRUE_MASTERY = "true_mastery"
ITEMS = "items.parquet"


class SourceFile(Strict):
    """A raw file a data set was made of."""

    name: str
    sha256: str


class DatasetInfo(Strict):
    """dataset.json."""

    name: str = Field(description="what records of it go by: its folder's name, or --name")
    hash: str
    students: int
    interactions: int
    answers: int
    items: int
    skills: list[str]
    correct_ratio: float
    longest: int
    reader: str | None = Field(None, description="what read the sources")
    sources: list[SourceFile] = Field([])
    dropped: dict[str, int] = Field({}, description="rows of the sources, by reason")
    dropped_at: dict[str, str] = Field({}, description="where the first of them are, by reason")
    rows_read: int | None = Field(None, description="rows of the sources")
    notes: list[str] = Field([])
    simulator: str | None = Field(None, description="what simulated the students; of before: `curve`")


@dataclass(frozen=True)
class Dataset:
    """Interactions of students with skills.

    `interactions`: a row for each answer and skill, students one after another, each in time order. Columns: student
    (0.., in order of first appearance), step (the answer, counted within the student: the rows of an answer that
    needs several skills share it; no step of training), item (-1 unknown), skill (0.., in order of first appearance),
    response (0 or 1) and, for simulated students, true_mastery (of that skill, just before the answer).
    `students`: row = student; uid (as in the source), fold (-1 test, else 0 to 4). `simulator`: of simulated students
    (gaintrace.data.simulators), None of real ones and of those stored before there were several. `items`: what the
    source calls them, by number; none where it names none, or where the data set was stored before they were kept. They
    are no part of the hash.
    """

    name: str
    interactions: pd.DataFrame
    students: pd.DataFrame
    skills: list[str]
    reader: str | None = None
    sources: list[SourceFile] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    dropped_at: dict[str, str] = field(default_factory=dict)
    rows_read: int | None = None
    notes: list[str] = field(default_factory=list)
    simulator: str | None = None
    items: list[str] = field(default_factory=list)

    @cached_property
    def hash(self) -> str:
        """16 hex digits of SHA-256 over the content, whatever file format or place holds it."""
        return _content_hash(self)

    def training_interactions(self, fold: int) -> int:
        """Interactions of the students that train where `fold` validates."""
        held_out = self.students["fold"].isin((TEST_FOLD, fold))
        return int((~held_out.to_numpy()[self.interactions["student"]]).sum())

    @property
    def info(self) -> DatasetInfo:
        """Counts and provenance."""
        frame = self.interactions
        # The rows of an answer stand together.
        answer = [np.diff(frame[name].to_numpy(), prepend=-1) != 0 for name in ("student", "step")]
        known = frame["item"][frame["item"] >= 0]
        return DatasetInfo(
            name=self.name,
            hash=self.hash,
            students=len(self.students),
            interactions=len(frame),
            answers=int((answer[0] | answer[1]).sum()),
            items=int(known.nunique()),
            skills=self.skills,
            correct_ratio=float(frame["response"].mean()),
            longest=int(frame.groupby("student").size().max()),
            reader=self.reader,
            sources=self.sources,
            dropped=self.dropped,
            dropped_at=self.dropped_at,
            rows_read=self.rows_read,
            notes=self.notes,
            simulator=self.simulator,
        )


def _content_hash(dataset: Dataset) -> str:
    digest = hashlib.sha256()
    for column, kind in COLUMNS.items():
        digest.update(np.ascontiguousarray(dataset.interactions[column].to_numpy(kind)).data)
    if TRUE_MASTERY in dataset.interactions:
        digest.update(dataset.interactions[TRUE_MASTERY].to_numpy("float32").tobytes())
    digest.update(dataset.students["fold"].to_numpy("int8").tobytes())
    digest.update("\n".join([*dataset.students["uid"], "", *dataset.skills]).encode())
    return digest.hexdigest()[:16]


def save_dataset(dataset: Dataset, store: Store) -> None:
    """Write a data set; dataset.json last, so a half-written one is not taken for whole."""
    store.delete("dataset.json")
    store.write("interactions.parquet", _parquet(dataset.interactions))
    store.write("students.parquet", _parquet(dataset.students))
    if dataset.items:
        store.write(ITEMS, _parquet(pd.DataFrame({"item": dataset.items})))
    else:
        store.delete(ITEMS)
    store.write("dataset.json", dataset.info.model_dump_json(indent=1).encode())


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


def load_info(uri: str) -> DatasetInfo:
    """dataset.json of the data set at a folder or URI."""
    try:
        return DatasetInfo.model_validate_json(open_store(uri).read("dataset.json"))
    except MissingObjectError:
        raise DataError(
            f"{uri}: no prepared data set there (dataset.json is missing). "
            "`gaintrace data prepare READER --raw FILE --out FOLDER` makes one"
        ) from None
    except ValidationError as error:
        raise DataError(
            f"{uri}/dataset.json is damaged: {explain(error)}. Prepare the data set again with --force"
        ) from None


def load_dataset(uri: str) -> Dataset:
    """The data set at a folder or URI, checked against its hash."""
    info = load_info(uri)
    store = open_store(uri)
    frames = {}
    for name in ("interactions.parquet", "students.parquet", ITEMS):
        if name == ITEMS and not store.exists(name):
            continue
        try:
            frames[name] = pd.read_parquet(io.BytesIO(store.read(name)))
        except MissingObjectError:
            raise DataError(f"{uri}: {name} is missing. Prepare the data set again") from None
        except (ValueError, OSError) as error:  # pyarrow's errors are either
            reason = str(error).splitlines()[0].rstrip(".")
            raise DataError(f"{uri}/{name} is damaged: {reason}. Prepare the data set again") from None
    try:
        dataset = Dataset(
            info.name,
            frames["interactions.parquet"],
            frames["students.parquet"],
            info.skills,
            reader=info.reader,
            sources=info.sources,
            dropped=info.dropped,
            dropped_at=info.dropped_at,
            rows_read=info.rows_read,
            notes=info.notes,
            simulator=info.simulator,
            items=frames[ITEMS]["item"].astype(str).tolist() if ITEMS in frames else [],
        )
        found = dataset.hash
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{uri}: columns are not those of a data set ({error}). Prepare the data set again") from None
    if found != info.hash:
        raise DataError(
            f"{uri}: content hash is {found}, dataset.json says {info.hash}: the files were altered or mixed up. "
            "Prepare the data set again"
        )
    return dataset
