"""A finished run with its weights, ready to be asked."""

from dataclasses import dataclass
from functools import cached_property

import torch

from gaintrace.config import RunConfig
from gaintrace.data.dataset import Dataset
from gaintrace.errors import ConfigError, DataError, did_you_mean
from gaintrace.model.evidence import EvidenceEncoder
from gaintrace.model.mastery import MasteryEncoder
from gaintrace.model.performance import PerformanceEncoder
from gaintrace.runs.reproduction import RecordedRun
from gaintrace.runs.result import RunResult
from gaintrace.runs.vocabulary import Vocabulary
from gaintrace.runs.weights import mastery_encoder, misfit_in, performance_encoder, weights_in
from gaintrace.store import Store, layout
from gaintrace.sweeps.data import load_own
from gaintrace.use.named import few


@dataclass(frozen=True)
class Trained:
    """Both encoders of a run, in evaluation, what they call skills and items, and the folder of the run's files."""

    result: RunResult
    config: RunConfig
    vocabulary: Vocabulary
    performance: PerformanceEncoder
    mastery: MasteryEncoder | EvidenceEncoder
    device: torch.device
    folder: Store

    @property
    def run(self) -> str:
        """The run's id."""
        return self.result.run_id

    @property
    def skills(self) -> list[str]:
        """By number."""
        return self.vocabulary.skills

    @cached_property
    def skill_numbers(self) -> dict[str, int]:
        """By name."""
        return {name: number for number, name in enumerate(self.vocabulary.skills)}

    @cached_property
    def item_numbers(self) -> dict[str, int]:
        """By name, from 1; none where items are not told apart."""
        return {name: number for number, name in enumerate(self.vocabulary.items, start=1)}

    @property
    def reads_items(self) -> bool:
        """Whether an item's difficulty is in its predictions."""
        return self.mastery.difficulty is not None

    def numbers_of(self, skills: list[str]) -> list[int]:
        """Numbers of skills. Raises ConfigError where the run does not know one, or there is none."""
        if not skills or any(not isinstance(skill, str) for skill in skills):
            raise ConfigError(
                f"skills {skills!r}: expected names of skills, as texts; run {self.run} knows {few(self.skills)}"
            )
        unknown = [skill for skill in skills if skill not in self.skill_numbers]
        if unknown:
            near = did_you_mean(unknown[0], self.skills)
            named = ", ".join(map(repr, unknown))
            raise ConfigError(
                f"run {self.run} was trained on no skill {named}{near or '.'} It knows {few(self.skills)}"
            )
        return [self.skill_numbers[skill] for skill in dict.fromkeys(skills)]

    def trained_on(self, dataset: Dataset) -> bool:
        """Whether this is the run's own data set."""
        return dataset.hash == self.result.data.hash


def load_trained(store: Store, run: str, device: torch.device) -> Trained:
    """A finished run of a store by its id. Raises ConfigError, DataError, StoreError."""
    return load_from(store, store.child(layout.run(run)), RecordedRun.read(store, run), device)


def load_from(store: Store, folder: Store, recorded: RecordedRun, device: torch.device) -> Trained:
    """The run whose files lie in a folder of a store."""
    config, weights = recorded.config, weights_in(folder)
    vocabulary = Vocabulary.read(folder) or _of_its_data(store, recorded)
    try:
        performance = performance_encoder(config, len(vocabulary.skills), weights).to(device)
        mastery = mastery_encoder(config, len(vocabulary.skills), weights).to(device)
    except (KeyError, RuntimeError) as error:
        raise misfit_in(folder, error) from None
    return Trained(recorded.result, config, vocabulary, performance, mastery, device, folder)


def _of_its_data(store: Store, recorded: RecordedRun) -> Vocabulary:
    """What a run that was trained before vocabularies were kept calls its skills: its data set says so."""
    try:
        dataset = load_own(store, recorded.config, recorded.result.data.hash)
        recorded.check_data(dataset.hash)
    except DataError as error:
        raise DataError(
            f"run {recorded.result.run_id} was trained before runs kept the names of their skills, so its data set is "
            f"needed: {error}"
        ) from None
    return Vocabulary.of(dataset, recorded.config)
