"""What has become of a sweep's runs so far, as the store has it. Importable without torch."""

from concurrent.futures import ThreadPoolExecutor

from pydantic import ValidationError

from gaintrace.config import explain
from gaintrace.runs.result import DataName, RunError, RunResult
from gaintrace.store import MissingObjectError, Store, layout
from gaintrace.sweeps.plan import Plan, PlannedRun

READ_AT_A_TIME = 16
"""Results read at a time: a store answers slowly, not rarely."""


def read_results(store: Store, plan: Plan) -> dict[str, RunResult]:
    """Results of the runs that have one, by run id. One that cannot be read counts as failed, with the reason.

    A run that this sweep stopped, and that nobody trained to its end, has the result of that.
    """
    stops = plan.spec.search is not None and plan.spec.search.stop is not None

    def read(run: PlannedRun) -> RunResult | None:
        result = _read(store, plan, run, layout.run(run.run_id, layout.RESULT))
        if stops and (result is None or result.status != "succeeded"):
            return _read(store, plan, run, layout.stopped(plan.sweep_id, run.run_id)) or result
        return result

    with ThreadPoolExecutor(READ_AT_A_TIME) as pool:
        results = list(pool.map(read, plan.runs))
    return {result.run_id: result for result in results if result is not None}


def _read(store: Store, plan: Plan, run: PlannedRun, key: str) -> RunResult | None:
    try:
        return RunResult.model_validate_json(store.read(key))
    except MissingObjectError:
        return None
    except ValidationError as error:
        message = f"{key} is damaged ({explain(error)}); run the sweep again to train it anew"
        return RunResult(
            run_id=run.run_id,
            status="failed",
            error=RunError(type="DamagedResultError", message=message),
            config_hash=run.config_hash,
            data=DataName(name=plan.data.name, hash=plan.data.hash),
            code_version=plan.code_version,
        )
