"""XES3G5M: the sequences that pyKT made of it, which is all that is published.

Training histories are cut into rows of 200 and the last is padded; `selectmasks` is 1 where a place of a row counts. A
student's rows stand one after another and are put together again, but for the last one or two interactions of a
history, which pyKT drops where they would be a row of their own. The folds are those of the files, and test.csv holds
whole histories. A folder is read at the level of concepts (kc_level) unless it has only the other; `--raw` with the
folder question_level reads that. There the skills of an answer are one place, `4_15`, and no answer is cut in two.
"""

import os
from itertools import product
from pathlib import Path

from gaintrace.data.readers import pykt
from gaintrace.data.readers.answers import Answers, Reader
from gaintrace.errors import DataError

COLUMNS = (*pykt.COLUMNS, "selectmasks")
LEVELS = (("train_valid_sequences.csv", "test.csv"), ("train_valid_sequences_quelevel.csv", "test_quelevel.csv"))


def read(paths: list[Path]) -> Answers:
    """The two files, or the folder that holds them."""
    files = paths
    if len(paths) == 1 and os.path.isdir(paths[0]):  # noqa: PTH112 - Path.is_dir raises where the name is too long
        pairs = [
            [paths[0] / folder / name for name in names]
            for folder, names in product(("", "kc_level", "question_level"), LEVELS)
        ]
        there = [pair for pair in pairs if all(path.exists() for path in pair)]
        if not there:
            raise DataError(f"{paths[0]}: no {' and '.join(LEVELS[0])} there. Give the folder XES3G5M, or its kc_level")
        files = there[0]
    return pykt.histories([pykt.students(path, cut=True) for path in files], cut=True)


READER = Reader(COLUMNS, "train_valid_sequences.csv and test.csv", read)
