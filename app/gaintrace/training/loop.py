"""The training loop: epochs of a population until each of its runs has stopped by its own rule."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd
from torch import nn

from gaintrace.config import RunConfig
from gaintrace.data.batches import DeviceData
from gaintrace.errors import InterruptedRunError
from gaintrace.store import Store
from gaintrace.training.checkpoint import Checkpoint, Pace, restore, save_checkpoint
from gaintrace.training.evaluation import (
    EncoderScore,
    GainScore,
    Predictions,
    gain_score,
    give_weights,
    predict,
    probabilities,
    score,
    scores,
    trained_encoders,
)
from gaintrace.training.history import RunHistory, Weights
from gaintrace.training.population import Epoch, Population
from gaintrace.training.replay import recorder_for
from gaintrace.training.reporter import EpochRow, Reporter

Losers = Callable[[dict[str, RunHistory]], dict[str, str]]
"""Of the runs of a population that have just finished an epoch, those to stop, with the reason."""


class NonFiniteLossError(Exception):
    """A run's loss is no longer a number."""


@dataclass
class EndedRun:
    """A run that trains no more, and how it ended. Without `error` and `stopped` everything else is there.

    `stopped`: why it was not trained to its end.
    """

    run: str
    history: RunHistory
    shared: list[str]
    error: Exception | None = None
    stopped: str | None = None
    test: dict[str, EncoderScore] = field(default_factory=dict)
    gain: GainScore | None = None
    predictions: pd.DataFrame | None = None
    windowed: pd.DataFrame | None = None  # the same of windows that overlap: index, response and the sides alone

    @property
    def weights(self) -> Weights:
        """Tensors of each encoder at its selected epoch."""
        return self.history.best


def train(
    configs: dict[str, RunConfig],
    data: DeviceData,
    *,
    runs: Store,
    checkpoints: dict[str, Checkpoint],
    on_ended: Callable[[EndedRun], None],
    reporter: Reporter,
    say: Callable[[str], None],
    interrupted: Callable[[], bool],
    pace: Pace,
    losers: Losers = lambda _: {},
) -> None:
    """Train some runs of one population key, from their checkpoints (all at one position) or from the start.

    `on_ended` is called for each run as soon as it has stopped. `say` hears in a line how the device takes steps.
    Where `interrupted` turns true, every run's state is saved and InterruptedRunError raised. `losers` is asked after
    each epoch, and what it names is stopped there.
    """
    population = Population(configs, data, recorder_for(data.device), say)
    histories = {run: RunHistory(config) for run, config in configs.items()}
    epoch: Epoch | None = None
    if checkpoints:
        histories = {run: checkpoints[run].history for run in configs}
        epoch = restore(population, checkpoints)
    done = next(iter(histories.values())).epoch
    reporter.started(population.runs, max(config.training.epochs for config in configs.values()), done)
    written: set[str] = set()

    def stop(where: str, epoch: Epoch | None = None) -> None:
        """Save every run that is not written yet and end here, where that is asked for."""
        if interrupted():
            for run in population.runs:
                if run not in written:
                    save_checkpoint(runs, run, population, histories[run], epoch)
            raise InterruptedRunError(f"stopped {where}; progress is saved. Run the same command again to continue")

    encoders: dict[str, nn.Module] = {}  # building them takes longer than to test a small run
    # A checkpoint may be of a run that has trained its last epoch and not been tested yet.
    left = [EndedRun(run, history, population.shared(run)) for run, history in histories.items() if history.exhausted]
    while True:
        ending = [ended.run for ended in left]
        # Those without a test first: they have no state to go on from, or none that anybody wants.
        left.sort(key=lambda run: run.error is None and run.stopped is None)
        while left:
            ended = left.pop(0)  # nothing here holds its predictions any longer
            if ended.error is None and ended.stopped is None:
                stop(f"before the test of run {ended.run}")
                _test(ended, encoders, data, partial(stop, f"in the test of run {ended.run}"))
            on_ended(ended)
            written.add(ended.run)
            del ended
        population.remove(ending)
        if not population.runs:
            return
        if epoch is None and histories[population.runs[0]].epoch > done and pace.due():
            with pace:
                for run in population.runs:
                    save_checkpoint(runs, run, population, histories[run], None)
            reporter.checkpoint(len(population.runs), pace.last)
        began = time.monotonic()
        epoch = epoch or population.begin_epoch(histories[population.runs[0]].epoch + 1)
        while not epoch.done:
            stop(f"in epoch {epoch.number} after {epoch.batches_done} of {len(epoch.batches)} batches", epoch)
            epoch.advance()
            reporter.step(population.runs, epoch.number, epoch.batches_done, len(epoch.batches))
        rows = _epoch_rows(epoch, population, began, partial(stop, f"in the validation of epoch {epoch.number}", epoch))
        epoch = None
        after = (_after_epoch(run, rows[run], population, histories[run], reporter) for run in population.runs)
        left = [ended for ended in after if ended is not None]
        failed = {ended.run for ended in left if ended.error is not None}
        stopped = losers({run: histories[run] for run in population.runs if run not in failed})
        left += [EndedRun(run, histories[run], population.shared(run), stopped=why) for run, why in stopped.items()]


