"""The trained run that somebody means, the default in force among them."""

import torch

from gaintrace.defaults.weights import default_weights
from gaintrace.runs.reproduction import RecordedRun
from gaintrace.store import Store
from gaintrace.use.named import DEFAULT, finished_run
from gaintrace.use.trained import Trained, load_from, load_trained


def load_named(store: Store, text: str, device: torch.device) -> Trained:
    """By an id, its beginning, a sweep, or `default`. Raises ConfigError, DataError, StoreError."""
    if text != DEFAULT:
        return load_trained(store, finished_run(store, text), device)
    run, folder = default_weights(store)
    return load_from(store, folder, RecordedRun.read_in(folder, run, store.uri), device)
