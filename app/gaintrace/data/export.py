"""A data set as pyKT's preprocessed files."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from gaintrace.data.dataset import Dataset
from gaintrace.data.split import TEST_FOLD, pykt_order
from gaintrace.errors import ConfigError
from gaintrace.store import FolderStore

FILES = ("train_valid.csv", "test.csv")


def export_pykt(dataset: Dataset, folder: Path, force: bool = False) -> list[Path]:
    """Write train_valid.csv and test.csv as pyKT does: a row a student, in the order of its shuffle.

    Files of these names that are there already are replaced by `force` only, else ConfigError is raised.

    An answer of several skills is written as an interaction for each, as pyKT expands them, and all but the first are
    marked in `is_repeat`, so that its evaluation by question (and our reader) knows them for one answer. `questions`
    is there where the items are known. test.csv also carries `cidxs`, which numbers its interactions through. Students,
    skills and items are written as their numbers. pyKT's times are not kept, so `timestamps` and `usetimes` are absent.
    """
    frame = dataset.interactions
    student = frame["student"]
    lists = {"concepts": frame["skill"], "responses": frame["response"]}
    repeat = frame.duplicated(["student", "step"]).astype("int8")
    if (frame["item"] >= 0).all():
        lists = {"questions": frame["item"]} | lists | {"is_repeat": repeat}
    elif repeat.any():
        lists["is_repeat"] = repeat
    rows = pd.DataFrame({name: values.astype(str).groupby(student).agg(",".join) for name, values in lists.items()})
    rows.insert(0, "fold", dataset.students["fold"])
    rows.insert(1, "uid", rows.index)
    rows["length"] = frame.groupby("student").size()
    rows = rows.iloc[pykt_order(rows["fold"].to_numpy())]
    test = rows[rows["fold"] == TEST_FOLD].copy()
    end = test["length"].cumsum()
    test["cidxs"] = [",".join(map(str, np.arange(e - n, e))) for e, n in zip(end, test["length"], strict=True)]
    there = [str(folder / name) for name in FILES if os.path.lexists(folder / name)]
    if there and not force:
        raise ConfigError(f"{' and '.join(there)}: there already. Choose another folder, or --force to replace")
    store = FolderStore(folder)
    for name, content in zip(FILES, (rows[rows["fold"] != TEST_FOLD], test), strict=True):
        store.write(name, content.drop(columns="length").to_csv(index=False, lineterminator="\n").encode())
    return [folder / name for name in FILES]
