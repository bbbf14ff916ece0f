"""What lies where in a store. Nothing else spells these keys; the reference's table is made from OBJECTS."""

import re

from gaintrace.store.base import Store

RUNS = "runs"
SWEEPS = "sweeps"
VALIDATIONS = "validations"
REPRODUCTIONS = "reproductions"
FAULTS = "faults"
HISTORY = "defaults/history"
CURRENT_DEFAULT = "defaults/current.yaml"
DEFAULT_MODELS = "defaults/models"
DATASETS = "datasets"

RESULT = "result.json"
"""Written last, so a run without it is not finished."""
PLAN = "plan.json"
SHARDS = "shards"
VOCABULARY = "vocabulary.json"
RECORD = "reference.json"
HASH_DIGITS = 8
"""Of a data set's hash, in the name of the folder of its validations."""


def run(run_id: str, name: str = "") -> str:
    """The folder of a run, or the key of what `name` is in it."""
    return _key(RUNS, run_id, name)


def sweep(sweep_id: str, name: str = "") -> str:
    """The folder of a sweep, or the key of what `name` is in it."""
    return _key(SWEEPS, sweep_id, name)


def shard_plan(shard: int) -> str:
    """The key of a shard's own plan in its sweep's folder."""
    return f"{SHARDS}/{shard:05}.json"


def round_plan(number: int) -> str:
    """The key of a round of a search in its sweep's folder."""
    return f"rounds/{number:03}.json"


def stopped(sweep_id: str, run_id: str) -> str:
    """The key of how a sweep stopped a run."""
    return sweep(sweep_id, f"stopped/{run_id}.json")


def rung(sweep_id: str, epoch: int, run_id: str = "") -> str:
    """The folder of a sweep's rung, or the key of how a run stood there."""
    return sweep(sweep_id, _key(f"rungs/{epoch:05}", run_id and f"{run_id}.json"))


def claims(sweep_id: str, shard: int, number: int | None = None) -> str:
    """The folder of the claims on a shard, or the key of one of them."""
    return sweep(sweep_id, _key(f"claims/{shard:05}", "" if number is None else f"{number:05}.json"))


def shard_log(sweep_id: str, shard: int, time: str) -> str:
    """The key of what a pod printed while it trained a shard; `time` tells its attempts apart."""
    return sweep(sweep_id, f"logs/shard-{shard:03}-{time}.log")


def validation(dataset: str, data_hash: str, name: str = "") -> str:
    """The folder of a data set's validations, or the key of what `name` is in it.

    A name alone does not tell two data sets apart. `data_hash`: of its content, empty where that could not be read.
    """
    return _key(VALIDATIONS, f"{dataset}-{data_hash[:HASH_DIGITS]}" if data_hash else dataset, name)


def validation_records(store: Store, dataset: str) -> list[str]:
    """Keys of what is recorded for data sets of a name, whatever their content; that of a name alone is an old one."""
    folder = re.compile(rf"{VALIDATIONS}/{re.escape(dataset)}(-[0-9a-f]{{{HASH_DIGITS}}})?/{RECORD}")
    return [key for key in store.keys(VALIDATIONS) if folder.fullmatch(key)]


def reproduction(run_id: str, number: int | None = None, name: str = "") -> str:
    """The folder of a run's reproductions, of one of them, or the key of what `name` is in that."""
    return _key(REPRODUCTIONS, run_id, "" if number is None else _key(str(number), name))


def faults(step: str) -> str:
    """The key of what ended the attempts at a step of a workflow."""
    return _key(FAULTS, f"{step}.txt")


def default(number: int) -> str:
    """The key of a default of the history."""
    return f"{HISTORY}/{number:04}.yaml"


def default_model(run_id: str, name: str = "") -> str:
    """The folder of a run that is kept because a default has its weights, or the key of what `name` is in it."""
    return _key(DEFAULT_MODELS, run_id, name)


def dataset(name: str, file: str = "") -> str:
    """The folder of a prepared data set that lies in the store, or the key of a file of it."""
    return _key(DATASETS, name, file)


def sweep_ids(store: Store) -> list[str]:
    """Ids of the sweeps in a store, sorted."""
    return _folders_with(store, SWEEPS, PLAN)


def run_ids(store: Store) -> list[str]:
    """Ids of the finished runs in a store, sorted."""
    return _folders_with(store, RUNS, RESULT)


def dataset_names(store: Store) -> list[str]:
    """Names of the prepared data sets that lie in a store, sorted."""
    return _folders_with(store, DATASETS, "dataset.json")


def reproduction_numbers(store: Store, run_id: str) -> list[int]:
    """Numbers of a run's reproductions, those under way among them, sorted."""
    return sorted({int(key.split("/")[2]) for key in store.keys(reproduction(run_id))})


