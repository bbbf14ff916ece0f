"""A finding, and what findings are made from."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from gaintrace.analysis.comparison import Comparison
from gaintrace.config import Strict, SweepSpec
from gaintrace.identity import IMPORTED
from gaintrace.runs.result import RunResult

SIDE_NAMES = {"e1": "E1", "e2": "E2", "e3": "E3"}


class Finding(Strict):
    """Something a reader of the ranking should know. `numbers` are what the text is made of."""

    name: str
    text: str
    numbers: dict[str, Any]


@dataclass(frozen=True)
class Evidence:
    """What is known of a sweep's runs.

    `columns`: swept dotted path → column of `table`; `epochs`: of the best runs, by run id; `results`: by run id.
    """

    spec: SweepSpec
    columns: dict[str, str]
    table: pd.DataFrame
    epochs: dict[str, pd.DataFrame]
    results: dict[str, RunResult]
    comparison: Comparison

    @property
    def ranked(self) -> pd.DataFrame:
        """The succeeded runs, best first."""
        return self.table[self.table["rank"].notna()]

    @property
    def most_epochs(self) -> dict[str, int]:
        """How many epochs each run could have, by run id; none where only others know."""
        if all(result.code_version == IMPORTED for result in self.results.values()):
            return {}
        column = self.columns.get("training.epochs")
        if column is None:
            return dict.fromkeys(self.table["run_id"], self.spec.base.training.epochs)
        return {run: int(limit) for run, limit in zip(self.table["run_id"], self.table[column], strict=True)}


def several(names: list[str], word: str = "and", most: int = 6) -> str:
    """Names in a sentence: `a`, `a and b`, `a, b and c`; the middle of many is left out."""
    if len(names) > most:
        names = [*names[: most - 2], f"{len(names) - most + 1} more", names[-1]]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"
