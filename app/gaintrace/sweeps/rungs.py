"""Stopping runs of a search that fall behind: successive halving, across every process that trains it.

At a rung, a number of epochs, a run's validation score so far is put into the store; the best 1/eta of the scores that
are known there go on. Runs of one population arrive together and are judged together, so what is stopped does not hang
on who was first. Another process may arrive later and is judged by all that came before (ASHA, Li et al., MLSys 2020):
it would then be stopped by others than if it had been first, though never without a better run on record.

A decision is on record and is kept: a run that was allowed on is not judged at that rung again. A run that this sweep
need not train, because another one has, is no less of a measure: it stands at the rungs as its epochs say.
"""

import csv
import io
import math
from concurrent.futures import ThreadPoolExecutor

from pydantic import ValidationError

from gaintrace.config import Strict, SweepSpec, explain
from gaintrace.errors import StoreError
from gaintrace.runs.files import read_file
from gaintrace.runs.result import RunResult
from gaintrace.store import MissingObjectError, Store, layout
from gaintrace.sweeps.plan import PlannedRun
from gaintrace.sweeps.results import READ_AT_A_TIME
from gaintrace.training.history import RunHistory

LOWEST = -1.0
"""Score of a run without an AUC."""


class Stand(Strict):
    """rungs/<epoch>/<run-id>.json: a run's score at a rung, and once it is decided, whether it goes on."""

    score: float
    kept: bool | None = None


class Rungs:
    """The rungs of a search, for the runs of one process."""

    def __init__(self, store: Store, sweep_id: str, spec: SweepSpec) -> None:
        self.store = store
        self.sweep_id = sweep_id
        self.spec = spec

    def recall(self, runs: list[PlannedRun]) -> None:
        """Let the runs that have succeeded without standing at a rung, as others trained them, stand at each."""
        search = self.spec.search
        if search is None or search.stop is None:
            return
        first = layout.rung(self.sweep_id, search.stop.first)
        there = set(self.store.keys(first))
        unknown = [run for run in runs if f"{first}/{run.run_id}.json" not in there]
        with ThreadPoolExecutor(READ_AT_A_TIME) as pool:
            list(pool.map(self._recall, unknown))

    def _recall(self, run: PlannedRun) -> None:
        assert self.spec.search is not None and self.spec.search.stop is not None
        folder = self.store.child(layout.run(run.run_id))
        try:
            result = RunResult.model_validate_json(folder.read(layout.RESULT))
            if result.status != "succeeded":
                return
            table = csv.DictReader(io.StringIO(read_file(folder, "epochs.csv", result).decode()))
            rows = [{column: float(value or "nan") for column, value in row.items()} for row in table]
        except (MissingObjectError, ValueError):
            return  # not trained yet, or damaged, which the report says
        for rung in reversed(self.spec.search.stop.rungs(run.config.training.epochs)):  # the first says that all are
            self._stand(rung, run.run_id, self._score(RunHistory(run.config, rows[:rung])))

    def losers(self, histories: dict[str, RunHistory]) -> dict[str, str]:
        """Of runs that have just finished an epoch, those to stop there, with the reason. See training.loop.Losers."""
        search = self.spec.search
        if search is None or search.stop is None or not histories:
            return {}
        epoch = next(iter(histories.values())).epoch
        ways = {run: search.stop.rungs(history.config.training.epochs) for run, history in histories.items()}
        scores = {run: self._score(history) for run, history in histories.items()}
        ended = [run for run, history in histories.items() if history.exhausted]
        for run in ended:  # it stands at every later rung as it ended, for others to be measured by
            for rung in ways[run]:
                if rung >= epoch:
                    self._stand(rung, run, scores[run])
        judged = [run for run in histories if run not in ended and epoch in ways[run]]
        for run in judged:
            self._stand(epoch, run, scores[run])
        return self._judge(epoch, judged, search.stop.eta) if judged else {}

    def _score(self, history: RunHistory) -> float:
        """What is sought, at the epochs that would count if the run ended here."""
        aucs = {side: history.rows[epoch - 1][f"valid_{side}_auc"] for side, epoch in history.selected.items()}
        (sought,) = self.spec.sought
        if any(aucs.get(side) is None or math.isnan(aucs[side]) for side in sought.weights):
            return LOWEST
        return float(sought.score(aucs))

    def _stand(self, epoch: int, run: str, score: float) -> None:
        data = Stand(score=score).model_dump_json().encode()
        self.store.create(layout.rung(self.sweep_id, epoch, run), data)

    def _judge(self, epoch: int, judged: list[str], eta: int) -> dict[str, str]:
        keys = self.store.keys(layout.rung(self.sweep_id, epoch))
        with ThreadPoolExecutor(READ_AT_A_TIME) as pool:
            stands = list(pool.map(self._read, keys))
        known = {key.rsplit("/", 1)[1].removesuffix(".json"): stand for key, stand in zip(keys, stands, strict=True)}
        order = sorted(known, key=lambda run: (-known[run].score, run))
        kept = math.ceil(len(order) / eta)
        found = {}
        for run in judged:
            place = order.index(run) + 1
            if place > kept and known[run].kept is not True:
                found[run] = (
                    f"{place} of {len(order)} on validation, where the best {kept} went on "
                    f"({known[run].score:.4f}; theirs {known[order[kept - 1]].score:.4f} or more)"
                )
            stand = known[run].model_copy(update={"kept": run not in found})
            self.store.write(layout.rung(self.sweep_id, epoch, run), stand.model_dump_json().encode())
        return found

    def _read(self, key: str) -> Stand:
        try:
            return Stand.model_validate_json(self.store.read(key))
        except ValidationError as error:
            raise StoreError(
                f"{self.store.uri}/{key} is damaged: {explain(error)}. Delete it and run the same command again"
            ) from None