def _folders_with(store: Store, prefix: str, name: str) -> list[str]:
    """Names of the folders right under a prefix that hold an object of that name, sorted."""
    found = (key.split("/") for key in store.keys(prefix))
    return sorted({parts[1] for parts in found if parts[2:] == [name]})


def _key(*parts: str) -> str:
    return "/".join(part for part in parts if part)


_SWEEP, _RUN, _DATASET = "<sweep-id>", "<run-id>", "<data set>"

OBJECTS = {
    sweep(_SWEEP, "spec.yaml"): "the sweep, every default filled in",
    sweep(_SWEEP, PLAN): "its runs with complete configurations, grouped into shards",
    sweep(_SWEEP, f"{SHARDS}/<shard>.json"): "the same of one shard, where there are several",
    sweep(_SWEEP, "rounds/<round>.json"): "of a search, the runs that a round suggested",
    sweep(_SWEEP, "rungs/<epoch>/<run-id>.json"): "where runs are stopped, how one stood at a rung",
    sweep(_SWEEP, "stopped/<run-id>.json"): "the result of a run that was stopped there, with the reason",
    sweep(_SWEEP, "claims/<shard>/<number>.json"): "who trains a shard of a search; the last number counts",
    sweep(_SWEEP, "planned.txt"): "when it was planned first",
    sweep(_SWEEP, "results.csv"): "one row a run, best first",
    sweep(_SWEEP, "results.json"): "the same with statistics, correlations, success criteria and coverage",
    sweep(_SWEEP, "report.html"): "the report, self-contained",
    sweep(_SWEEP, "report.md"): "the report as Markdown",
    sweep(_SWEEP, "figures/<name>.svg"): "its figures",
    sweep(_SWEEP, "best.yaml"): "the best run's configuration, a sweep of one run",
    sweep(_SWEEP, "manifest.json"): "versions, devices, hashes and the command that repeats the sweep",
    sweep(_SWEEP, "metrics.prom"): "its outcome in Prometheus' text format",
    sweep(_SWEEP, "logs/<shard>.log"): "what a pod printed",
    run(_RUN, "config.json"): "the run's complete configuration",
    run(_RUN, "epochs.csv"): "one row an epoch: loss, AUC and accuracy of each encoder on train and valid",
    run(_RUN, "predictions.parquet"): "every test target: response, both probabilities, mastery, ability (logits), "
    "and growth (logits) where mastery is evidence",
    run(_RUN, "model.safetensors"): "the weights of the selected epoch",
    run(_RUN, VOCABULARY): "the skills and items that the weights know, by name, in the order of their numbers",
    run(_RUN, "trajectories/mastery-<n>-students.parquet"): "mastery of every skill over time, of n test students",
    run(_RUN, "trajectories/mastery-<n>-students.svg"): "their figure",
    run(_RUN, "trajectories/practice.svg"): "mastery by practice; `practice-against-<run-id>.svg`: beside another's",
    run(_RUN, RESULT): "written last: succeeded or failed, the numbers, and in `files` what the run's "
    "files are called: with a part of their hash where another attempt's have these names",
    run(_RUN, "checkpoint.safetensors"): "only while a run is unfinished",
    f"{REPRODUCTIONS}/{_RUN}/<number>/": "a run trained again: its own sweep and run, and comparison.json",
    f"{VALIDATIONS}/{_DATASET}-<hash>/{RECORD}": "what is recorded for the default on a data set, which its name and "
    f"the first {HASH_DIGITS} digits of its content's hash name",
    f"{VALIDATIONS}/{_DATASET}-<hash>/<label>/": "a validation: its own sweep and runs, and verdict.json",
    f"{VALIDATIONS}/{_DATASET}-<hash>/latest.json": "the verdict of the last validation; without the hash where the "
    "data set could not be read",
    faults("<workflow>-<step>"): "exit codes of the faults that ended attempts at a workflow's step",
    CURRENT_DEFAULT: "the default in force, where it came from and its hash; without it, it is `production`",
    f"{HISTORY}/<number>.yaml": "every default there has been; the last is in force",
    default_model(
        _RUN, "<file>"
    ): "a run whose weights a default has: its configuration, weights, vocabulary and result",
    dataset("<name>", "interactions.parquet"): "a prepared data set, wherever `--out` puts it",
    dataset("<name>", "students.parquet"): "its students and their folds",
    dataset("<name>", "items.parquet"): "what the source calls its items, by number, where it names any",
    dataset("<name>", "dataset.json"): "its counts, skills, sources and content hash, written last",
}
"""Every object of a store and what it is, for the reference."""
