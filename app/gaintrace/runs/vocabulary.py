"""vocabulary.json of a finished run: what its weights call skills and items, so that they can be used elsewhere."""

from pydantic import ValidationError

from gaintrace.config import RunConfig, Strict, explain
from gaintrace.data.batches import training_items
from gaintrace.data.dataset import Dataset
from gaintrace.errors import StoreError
from gaintrace.runs.files import file_name
from gaintrace.store import MissingObjectError, Store, layout


class Vocabulary(Strict):
    """Skills by number, and the items that training knew: the first is item 1.

    No items where the model has no difficulties of items, or where the data set does not say what they are called.
    """

    skills: list[str]
    items: list[str]

    @classmethod
    def of(cls, dataset: Dataset, config: RunConfig) -> "Vocabulary":
        """That of a run with this configuration on a data set."""
        if config.model.items == "none" or not dataset.items:
            return cls(skills=dataset.skills, items=[])
        known = training_items(dataset, config.data.fold)
        return cls(skills=dataset.skills, items=[dataset.items[item] for item in known])

    @classmethod
    def read(cls, folder: Store) -> "Vocabulary | None":
        """That of the run in a folder; None for runs of before it was written. Raises StoreError."""
        name = file_name(folder, layout.VOCABULARY)
        try:
            return cls.model_validate_json(folder.read(name))
        except MissingObjectError:
            return None
        except ValidationError as error:
            raise StoreError(f"{folder.uri}/{name} is damaged: {explain(error)}. Train the run again") from None
