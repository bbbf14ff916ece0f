"""A table is there whole or not at all."""

import pandas as pd
import pyarrow as pa
import pytest

from gaintrace.errors import ConfigError, StoreError
from gaintrace.use.output import checked_table, write_table

SCHEMA = pa.schema([pa.field("student", pa.string()), pa.field("mastery", pa.float32())])


def tables(count, fail=None):
    for number in range(count):
        if number == fail:
            raise KeyboardInterrupt
        yield pa.table([["a,b", 'c"d'], [0.25, number]], schema=SCHEMA)


@pytest.mark.parametrize("name", ["p.parquet", "p.csv"])
def test_pieces_become_one_table(tmp_path, name):
    assert write_table(tmp_path / name, SCHEMA, tables(3)) == 6
    found = (pd.read_csv if name.endswith("csv") else pd.read_parquet)(tmp_path / name)
    assert found["student"].tolist() == ["a,b", 'c"d'] * 3
    assert found["mastery"].tolist() == [0.25, 0, 0.25, 1, 0.25, 2]


@pytest.mark.parametrize("name", ["p.parquet", "p.csv"])
def test_what_was_there_stays_until_the_new_one_is_whole(tmp_path, name):
    path = tmp_path / name
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt):
        write_table(path, SCHEMA, tables(3, fail=2))
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_places_that_cannot_be_are_refused(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for name, message in (("p.xlsx", "ends in"), ("folder.csv", "a folder; name"), ("no/p.csv", "there is no folder")):
        with pytest.raises(ConfigError, match=message):
            checked_table("--to", tmp_path / name, force=False)
    with pytest.raises(StoreError, match="cannot write"):
        write_table(tmp_path / "no" / "p.csv", SCHEMA, tables(1))
