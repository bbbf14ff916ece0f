"""The real data sets beside the project: what the readers make of them, and that it is what pyKT has of them."""

from functools import cache

import pytest

from gaintrace.data.dataset import load_dataset, save_dataset
from gaintrace.data.export import export_pykt
from gaintrace.data.prepare import prepare
from gaintrace.store import open_store
from tests.data.test_export import by_export_number

pytestmark = pytest.mark.realdata
FILES = {
    "assist2009": "assist2009.csv.gz",
    "assist2015": "assist2015.csv.gz",
    "assist2017": "assist2017.csv.gz",
    "algebra2005": "algebra2005_subset.txt.gz",
}


@cache
def prepared(folder, name):
    """Read once: the largest takes ten seconds."""
    return prepare(name, [folder / "raw" / FILES[name]])


@pytest.mark.parametrize(
    ("name", "students", "interactions", "skills"),
    [
        ("assist2009", 3830, 325_004, 110),
        ("assist2015", 19_093, 682_797, 100),
        ("assist2017", 1704, 941_500, 102),
        ("algebra2005", 114, 206_231, 111),
    ],
)
def test_the_real_files_are_read(shared_data, name, students, interactions, skills):
    info = prepared(shared_data, name).info
    assert (info.students, info.interactions, len(info.skills)) == (students, interactions, skills)


@pytest.mark.parametrize("name", ["assist2009", "algebra2005"])
def test_real_answers_of_several_skills_survive_an_export(shared_data, tmp_path, name):
    dataset = prepared(shared_data, name)
    export_pykt(dataset, tmp_path)
    again = prepare("pykt", [tmp_path])
    assert by_export_number(again) == dataset.interactions[["student", "step", "skill", "response"]].to_numpy().tolist()


def test_assist2015_exports_to_pykts_own_files(shared_data, tmp_path):
    save_dataset(prepared(shared_data, "assist2015"), open_store(tmp_path / "a"))
    export_pykt(load_dataset(str(tmp_path / "a")), tmp_path / "out")
    for name in ("train_valid.csv", "test.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (shared_data / "pykt_assist2015" / name).read_bytes()


def test_pykts_own_files_are_read_as_the_raw_file_is(shared_data):
    """The two differ in numbering alone."""
    ours = prepared(shared_data, "assist2015")
    theirs = prepare("pykt", [shared_data / "pykt_assist2015"])
    by_uid = theirs.students.assign(student=theirs.students.index).set_index(theirs.students["uid"].astype(int))
    assert by_uid["fold"].sort_index().tolist() == ours.students["fold"].tolist()
    assert theirs.info.correct_ratio == ours.info.correct_ratio
    assert theirs.interactions["student"].value_counts()[by_uid.sort_index()["student"]].tolist() == (
        ours.interactions["student"].value_counts().sort_index().tolist()
    )
