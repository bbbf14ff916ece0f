"""A finished run's weights on test once more, with as much history before each target as is asked for."""

from collections.abc import Callable

import torch

from gaintrace.data.batches import DeviceData
from gaintrace.data.dataset import Dataset
from gaintrace.errors import ConfigError
from gaintrace.runs.pykt import answers, pykt_scores
from gaintrace.runs.reproduction import RecordedRun
from gaintrace.runs.result import PyktScores
from gaintrace.runs.weights import misfit, read_weights
from gaintrace.store import Store
from gaintrace.training.evaluation import predict, probabilities, trained_encoders


def evaluate_in_windows(
    store: Store,
    run: RecordedRun,
    dataset: Dataset,
    overlap: int | None,
    device: torch.device,
    between: Callable[[], None] = lambda: None,
) -> PyktScores:
    """AUCs of windows that overlap by so many interactions; None: by all but one, which is pyKT's protocol.

    `dataset`: the one that the run was trained on. Raises ConfigError where windows cannot overlap so.
    """
    longest = run.config.data.max_sequence_length
    overlap = longest - 1 if overlap is None else overlap
    if not 0 < overlap < longest:
        raise ConfigError(
            f"--overlap {overlap}: run {run.result.run_id} reads {longest} interactions at once, of which windows can "
            f"share 1 to {longest - 1}"
        )
    config = run.config.data.model_copy(update={"evaluation_overlap": overlap})
    data = DeviceData(dataset, config, device)
    try:
        encoders = trained_encoders(run.config, read_weights(store, run.result.run_id), data)
    except (KeyError, RuntimeError) as error:
        raise misfit(store, run.result.run_id, error) from None
    bf16 = run.config.training.precision == "bf16"
    predicted = {name: predict(encoder, data, data.test, bf16, between) for name, encoder in encoders.items()}
    frame = probabilities(predicted)
    return pykt_scores(frame, frame, answers(dataset.interactions), config)
