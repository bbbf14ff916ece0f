"""The canonical form survives storage, and damage to it is noticed."""

import json
import shutil

import pandas as pd
import pytest

from gaintrace.config import SyntheticConfig
from gaintrace.data.dataset import load_dataset, load_info, save_dataset
from gaintrace.data.synthetic import generate
from gaintrace.errors import DataError
from gaintrace.store import open_store


@pytest.fixture
def stored(tmp_path):
    dataset = generate(SyntheticConfig(students=30, skills=4, mean_length=10))
    save_dataset(dataset, open_store(tmp_path / "a"))
    return dataset, tmp_path / "a"


def test_a_data_set_comes_back_equal(stored, tmp_path):
    dataset, folder = stored
    again = load_dataset(str(folder))
    pd.testing.assert_frame_equal(again.interactions, dataset.interactions)
    assert again.students["uid"].tolist() == dataset.students["uid"].tolist()
    assert (again.hash, again.skills) == (dataset.hash, dataset.skills)
    moved = tmp_path / "elsewhere" / "b"
    shutil.copytree(folder, moved)
    assert load_dataset(moved.as_uri()).hash == dataset.hash


def test_the_hash_sees_content_and_nothing_else(stored):
    dataset, folder = stored
    frame = pd.read_parquet(folder / "interactions.parquet")
    frame.to_parquet(folder / "interactions.parquet", compression="gzip", index=False)
    assert load_dataset(str(folder)).hash == dataset.hash
    frame.loc[3, "response"] = 1 - frame.loc[3, "response"]
    frame.to_parquet(folder / "interactions.parquet", index=False)
    with pytest.raises(DataError, match="altered or mixed up"):
        load_dataset(str(folder))


@pytest.mark.parametrize("name", ["interactions.parquet", "students.parquet", "dataset.json"])
def test_damage_and_loss_are_named(stored, name):
    _, folder = stored
    path = folder / name
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=f"{name} is damaged"):
        load_dataset(str(folder))
    path.unlink()
    with pytest.raises(DataError, match=name.replace("dataset.json", "data prepare")):
        load_dataset(str(folder))


def test_columns_of_another_kind_are_named(stored):
    _, folder = stored
    students = pd.read_parquet(folder / "students.parquet")
    students.assign(uid=range(len(students))).to_parquet(folder / "students.parquet", index=False)
    with pytest.raises(DataError, match="columns are not those of a data set"):
        load_dataset(str(folder))


def test_a_data_set_stored_without_the_later_fields_is_read(stored):
    dataset, folder = stored
    tree = json.loads((folder / "dataset.json").read_text())
    del tree["rows_read"], tree["notes"]
    (folder / "dataset.json").write_text(json.dumps(tree))
    assert load_dataset(str(folder)).hash == dataset.hash


def test_information_counts(stored):
    info = load_info(str(stored[1]))
    frame = stored[0].interactions
    assert (info.students, info.interactions, info.answers, info.items) == (30, len(frame), len(frame), 0)
    assert info.longest == frame["student"].value_counts().max()
    assert info.correct_ratio == pytest.approx(frame["response"].mean())