def _epoch_rows(epoch: Epoch, population: Population, began: float, between: Callable[[], None]) -> dict[str, EpochRow]:
    """The row of epochs.csv of every run. Training scores are of the passes made while the weights moved."""
    data = population.data
    found: dict[tuple[str, str], list[EncoderScore]] = {}
    for name, side in population.sides.items():
        found["train", name] = _training_scores(epoch, name, side.members.stream_of_member.tolist())
        valid = predict(side.evaluated, data, data.valid, side.autocast, between)
        found["valid", name] = scores(valid.logit, valid.response)
    seconds = (time.monotonic() - began) / len(population.runs)
    return {
        run: {
            "epoch": epoch.number,
            **{
                f"{split}_{name}_{metric}": getattr(members[at[name]], metric)
                for (split, name), members in found.items()
                for metric in ("loss", "auc", "accuracy")
            },
            "seconds": round(seconds, 3),
        }
        for run, at in population.members.items()
    }


def _training_scores(epoch: Epoch, side: str, streams: list[int]) -> list[EncoderScore]:
    """Of each member of a side; `streams`: of each."""
    found: dict[int, EncoderScore] = {}
    for stream in set(streams):
        members = [member for member, own in enumerate(streams) if own == stream]
        real = epoch.real[stream]
        logit = epoch.logits[side][members][:, real].contiguous()
        found |= zip(members, scores(logit, epoch.response[stream][real]), strict=True)
    return [found[member] for member in range(len(streams))]


def _after_epoch(
    run: str, row: EpochRow, population: Population, history: RunHistory, reporter: Reporter
) -> EndedRun | None:
    """Book an epoch; the run if it has ended, without test scores yet."""
    losses = {column: row[column] for column in row if column.endswith("_loss")}
    bad = [column for column, loss in losses.items() if not np.isfinite(loss)]
    if bad:
        error = NonFiniteLossError(
            f"epoch {row['epoch']}: {', '.join(bad)} is not finite. Lower training.learning_rate "
            f"(now {history.config.training.learning_rate:g}) or training.gradient_clip"
        )
        return EndedRun(run, history, population.shared(run), error)
    history.best |= population.weights(run, history.book(row))
    reporter.epoch(run, row)
    return EndedRun(run, history, population.shared(run)) if history.exhausted else None


def _test(ended: EndedRun, encoders: dict[str, nn.Module], data: DeviceData, between: Callable[[], None]) -> None:
    """Evaluate each encoder on test at its selected epoch, once, and on windows where it is evaluated by chunks.

    `encoders`: those that tested a run of this population before, to be given this one's weights; at first empty.
    """
    config = ended.history.config
    if encoders:
        give_weights(encoders, ended.weights)
    else:
        encoders |= trained_encoders(config, ended.weights, data)
    # On the host: threads that write it must not disturb the device, on which the next runs may be recording a graph.
    ended.history.best = {side: {k: v.cpu() for k, v in tensors.items()} for side, tensors in ended.weights.items()}
    bf16 = config.training.precision == "bf16"
    predicted: dict[str, Predictions] = {}
    later: dict[str, Predictions] = {}
    for name, encoder in encoders.items():
        predicted[name] = predict(encoder, data, data.test, bf16, between)
        ended.test[name] = score(predicted[name].logit[0], predicted[name].response)
        if data.test_later is not None:
            later[name] = predict(encoder, data, data.test_later, bf16, between)
    e2 = predicted["e2"]
    assert e2.gain is not None
    ended.gain = gain_score(e2.gain[0], e2.answered)
    ended.predictions = probabilities(predicted, ("mastery", "ability", "growth", "difficulty"))
    ended.windowed = ended.predictions[["index", "response", *predicted]]
    if later:
        # The first window of a history is its first chunk.
        ended.windowed = pd.concat([probabilities(later), ended.windowed]).drop_duplicates("index", ignore_index=True)
