"""predictions.parquet of a finished run: what the encoders said of every test target."""

import io
from collections.abc import Sequence

import pandas as pd
from pyarrow import ArrowException

from gaintrace.errors import ConfigError, StoreError
from gaintrace.runs.files import read_file
from gaintrace.runs.result import RunResult
from gaintrace.store import MissingObjectError, Store, layout

NAME = "predictions.parquet"


class DamagedPredictionsError(StoreError):
    """Predictions that are there and cannot be read. `reason`: why, without the place."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place} is damaged: {reason}. Train the run again")
        self.reason = reason


def read_predictions(
    store: Store, run: str, columns: Sequence[str] | None = None, result: RunResult | None = None
) -> pd.DataFrame:
    """The predictions of a run, some columns of them or all. `result`: of the run, where it is read already.

    Raises ConfigError where there are none, DamagedPredictionsError where they cannot be read.
    """
    folder = store.child(layout.run(run))
    try:
        return predictions_in(folder, columns, result)
    except MissingObjectError:
        raise ConfigError(f"{store.uri} has no predictions of a run {run}") from None


def predictions_in(
    folder: Store, columns: Sequence[str] | None = None, result: RunResult | None = None
) -> pd.DataFrame:
    """Those of the run in a folder. `result`: its own, where it is read already.

    Raises MissingObjectError, DamagedPredictionsError.
    """
    data = read_file(folder, NAME, result)
    try:
        return pd.read_parquet(io.BytesIO(data), columns=list(columns) if columns else None)
    except (ArrowException, OSError, ValueError, KeyError) as error:  # OSError: a page that does not unpack
        raise DamagedPredictionsError(f"{folder.uri}/{NAME}", str(error).splitlines()[0]) from None
